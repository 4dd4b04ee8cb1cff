import { unresolvedColumn } from "../columns/analysis-error.ts";
import type { Expression, NamedExpression } from "../columns/expression.ts";
import { literalExpression } from "../columns/literal.ts";
import type { Plan } from "../plan/plan.ts";
import type { DataType, StructField, StructType } from "../types/data-type.ts";
import { StreamlabError } from "../../base/errors.ts";

/** What stands where a value is missing: for all columns of its kind, or by column. */
export type FillValue = string | number | boolean;

/** How many values a row must have to stay: "any" missing value drops it (the default), only "all" of them, or fewer than `threshold` present. */
export type DropOptions = { readonly how?: "any" | "all"; readonly threshold?: number; readonly columns?: readonly string[] };

const NUMBERS: ReadonlySet<string> = new Set(["tinyint", "smallint", "int", "bigint", "float", "double", "decimal"]);

function isOfKind(type: DataType, value: FillValue): boolean {
  if (typeof value === "number") return NUMBERS.has(type.type);
  return type.type === typeof value;
}

/** A NaN counts as missing, as in Spark. */
function present(field: StructField): Expression {
  const column: Expression = { kind: "column", path: [field.name] };
  if (field.dataType.type !== "float" && field.dataType.type !== "double") return column;
  return { kind: "call", fn: "nanvl", args: [column, { kind: "cast", input: literalExpression(null), to: field.dataType, mode: "cast" }] };
}

function fieldsNamed(schema: StructType, names: readonly string[] | undefined): readonly StructField[] {
  if (!names) return schema.fields;
  return names.map((name) => {
    const found = schema.fields.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (!found)
      throw unresolvedColumn(
        name,
        schema.fields.map((one) => one.name),
      );
    return found;
  });
}

/** `na.fill`: missing values of the columns replaced. A value changes only columns of its kind (numbers, text, boolean), cast to their type. */
export function fillPlan(
  input: Plan,
  schema: StructType,
  values: FillValue | Readonly<Record<string, FillValue>>,
  columns?: readonly string[],
): Plan {
  const byName = new Map<string, FillValue>();
  if (typeof values === "object") {
    for (const [name, value] of Object.entries(values)) for (const field of fieldsNamed(schema, [name])) byName.set(field.name, value);
  } else for (const field of fieldsNamed(schema, columns)) if (isOfKind(field.dataType, values)) byName.set(field.name, values);
  const filled = schema.fields.map((field): NamedExpression => {
    const value = byName.get(field.name);
    if (value === undefined) return { name: field.name, expr: { kind: "column", path: [field.name] } };
    const to: Expression = { kind: "cast", input: literalExpression(value), to: field.dataType, mode: "cast" };
    return { name: field.name, expr: { kind: "call", fn: "coalesce", args: [present(field), to] } };
  });
  return { op: "project", input, columns: filled };
}

/** `na.drop`: rows without enough values go. @throws StreamlabError INVALID_HOW */
export function dropPlan(input: Plan, schema: StructType, options: DropOptions): Plan {
  const fields = fieldsNamed(schema, options.columns);
  const { how = "any" } = options;
  if (how !== "any" && how !== "all")
    throw new StreamlabError("INVALID_HOW", {
      failed: "Cannot drop rows with missing values",
      found: `how: ${String(how)}`,
      remedy: 'Write "any" or "all".',
    });
  const needed = options.threshold ?? (how === "any" ? fields.length : 1);
  const one = (field: StructField): Expression => ({
    kind: "case",
    branches: [[{ kind: "call", fn: "isnotnull", args: [present(field)] }, literalExpression(1)]],
    otherwise: literalExpression(0),
  });
  const count = fields.map(one).reduce((sum, next): Expression => ({ kind: "call", fn: "+", args: [sum, next] }), literalExpression(0));
  return { op: "filter", input, condition: { kind: "call", fn: ">=", args: [count, literalExpression(needed)] } };
}
