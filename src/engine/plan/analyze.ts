import { AnalysisError } from "../columns/analysis-error.ts";
import { commonType } from "../columns/coerce.ts";
import { parsePath } from "../columns/column.ts";
import type { NamedExpression } from "../columns/expression.ts";
import { columnName } from "../columns/expression-text.ts";
import { containsAggregate } from "../columns/resolve-aggregate.ts";
import { resolveIn } from "../columns/resolve.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { ResolvedCallNode } from "../functions/function-entry.ts";
import type { DataType, StructType } from "../types/data-type.ts";
import { US_PER_DAY } from "../types/calendar.ts";
import { parseIntervalLiteral } from "../types/interval-text.ts";
import { fieldOrdinals, sameType } from "../types/schema.ts";
import { simpleString, sqlTypeName } from "../types/type-text.ts";
import { analyzeAggregate, sessionOfSelect } from "./analyze-aggregate.ts";
import { sessionOfRow, withTime } from "./session-column.ts";
import { analyzeJoin } from "./analyze-join.ts";
import { analyzeObserve } from "./analyze-observe.ts";
import type { AnalysisContext } from "./scope.ts";
import { sortable, withMissingColumns } from "./missing-columns.ts";
import { resolveFilter } from "./resolve-filter.ts";
import { columnOf, scopeOf } from "./scope.ts";
import { WindowColumns } from "./window-columns.ts";
import type { Column, Node } from "./node.ts";
import { fieldRef, schemaOf } from "./node.ts";
import type { Plan } from "./plan.ts";

/**
 * Gives a plan its meaning: every name resolved, every type known, windows and generators as nodes of their own, event times followed through
 * projections and groupings. Throws AnalysisError with Spark's error class; whether a stream may run it is for `check`.
 */
export function analyze(plan: Plan, context: AnalysisContext): Node {
  let seed = 0;
  return analyzeIn(plan, { ...context, seeds: { next: () => seed++ } });
}

function analyzeIn(plan: Plan, context: AnalysisContext): Node {
  switch (plan.op) {
    case "source":
      return {
        op: "source",
        format: plan.format,
        options: plan.options,
        schema: plan.schema,
        streaming: plan.streaming,
        columns: plan.schema.fields,
      };
    case "local":
      return { op: "local", rows: plan.rows, streaming: false, columns: plan.schema.fields };
    case "watermark":
      return analyzeWatermark(plan, analyzeIn(plan.input, context));
    case "filter":
      return withMissingColumns(analyzeIn(plan.input, context), (input): Node => {
        const condition = resolveFilter(plan.condition, scopeOf(input, context));
        return { op: "filter", input, condition, columns: input.columns, streaming: input.streaming };
      });
    case "project":
      if (plan.columns.some(({ expr }) => containsAggregate(expr)))
        return analyzeIn({ op: "aggregate", input: plan.input, groupBy: [], aggregates: plan.columns, grouping: "plain" }, context);
      return analyzeProject(plan.columns, analyzeIn(plan.input, context), context);
    case "aggregate": {
      const direct = sessionOfSelect(plan);
      return analyzeAggregate(direct, analyzeIn(direct.input, context), context);
    }
    case "deduplicate": {
      const input = analyzeIn(plan.input, context);
      const schema = schemaOf(input.columns);
      const named = plan.columns.flatMap((name) => duplicateKeys(name, schema));
      const ordinals = named.length === 0 ? input.columns.map((_, i) => i) : named;
      for (const ordinal of ordinals) refuseMapKey(input.columns[ordinal]);
      return {
        op: "deduplicate",
        input,
        ordinals,
        withinWatermark: plan.withinWatermark,
        columns: input.columns,
        streaming: input.streaming,
      };
    }
    case "join":
      return analyzeJoin(plan, analyzeIn(plan.left, context), analyzeIn(plan.right, context), context);
    case "union":
    case "intersect":
    case "except":
      return analyzeSetOperation(plan.op, analyzeIn(plan.left, context), analyzeIn(plan.right, context), context);
    case "sort":
      return withMissingColumns(analyzeIn(plan.input, context), (input): Node => {
        const scope = scopeOf(input, context);
        const by = plan.by.map(({ expr, descending, nullsFirst }) => ({ expr: sortable(resolveIn(expr, scope)), descending, nullsFirst }));
        return { op: "sort", input, by, columns: input.columns, streaming: input.streaming };
      });
    case "limit":
    case "offset": {
      const input = analyzeIn(plan.input, context);
      return { op: plan.op, input, n: plan.n, columns: input.columns, streaming: input.streaming };
    }
    case "observe":
      return analyzeObserve(plan, analyzeIn(plan.input, context), context);
    case "sample": {
      if (!(plan.fraction >= 0 && plan.fraction <= 1))
        throw new AnalysisError("ILLEGAL_ARGUMENT", {
          failed: `requirement failed: Sampling fraction (${plan.fraction}) must be on interval [0, 1] without replacement`,
          found: String(plan.fraction),
          remedy: "Give a part between 0 and 1.",
        });
      const input = analyzeIn(plan.input, context);
      return { op: "sample", input, fraction: plan.fraction, columns: input.columns, streaming: input.streaming };
    }
  }
}

