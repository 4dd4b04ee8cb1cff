import type { Emitted } from "../codegen/code.ts";
import { anyNull } from "../codegen/emit.ts";
import { placeholder } from "../codegen/literal-text.ts";
import type { AnalysisError } from "../columns/analysis-error.ts";
import { datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, commonType, commonTypeOf, commonTypeWithoutText, isNumeric } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { compareDoubles, comparatorOf } from "../types/compare.ts";
import type { DataType } from "../types/data-type.ts";
import { sameType } from "../types/schema.ts";
import { sqlTypeName } from "../types/type-text.ts";
import { emitRawTest, sameBytes } from "./bytes/raw-text.ts";
import type { EmitContext, FunctionEntry } from "./function-entry.ts";
import { BOOLEAN } from "./scalar.ts";

/** =, <>, <, <=, >, >=, <=>, in, greatest, least. NaN equals NaN and is greater than everything, −0.0 equals 0.0. */
export const comparisons: readonly FunctionEntry[] = [
  comparison("=", "Whether both are equal; null if one is null.", "==="),
  comparison("==", "The same as =.", "==="),
  comparison("<>", "Whether both differ.", "!=="),
  comparison("!=", "The same as <>.", "!=="),
  comparison("<", "Whether the first is less.", "<"),
  comparison("<=", "Whether the first is not greater.", "<="),
  comparison(">", "Whether the first is greater.", ">"),
  comparison(">=", "Whether the first is not less.", ">="),
  nullSafe("<=>", "Whether both are equal, two nulls being equal; never null."),
  nullSafe("equal_null", "The same as <=>."),
  {
    name: "in",
    doc: "Whether the first is among the others; null if it is not but one of them is null.",
    resolve(args, _options, settings) {
      if (args.length < 1) throw wrongArgumentCount("in", "at least 1", args.length);
      return { args: alike("in", args, settings, comparedWith), dataType: BOOLEAN, nullable: args.some((arg) => arg.nullable) };
    },
    emit: emitIn,
  },
  extreme("greatest", "The greatest of the values that are not null; NaN is greatest.", ">"),
  extreme("least", "The least of the values that are not null.", "<"),
];

function nullSafe(name: string, doc: string): FunctionEntry {
  return {
    name,
    doc,
    resolve: (args, _options, settings) => ({ args: comparable(name, args, settings), dataType: BOOLEAN, nullable: false }),
    emit(call, context) {
      const [a, b] = emitPair(call.args, context);
      if (a.isNull === "true") return { value: b.isNull, isNull: "false" };
      if (b.isNull === "true") return { value: a.isNull, isNull: "false" };
      const same = compareText("===", a.value, b.value, typeOf(call.args), context);
      const both = anyNull(a, b);
      if (both === "false") return { value: same, isNull: "false" };
      return { value: `(${both} ? ${a.isNull} && ${b.isNull} : ${same})`, isNull: "false" };
    },
  };
}

function comparison(name: string, doc: string, operator: string): FunctionEntry {
  return {
    name,
    doc,
    resolve: (args, _options, settings) => ({
      args: comparable(name, args, settings),
      dataType: BOOLEAN,
      nullable: args.some((arg) => arg.nullable),
    }),
    emit(call, context): Emitted {
      const same = operator === "===" || operator === "!==" ? emitSameBytes(call.args, context) : undefined;
      if (same) return operator === "===" ? same : { value: `!${same.value}`, isNull: same.isNull };
      const [a, b] = emitPair(call.args, context);
      const isNull = anyNull(a, b);
      if (isNull === "true") return { value: "null", isNull };
      return { value: compareText(operator, a.value, b.value, typeOf(call.args), context, isNull), isNull };
    },
  };
}

/** Equality of a text that lies as bytes with a literal, on either side. */
function emitSameBytes(args: readonly Resolved[], context: EmitContext): Emitted | undefined {
  return emitRawTest(args, context, sameBytes) ?? emitRawTest([...args].reverse(), context, sameBytes);
}

function typeOf(args: readonly Resolved[]): DataType {
  return args[0]?.dataType ?? { type: "null" };
}

function emitPair(args: readonly Resolved[], context: EmitContext): [Emitted, Emitted] {
  const [first, second] = args;
  if (!first || !second) throw new RangeError("a comparison takes two");
  return [context.emit(first), context.emit(second)];
}

