import { StreamlabError } from "../../base/errors.ts";
import type { NamedExpression } from "../columns/expression.ts";
import { expressionText } from "../columns/expression-text.ts";
import type { ExpressionSettings } from "../columns/resolved.ts";
import { durationText, resolvedText } from "../columns/resolved-text.ts";
import { compile } from "../operators/compile.ts";
import { StateFiles } from "../state/state-files.ts";
import { simpleString } from "../types/type-text.ts";
import type { Node } from "./node.ts";
import { inputsOf } from "./node.ts";
import { optimize } from "./optimize.ts";
import type { OutputMode, Plan } from "./plan.ts";

const MODES = ["simple", "extended", "codegen", "formatted"] as const;

/** What `explain` says: the plan as it runs; every step of its understanding as well; the generated functions; or the steps one by one. */
export type ExplainMode = (typeof MODES)[number];

/** The mode by its name, in any case. @throws StreamlabError INVALID_EXPLAIN_MODE */
export function explainModeOf(name: string): ExplainMode {
  const found = MODES.find((one) => one === name.toLowerCase());
  if (found) return found;
  throw new StreamlabError("INVALID_EXPLAIN_MODE", {
    failed: `Unknown explain mode: ${name}`,
    found: name,
    remedy: `Accepted explain modes are ${MODES.map((one) => `'${one}'`).join(", ")}.`,
  });
}

/** The text of `explain`, with Spark's headings. `written` is the plan as the user's calls made it. */
export function explainPlan(
  written: Plan,
  plan: Node,
  options: { readonly mode: ExplainMode; readonly outputMode: OutputMode; readonly settings: ExpressionSettings },
): string {
  const optimized = optimize(plan);
  const physical = `== Physical Plan ==\n${physicalText(optimized, options.outputMode)}`;
  if (options.mode === "simple") return physical;
  if (options.mode === "formatted") return `== Physical Plan ==\n${formattedText(optimized, options.outputMode)}`;
  if (options.mode === "codegen") return generatedCode(optimized, options);
  const schema = plan.columns.map((column) => `${column.name}: ${simpleString(column.dataType)}`).join(", ");
  const steps = [
    `== Parsed Logical Plan ==\n${writtenTree(written)}`,
    `== Analyzed Logical Plan ==\n${schema}\n${tree(plan, title)}`,
    `== Optimized Logical Plan ==\n${tree(optimized, title)}`,
    physical,
  ];
  return steps.join("\n\n");
}

function generatedCode(plan: Node, options: { readonly outputMode: OutputMode; readonly settings: ExpressionSettings }): string {
  const compiled = compile(plan, {
    mode: options.outputMode,
    settings: { ...options.settings, keepDeadLetters: false },
    stateFiles: () => new StateFiles(""),
  });
  for (const leaf of compiled.leaves) {
    for (const stage of leaf.stages) {
      if (leaf.node.format === "kafka") stage.overRecords(leaf.node.schema);
      else if (leaf.node.format === "text") stage.overRaw(leaf.node.columns, [0], true);
      else stage.overRows(leaf.node.columns, true);
    }
  }
  const found = compiled.stages.filter((stage) => stage.code.length > 0);
  const subtrees = found.length === 1 ? "subtree" : "subtrees";
  const parts = found.map(
    (stage, i) => `== Subtree ${i + 1} / ${found.length} ==\n${stage.title}\n\nGenerated code:\n${stage.code.join("\n\n")}`,
  );
  return [`Found ${found.length} WholeStageCodegen ${subtrees}.`, ...parts].join("\n\n");
}

const STATELESS: ReadonlySet<Node["op"]> = new Set([
  "source",
  "local",
  "filter",
  "project",
  "generate",
  "window",
  "watermark",
  "sample",
  "observe",
]);