/** The ordinal of the event time: a path of names that must lead to a column itself. */
function eventTimeOrdinal(name: string, schema: StructType): number {
  const column = resolveIn({ kind: "column", path: parsePath(name) }, { input: schema, settings: { ansi: true } });
  if (column.kind === "field") return column.ordinal;
  throw new AnalysisError("EVENT_TIME_MUST_BE_TOP_LEVEL_COLUMN", {
    failed: `The event time \`${name}\` must be a top-level column`,
    found: "it is a field of a column",
    remedy: "Select the field as a column of its own first.",
  });
}

/** The columns of one name among the keys of a deduplication: all of that name; names are of columns, not paths. */
function duplicateKeys(name: string, schema: StructType): readonly number[] {
  const ordinals = fieldOrdinals(schema, name);
  if (ordinals.length > 0) return ordinals;
  const names = schema.fields.map((one) => one.name).join(", ");
  throw new AnalysisError("UNRESOLVED_COLUMN_AMONG_FIELD_NAMES", {
    failed: `Cannot resolve column name "${name}" among (${names})`,
    found: `dropDuplicates("${name}")`,
    remedy: "Name a whole column; select a field of a struct as a column of its own first.",
  });
}

function refuseMapKey(column: Column | undefined): void {
  if (column === undefined || !holdsMap(column.dataType)) return;
  throw new AnalysisError("UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE", {
    failed: "The feature is not supported: Cannot have MAP type columns in a set operation (INTERSECT, EXCEPT, etc.)",
    found: `the column \`${column.name}\` is of type "${sqlTypeName(column.dataType)}"`,
    remedy: "Leave the column out of the keys, or turn it into text with to_json.",
  });
}

function holdsMap(type: DataType): boolean {
  if (type.type === "map") return true;
  if (type.type === "array") return holdsMap(type.element);
  return type.type === "struct" && type.fields.some((one) => holdsMap(one.dataType));
}

function analyzeWatermark(plan: Extract<Plan, { op: "watermark" }>, input: Node): Node {
  const ordinal = eventTimeOrdinal(plan.column, schemaOf(input.columns));
  const column = input.columns[ordinal];
  const type = column?.dataType;
  const isWindow = type?.type === "struct" && type.fields.some((one) => one.name === "end" && one.dataType.type === "timestamp");
  if (type?.type !== "timestamp" && !isWindow) {
    throw new AnalysisError("EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE", {
      failed: `The event time \`${plan.column}\` has the invalid type "${type ? sqlTypeName(type) : "VOID"}", but expected "TIMESTAMP"`,
      found: `withWatermark("${plan.column}", "${plan.delay}")`,
      remedy: "Convert the column first, for example with to_timestamp, or name another one.",
    });
  }
  const delayMs = watermarkDelayMs(plan.delay);
  const columns = input.columns.map((one, i): Column => (i === ordinal ? { ...one, eventTimeDelayMs: delayMs } : withoutEventTime(one)));
  return { op: "watermark", input, ordinal, delayMs, columns, streaming: input.streaming };
}

function withoutEventTime(column: Column): Column {
  const { eventTimeDelayMs: _, ...rest } = column;
  return rest;
}

/** A delay may be given in months and years: a month has 31 days there, a year twelve months (Spark's EventTimeWatermark). */
function watermarkDelayMs(text: string): number {
  const delay = parseIntervalLiteral(text);
  if (delay === undefined) {
    throw new AnalysisError("CANNOT_PARSE_INTERVAL", {
      failed: `Unable to parse '${text}'`,
      found: "the delay of a watermark is no duration",
      remedy: 'Write a number and a unit, as in "10 seconds" or "5 minutes".',
    });
  }
  const delayMs = Math.trunc((delay.months * 31 * US_PER_DAY + delay.us) / 1000);
  if (delayMs < 0) {
    throw new AnalysisError("ILLEGAL_ARGUMENT", {
      failed: `requirement failed: delay threshold (${text}) should not be negative`,
      found: `${delayMs} ms`,
      remedy: "Give zero or a positive duration.",
    });
  }
  return delayMs;
}