/**
 * The text of a comparison of two values; `isNull` guards types whose comparison must not see a null.
 */
export function compareText(
  operator: string,
  a: string,
  b: string,
  type: DataType,
  context: EmitContext,
  isNull: string = "false",
): string {
  const { writer } = context;
  switch (type.type) {
    case "float":
    case "double":
      return doubleText(operator, a, b, context);
    case "string": {
      if (operator === "===" || operator === "!==") return `${a} ${operator} ${b}`;
      const compare = writer.constant("compare", comparatorOf(type));
      return guard(isNull, `${compare}(${a}, ${b}) ${operator} 0`);
    }
    case "binary":
    case "array":
    case "struct":
    case "map": {
      const compare = writer.constant("compare", comparatorOf(type));
      return guard(isNull, `${compare}(${a}, ${b}) ${operator} 0`);
    }
    default:
      return `${a} ${operator} ${b}`;
  }
}

function guard(isNull: string, text: string): string {
  return isNull === "false" ? text : `!(${isNull}) && ${text}`;
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;

/** JavaScript's comparisons differ from Spark's only for NaN; against a number that is none the check is left out. */
function doubleText(operator: string, a: string, b: string, context: EmitContext): string {
  const plainB = NUMBER.test(b);
  const plainA = NUMBER.test(a);
  if (plainB && (operator === "===" || operator === "!==" || operator === "<" || operator === "<=")) return `${a} ${operator} ${b}`;
  if (plainA && (operator === "===" || operator === "!==" || operator === ">" || operator === ">=")) return `${a} ${operator} ${b}`;
  if (plainB && operator === ">") return `!(${a} <= ${b})`;
  if (plainB && operator === ">=") return `!(${a} < ${b})`;
  if (plainA && operator === "<") return `!(${b} <= ${a})`;
  if (plainA && operator === "<=") return `!(${b} < ${a})`;
  return `${context.writer.constant("compareDoubles", compareDoubles)}(${a}, ${b}) ${operator} 0`;
}

/** Two operands brought to one type that has an order (DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES if there is none). */
export function comparable(name: string, args: readonly Resolved[], settings: ExpressionSettings): Resolved[] {
  const [a, b] = args;
  if (args.length !== 2 || !a || !b) throw wrongArgumentCount(name, "2", args.length);
  const common = comparisonType(name, a.dataType, b.dataType, settings);
  if (common === undefined) {
    throw datatypeMismatch(
      "BINARY_OP_DIFF_TYPES",
      `(… ${name} …)`,
      `the left and right operands of the binary operator have incompatible types ("${sqlTypeName(a.dataType)}" and "${sqlTypeName(b.dataType)}")`,
      "Cast one side to the type of the other.",
    );
  }
  if (holdsMap(common)) throw unordered(name, common);
  return [castTo(a, common, settings), castTo(b, common, settings)];
}

/** Whether there is a map anywhere in a type: such values have no order, and no equality. */
export function holdsMap(type: DataType): boolean {
  if (type.type === "struct") return type.fields.some((one) => holdsMap(one.dataType));
  return type.type === "map" || (type.type === "array" && holdsMap(type.element));
}

/** DATATYPE_MISMATCH.INVALID_ORDERING_TYPE. */
export function unordered(name: string, type: DataType): AnalysisError {
  return datatypeMismatch(
    "INVALID_ORDERING_TYPE",
    `${name}(…)`,
    `\`${name}\` does not support ordering on type "${sqlTypeName(type)}"`,
    "Compare a value of the map.",
  );
}

const EQUALITIES = ["=", "==", "<>", "!=", "<=>", "equal_null"];

/** Without ANSI rules text is compared with numbers as a number, with dates and instants as those; a boolean equals 1 or 0. */
function comparisonType(name: string, a: DataType, b: DataType, settings: ExpressionSettings): DataType | undefined {
  if (!settings.ansi && a.type !== b.type) {
    const other = a.type === "string" ? b : b.type === "string" ? a : undefined;
    if (other && ["tinyint", "smallint", "int", "bigint", "float", "double", "boolean", "date", "timestamp"].includes(other.type))
      return other;
    if (other?.type === "decimal") return { type: "double" };
    if (EQUALITIES.includes(name)) {
      if (a.type === "boolean" && isNumeric(b)) return b;
      if (b.type === "boolean" && isNumeric(a)) return a;
    }
  }
  return commonType(a, b, settings) ?? (sameType(nameless(a), nameless(b)) ? a : undefined);
}

/** A type without the names of its structs' fields, which comparisons do not ask for. */
function nameless(type: DataType): DataType {
  switch (type.type) {
    case "array":
      return { type: "array", element: nameless(type.element) };
    case "struct":
      return { type: "struct", fields: type.fields.map((one) => ({ name: "", dataType: nameless(one.dataType), nullable: true })) };
    default:
      return type;
  }
}

/** The common type of the operands of IN. */
function comparedWith(types: readonly DataType[], settings: ExpressionSettings): DataType | undefined {
  const [first] = types;
  const common = commonTypeOf(types, settings);
  if (common !== undefined || first === undefined) return common;
  return types.every((one) => sameType(nameless(one), nameless(first))) ? first : undefined;
}

/** All brought to one type. */
export function alike(
  name: string,
  args: readonly Resolved[],
  settings: ExpressionSettings,
  find: typeof commonTypeOf = commonTypeOf,
): Resolved[] {
  const common = find(
    args.map((arg) => arg.dataType),
    settings,
  );
  if (common === undefined) {
    throw datatypeMismatch(
      "DATA_DIFF_TYPES",
      `${name}(…)`,
      `input to \`${name}\` should all be the same type, but it's (${args.map((arg) => `"${sqlTypeName(arg.dataType)}"`).join(", ")})`,
      "Cast the arguments to one type.",
    );
  }
  return args.map((arg) => castTo(arg, common, settings));
}

function emitIn(call: Parameters<FunctionEntry["emit"]>[0], context: EmitContext): Emitted {
  const [wanted, ...rest] = call.args;
  if (!wanted) throw new RangeError("in takes a value");
  const value = context.emit(wanted);
  if (value.isNull === "true" || rest.length === 0) return rest.length === 0 ? { value: "false", isNull: "false" } : value;
  const { writer } = context;
  const type = wanted.dataType;
  if (rest.every((one) => one.kind === "literal") && !["float", "double", "array", "struct", "map", "binary"].includes(type.type)) {
    const known = rest.map((one) => (one.kind === "literal" ? one.value : null));
    const set = writer.constant("set", new Set(known.filter((one) => one !== null)));
    const found = writer.assign("in", `${set}.has(${value.value})`);
    const missing = known.includes(null) ? `!${found}` : "false";
    if (value.isNull === "false") return { value: found, isNull: missing };
    return { value: found, isNull: missing === "false" ? value.isNull : `${value.isNull} || ${missing}` };
  }
  const found = writer.local("in");
  const unknown = writer.local("inNull");
  writer.line(`let ${found} = false, ${unknown} = ${value.isNull};`);
  const test = (at: number): void => {
    const one = rest[at];
    if (one === undefined) return;
    writer.block(`if (!${found})`, () => {
      const other = context.emit(one);
      if (other.isNull === "true") {
        writer.line(`${unknown} = true;`);
      } else {
        const same = compareText("===", value.value, other.value, type, context);
        if (other.isNull === "false") writer.line(`${found} = ${same};`);
        else writer.line(`if (${other.isNull}) ${unknown} = true; else ${found} = ${same};`);
      }
    });
    test(at + 1);
  };
  writer.block(value.isNull === "false" ? "" : `if (!${value.isNull})`, () => test(0));
  return { value: found, isNull: `!${found} && ${unknown}` };
}

function extreme(name: string, doc: string, operator: string): FunctionEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings) {
      if (args.length < 2) throw wrongArgumentCount(name, "at least 2", args.length);
      const converted = alike(name, args, settings, commonTypeWithoutText);
      return { args: converted, dataType: typeOf(converted), nullable: converted.every((arg) => arg.nullable) };
    },
    emit(call, context): Emitted {
      const { writer } = context;
      const best = writer.local(name);
      const none = writer.local("none");
      writer.line(`let ${best} = ${placeholder(call.dataType)}, ${none} = true;`);
      for (const arg of call.args) {
        const one = context.emit(arg);
        if (one.isNull === "true") continue;
        const better = `${none} || ${compareText(operator, one.value, best, call.dataType, context)}`;
        const head = one.isNull === "false" ? `if (${better})` : `if (!${one.isNull} && (${better}))`;
        writer.line(`${head} { ${best} = ${one.value}; ${none} = false; }`);
      }
      return { value: best, isNull: call.nullable ? none : "false" };
    },
  };
}