/** The plan as it runs: `*(n)` marks what the n-th generated function does; the other nodes keep rows, for one batch or (`state`) from batch to batch. */
function physicalText(plan: Node, outputMode: OutputMode): string {
  const stages = new Map<Node, number>();
  let count = 0;
  const number = (node: Node, parent: number | undefined): void => {
    const stage = STATELESS.has(node.op) ? (parent ?? ++count) : undefined;
    if (stage !== undefined) stages.set(node, stage);
    for (const input of inputsOf(node)) number(input, stage);
  };
  number(plan, undefined);
  return tree(plan, (node) => {
    const stage = stages.get(node);
    if (stage !== undefined) return `*(${count - stage + 1}) ${title(node)}`;
    return keepsState(node) ? `${title(node)}, state, ${outputMode} mode` : title(node);
  });
}

/** The plan by numbers, from the sources up, and what each step reads, does and gives. */
function formattedText(plan: Node, outputMode: OutputMode): string {
  const numbers = new Map<Node, number>();
  const details: string[] = [];
  const walk = (node: Node): void => {
    for (const input of inputsOf(node)) walk(input);
    const number = numbers.size + 1;
    numbers.set(node, number);
    const columns = (one: Node): string => `[${one.columns.length}]: [${one.columns.map((column) => column.name).join(", ")}]`;
    const [name = "", ...rest] = title(node).split(" ");
    const inputs = inputsOf(node);
    const sides = inputs.length === 2 ? ["Left input", "Right input"] : ["Input"];
    const lines = [`(${number}) ${name}`, ...inputs.map((input, i) => `${sides[i] ?? ""} ${columns(input)}`)];
    if (node.op !== "filter") lines.push(`Output ${columns(node)}`);
    if (node.op === "filter") lines.push(`Condition : ${resolvedText(node.condition)}`);
    else if (rest.length > 0 && node.op !== "source" && node.op !== "local") lines.push(`Arguments: ${rest.join(" ")}`);
    if (node.op === "source") lines.push(`Format: ${node.format}`);
    if (keepsState(node)) lines.push(`State: kept from batch to batch, ${outputMode} mode`);
    details.push(lines.join("\n"));
  };
  walk(plan);
  const titles = tree(plan, (node) => `${title(node).split(" ")[0] ?? ""} (${numbers.get(node) ?? 0})`);
  return [titles, "", "", details.join("\n\n")].join("\n");
}

function keepsState(node: Node): boolean {
  if (node.op === "join") return node.left.streaming && node.right.streaming;
  return node.streaming && ["aggregate", "session", "deduplicate", "limit"].includes(node.op);
}

function writtenTree(plan: Plan, depth: number = 0): string {
  const line = `${indentation(depth)}${writtenTitle(plan)}`;
  const inputs = "left" in plan ? [plan.left, plan.right] : "input" in plan ? [plan.input] : [];
  return [line, ...inputs.map((input) => writtenTree(input, depth + 1))].join("\n");
}

function writtenTitle(plan: Plan): string {
  const named = (list: readonly NamedExpression[]): string =>
    list
      .map(({ name, expr }) => {
        const text = expressionText(expr);
        return text === name || name === "*" ? text : `${text} AS ${name}`;
      })
      .join(", ");
  switch (plan.op) {
    case "source":
      return `${plan.streaming ? "StreamingRelation" : "Relation"} ${plan.format}`;
    case "local":
      return `LocalRelation [${plan.schema.fields.map((one) => one.name).join(", ")}]`;
    case "watermark":
      return `EventTimeWatermark ${plan.column}, ${plan.delay}`;
    case "filter":
      return `Filter ${expressionText(plan.condition)}`;
    case "project":
      return `Project [${named(plan.columns)}]`;
    case "aggregate":
      return `Aggregate ${plan.grouping === "plain" ? "" : `${plan.grouping} `}[${named(plan.groupBy)}], [${named(plan.aggregates)}]`;
    case "deduplicate":
      return `Deduplicate${plan.withinWatermark ? "WithinWatermark" : ""} [${plan.columns.join(", ")}]`;
    case "join":
      return `Join ${plan.type}${plan.condition ? `, ${expressionText(plan.condition)}` : ""}`;
    case "sort":
      return `Sort [${plan.by.map((key) => `${expressionText(key.expr)} ${key.descending ? "DESC" : "ASC"} NULLS ${key.nullsFirst ? "FIRST" : "LAST"}`).join(", ")}]`;
    case "limit":
    case "offset":
      return `${plan.op === "limit" ? "Limit" : "Offset"} ${plan.n}`;
    case "sample":
      return `Sample ${plan.fraction}`;
    case "observe":
      return `CollectMetrics ${plan.name}, [${named(plan.aggregates)}]`;
    default:
      return plan.op === "union" ? "Union" : plan.op === "intersect" ? "Intersect" : "ExceptAll";
  }
}