function analyzeProject(named: readonly NamedExpression[], input: Node, context: AnalysisContext): Node {
  const scope = scopeOf(input, context);
  const expressions: Resolved[] = [];
  const names: string[] = [];
  const windows = new WindowColumns(input);
  for (const one of named.flatMap((each) => expandStar(each, scope))) {
    const resolved = resolveIn(one.expr, scope);
    const generator = resolved.kind === "call" ? resolved.entry.generator : undefined;
    if (resolved.kind === "call" && generator?.kind === "session") {
      windows.below = withTime(windows.below, resolved);
      expressions.push(sessionOfRow(resolved, context));
      names.push(one.name);
      continue;
    }
    if (resolved.kind !== "call" || generator?.kind !== "rows") {
      expressions.push(resolved.kind === "call" && generator ? windows.column(resolved, one.name) : windows.lifted(resolved));
      names.push(one.name);
      continue;
    }
    const first = windows.below.columns.length;
    windows.below = addGenerator(windows.below, resolved);
    const added = windows.below.columns.slice(first);
    if (added.length > 1 && one.name !== columnName(one.expr)) throw aliasMismatch(one.name, added.length);
    added.forEach((column, i) => {
      expressions.push(fieldRef(windows.below.columns, first + i));
      names.push(added.length === 1 ? one.name : column.name);
    });
  }
  const { below } = windows;
  const columns = expressions.map((expression, i) => columnOf(names[i] ?? "", expression, below.columns));
  return { op: "project", input: below, expressions, columns, streaming: input.streaming };
}

function aliasMismatch(name: string, columns: number): AnalysisError {
  return new AnalysisError("UDTF_ALIAS_NUMBER_MISMATCH", {
    failed: "The number of aliases supplied in the AS clause does not match the number of columns output by the UDTF",
    found: `one name, ${name}, for ${columns} columns`,
    remedy: "Select it without a name, then rename the columns.",
  });
}

function addGenerator(input: Node, call: ResolvedCallNode): Node {
  if (allGenerators(input)) {
    throw new AnalysisError("UNSUPPORTED_GENERATOR.MULTI_GENERATOR", {
      failed: "The generator is not supported: only one generator allowed per SELECT clause",
      found: call.entry.name,
      remedy: "Put the second generator into a select of its own.",
    });
  }
  const columns = call.entry.generator?.columns(call) ?? [];
  return { op: "generate", input, call, columns: [...input.columns, ...columns], streaming: input.streaming };
}

function allGenerators(node: Node): boolean {
  return (
    node.op === "generate" &&
    node.columns.length > node.input.columns.length &&
    node.call.entry.generator?.kind === "rows" &&
    node.input.op === "generate"
  );
}

function expandStar(one: NamedExpression, scope: { readonly input: StructType; readonly settings: ExpressionSettings }): NamedExpression[] {
  const { expr } = one;
  if (expr.kind !== "column" || expr.path.at(-1) !== "*") return [one];
  const base = expr.path.slice(0, -1);
  if (base.length === 0) return scope.input.fields.map(({ name }) => ({ name, expr: { kind: "column", path: [name] } }));
  const type = resolveIn({ kind: "column", path: base }, scope).dataType;
  if (type.type !== "struct") {
    throw new AnalysisError("INVALID_USAGE_OF_STAR_OR_REGEX", {
      failed: `Can only star expand struct data types`,
      found: `${base.join(".")} is of type ${simpleString(type)}`,
      remedy: "Name the column without a star.",
    });
  }
  return type.fields.map(({ name }) => ({ name, expr: { kind: "column", path: [...base, name] } }));
}

function analyzeSetOperation(op: "union" | "intersect" | "except", left: Node, right: Node, context: AnalysisContext): Node {
  if (left.columns.length !== right.columns.length) {
    throw new AnalysisError("NUM_COLUMNS_MISMATCH", {
      failed: `${op.toUpperCase()} can only be performed on inputs with the same number of columns`,
      found: `the first has ${left.columns.length} columns and the second has ${right.columns.length}`,
      remedy: "Select the same columns on both sides.",
    });
  }
  const types = left.columns.map((column, i) => {
    const other = right.columns[i]?.dataType ?? column.dataType;
    const common = commonType(column.dataType, other, context.settings);
    if (common) return common;
    throw new AnalysisError("INCOMPATIBLE_COLUMN_TYPE", {
      failed: `${op.toUpperCase()} can only be performed on tables with compatible column types`,
      found: `column ${i + 1} is "${sqlTypeName(other)}" where the first table has "${sqlTypeName(column.dataType)}"`,
      remedy: "Cast the column on one side.",
    });
  });
  const columns = left.columns.map((column, i): Column => ({
    ...column,
    dataType: types[i] ?? column.dataType,
    nullable: column.nullable || (right.columns[i]?.nullable ?? true),
  }));
  const streaming = left.streaming || right.streaming;
  return { op, left: widened(left, columns), right: widened(right, columns), columns, streaming };
}

/** The node with its columns cast to the types of `columns`, where they differ. */
function widened(node: Node, columns: readonly Column[]): Node {
  if (columns.every((column, i) => sameType(column.dataType, node.columns[i]?.dataType ?? column.dataType))) return node;
  const expressions = columns.map((column, i): Resolved => {
    const field = fieldRef(node.columns, i);
    return sameType(field.dataType, column.dataType)
      ? field
      : { kind: "cast", input: field, mode: "cast", dataType: column.dataType, nullable: column.nullable };
  });
  return {
    op: "project",
    input: node,
    expressions,
    columns: expressions.map((one, i) => columnOf(columns[i]?.name ?? "", one, node.columns)),
    streaming: node.streaming,
  };
}
