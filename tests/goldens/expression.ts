import { AnalysisError } from "../../src/engine/columns/analysis-error.ts";
import { literalExpression } from "../../src/engine/columns/literal.ts";
import { parsePath } from "../../src/engine/columns/column.ts";
import type { Expression } from "../../src/engine/columns/expression.ts";
import { intervalLiteral } from "../../src/engine/functions/time-window.ts";
import { parseDataType, parseTypeOrSchema } from "../../src/engine/types/ddl.ts";
import { parseDate, parseTimestamp } from "../../src/engine/types/timestamp-text.ts";

/** An expression as the golden files write it (FORMAT.md, "Expressions"). */
export type GoldenExpression =
  | { readonly col: string }
  | { readonly lit: null | boolean | number | string; readonly type?: "double" | "timestamp" | "date" | "interval" }
  | { readonly cast: GoldenExpression; readonly to: string }
  | { readonly tryCast: GoldenExpression; readonly to: string }
  | { readonly case: readonly (readonly [GoldenExpression, GoldenExpression])[]; readonly else?: GoldenExpression }
  | {
      readonly fn: string;
      readonly args?: readonly GoldenExpression[];
      readonly schema?: string;
      readonly options?: Readonly<Record<string, string>>;
      readonly over?: unknown;
    };

/** The same expression in the engine's plan. */
export function goldenExpression(golden: GoldenExpression): Expression {
  if ("col" in golden) return { kind: "column", path: parsePath(golden.col) };
  if ("lit" in golden) return goldenLiteral(golden);
  if ("cast" in golden) return { kind: "cast", input: goldenExpression(golden.cast), to: parseDataType(golden.to), mode: "cast" };
  if ("tryCast" in golden) return { kind: "cast", input: goldenExpression(golden.tryCast), to: parseDataType(golden.to), mode: "try" };
  if ("case" in golden) {
    const branches = golden.case.map(([when, then]): [Expression, Expression] => [goldenExpression(when), goldenExpression(then)]);
    return { kind: "case", branches, ...(golden.else && { otherwise: goldenExpression(golden.else) }) };
  }
  if (!("fn" in golden)) throw new Error(`unknown expression ${JSON.stringify(golden)}`);
  const args = (golden.args ?? []).map(goldenExpression);
  if (golden.over !== undefined) return { kind: "over", fn: golden.fn, args };
  if (golden.schema !== undefined) {
    return { kind: "call", fn: golden.fn, args, options: { schema: parseTypeOrSchema(golden.schema), options: golden.options ?? {} } };
  }
  const fn = golden.fn.toLowerCase();
  const [first, schema, options] = args;
  if (first && PARSERS.includes(fn) && schema?.kind === "literal" && typeof schema.value === "string")
    return { kind: "call", fn, args: [first], options: { schema: parseTypeOrSchema(schema.value), options: optionsOf(options) } };
  if (fn === "||") return { kind: "call", fn: "concat", args };
  if (CHAINED.has(fn) && first && args.length !== 2)
    return args.slice(1).reduce((all, one): Expression => ({ kind: "call", fn, args: [all, one] }), first);
  return { kind: "call", fn: golden.fn, args };
}

const PARSERS: readonly string[] = ["from_json", "from_csv"];
/** Operators between their arguments; of more than two the left ones go first. */
const CHAINED: ReadonlySet<string> = new Set(["+", "-", "*", "/", "%", "div", "and", "or"]);

/** The texts of `map('name', 'value', …)`. */
function optionsOf(map: Expression | undefined): Record<string, string> {
  if (map?.kind !== "call" || map.fn !== "map") return {};
  const texts = map.args.map((one) => (one.kind === "literal" ? String(one.value) : ""));
  return Object.fromEntries(texts.flatMap((name, i) => (i % 2 === 0 ? [[name, texts[i + 1] ?? ""]] : [])));
}

/** JSON cannot tell 5.0 from 5, so the format names the type of a literal where it is not plain. */
function goldenLiteral(golden: { readonly lit: null | boolean | number | string; readonly type?: string }): Expression {
  const { lit, type } = golden;
  if (lit === null) return literalExpression(null);
  switch (type) {
    case "double":
      return { kind: "literal", value: lit, dataType: { type: "double" } };
    case "timestamp":
      return { kind: "literal", value: typedText(parseTimestamp(String(lit)), lit, "TIMESTAMP"), dataType: { type: "timestamp" } };
    case "date":
      return { kind: "literal", value: typedText(parseDate(String(lit)), lit, "DATE"), dataType: { type: "date" } };
    case "interval":
      return intervalLiteral(String(lit));
    default:
      return literalExpression(lit);
  }
}

function typedText(value: number | null, text: boolean | number | string, type: string): number {
  if (value !== null) return value;
  throw new AnalysisError("INVALID_TYPED_LITERAL", {
    failed: `The value of the typed literal "${type}" is invalid`,
    found: `'${text}'`,
    remedy: "Write the text as the type has it.",
  });
}