function indentation(depth: number): string {
  return depth === 0 ? "" : `${"   ".repeat(depth - 1)}+- `;
}

function tree(node: Node, titled: (node: Node) => string, depth: number = 0): string {
  const line = `${indentation(depth)}${titled(node)}`;
  return [line, ...inputsOf(node).map((input) => tree(input, titled, depth + 1))].join("\n");
}

function title(node: Node): string {
  const names = node.columns.map((column) => column.name).join(", ");
  switch (node.op) {
    case "source":
      return `${node.streaming ? "StreamingRelation" : "Relation"} ${node.format} [${names}]`;
    case "local":
      return `LocalRelation [${names}]`;
    case "watermark":
      return `EventTimeWatermark ${node.columns[node.ordinal]?.name ?? ""}: ${node.delayMs} milliseconds`;
    case "filter":
      return `Filter ${resolvedText(node.condition)}`;
    case "project":
      return `Project [${node.expressions.map((one, i) => namedText(resolvedText(one), node.columns[i]?.name ?? "")).join(", ")}]`;
    case "generate":
      return `Generate ${resolvedText(node.call)}`;
    case "window":
      return `Window ${resolvedText(node.time)}, ${durationText(node.window.sizeUs)} every ${durationText(node.window.slideUs)}${node.window.startUs === 0 ? "" : ` from ${durationText(node.window.startUs)}`}`;
    case "aggregate":
      return `Aggregate [${node.keyColumns.map((column) => column.name).join(", ")}], [${node.calls.map((call) => call.text).join(", ")}]`;
    case "session":
      return `SessionAggregate [${node.keyColumns.map((column) => column.name).join(", ")}], [${node.calls.map((call) => call.text).join(", ")}]`;
    case "deduplicate":
      return `${node.withinWatermark ? "DeduplicateWithinWatermark" : "Deduplicate"} [${node.ordinals.map((i) => node.columns[i]?.name ?? "").join(", ")}]`;
    case "join":
      return `Join ${node.type}, ${node.leftKeys.map((key, i) => `${resolvedText(key)} = right.${resolvedText(node.rightKeys[i] ?? key)}`).join(" AND ")}${node.condition ? ` AND ${resolvedText(node.condition)}` : ""}`;
    case "sort":
      return `Sort [${node.by.map((key) => `${resolvedText(key.expr)} ${key.descending ? "DESC" : "ASC"}`).join(", ")}]`;
    case "limit":
    case "offset":
      return `${node.op === "limit" ? "Limit" : "Offset"} ${node.n}`;
    case "sample":
      return `Sample ${node.fraction}`;
    case "observe":
      return `CollectMetrics ${node.name}, [${node.calls.map((call) => call.text).join(", ")}]`;
    default:
      return node.op === "union" ? "Union" : node.op === "intersect" ? "Intersect" : "ExceptAll";
  }
}

function namedText(text: string, name: string): string {
  return text === name ? name : `${text} AS ${name}`;
}
