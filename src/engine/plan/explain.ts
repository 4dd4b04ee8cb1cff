import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { compile } from "../operators/compile.ts";
import { StateFiles } from "../state/state-files.ts";
import { simpleString } from "../types/type-text.ts";
import type { Node } from "./node.ts";
import { inputsOf } from "./node.ts";
import { optimize } from "./optimize.ts";
import type { OutputMode } from "./plan.ts";

/** The text of `explain`: the plan as written, the plan as it runs, and with "codegen" the functions of its stages. */
export function explainPlan(
  plan: Node,
  options: { readonly mode: "simple" | "extended" | "codegen"; readonly outputMode: OutputMode; readonly settings: ExpressionSettings },
): string {
  const optimized = optimize(plan);
  const physical = `== Physical Plan ==\n${tree(optimized)}`;
  if (options.mode === "simple") return physical;
  const logical = `== Analyzed Logical Plan ==\n${tree(plan)}\n\n${physical}`;
  if (options.mode === "extended") return logical;
  const compiled = compile(optimized, {
    mode: options.outputMode,
    settings: { ...options.settings, keepDeadLetters: false },
    stateFiles: () => new StateFiles(""),
  });
  for (const leaf of compiled.leaves) {
    for (const stage of leaf.stages) {
      if (leaf.node.format === "kafka") stage.overRecords(leaf.node.schema);
      else stage.overRows(leaf.node.columns, true);
    }
  }
  return `${logical}\n\n== Generated code ==\n${compiled.stages.flatMap((stage) => stage.code).join("\n\n")}`;
}

function tree(node: Node, depth: number = 0): string {
  const line = `${depth === 0 ? "" : `${"   ".repeat(depth - 1)}+- `}${title(node)}`;
  return [line, ...inputsOf(node).map((input) => tree(input, depth + 1))].join("\n");
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
      return `Project [${node.expressions.map((one, i) => `${resolvedText(one)} AS ${node.columns[i]?.name ?? ""}`).join(", ")}]`;
    case "generate":
      return `Generate ${resolvedText(node.call)}`;
    case "window":
      return `Window ${resolvedText(node.time)} size ${node.window.sizeUs} slide ${node.window.slideUs} start ${node.window.startUs} µs`;
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
    default:
      return node.op === "union" ? "Union" : node.op === "intersect" ? "Intersect" : "ExceptAll";
  }
}

function resolvedText(expression: Resolved): string {
  switch (expression.kind) {
    case "field":
      return expression.name;
    case "literal":
      return expression.value === null ? "NULL" : typeof expression.value === "string" ? `'${expression.value}'` : String(expression.value);
    case "call": {
      const args = expression.args.map(resolvedText);
      return /^\W|^and$|^or$|^div$/.test(expression.entry.name) && args.length === 2
        ? `(${args.join(` ${expression.entry.name} `)})`
        : `${expression.entry.name}(${args.join(", ")})`;
    }
    case "cast":
      return `${expression.mode === "try" ? "try_cast" : "cast"}(${resolvedText(expression.input)} as ${simpleString(expression.dataType)})`;
    case "case":
      return `CASE ${expression.branches.map(([when, then]) => `WHEN ${resolvedText(when)} THEN ${resolvedText(then)}`).join(" ")}${expression.otherwise ? ` ELSE ${resolvedText(expression.otherwise)}` : ""} END`;
    case "getField":
      return `${resolvedText(expression.input)}.${expression.name}`;
  }
}
