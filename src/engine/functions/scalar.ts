import type { Emitted } from "../codegen/code.ts";
import { anyNull } from "../codegen/emit.ts";
import { placeholder } from "../codegen/literal-text.ts";
import { datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, isAtomic, isIntegral, isNumeric } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { sameType } from "../types/schema.ts";
import { sqlTypeName } from "../types/type-text.ts";
import type { EmitContext, FunctionEntry, ResolvedCallNode } from "./function-entry.ts";

export const BOOLEAN: DataType = { type: "boolean" };
export const INT: DataType = { type: "int" };
export const BIGINT: DataType = { type: "bigint" };
export const DOUBLE: DataType = { type: "double" };
export const STRING: DataType = { type: "string" };
export const BINARY: DataType = { type: "binary" };
export const DATE: DataType = { type: "date" };
export const TIMESTAMP: DataType = { type: "timestamp" };
export const NULL: DataType = { type: "null" };

/** The type that an argument is converted to, or a rule that converts it. */
export type Param = DataType | ((arg: Resolved, name: string, settings: ExpressionSettings) => Resolved);

/** How a scalar function that is null for any null argument is declared. */
export interface ScalarSpec {
  readonly name: string;
  readonly doc: string;
  readonly params: readonly Param[];
  /** How many of the params must be given; all when absent. */
  readonly required?: number;
  readonly result: DataType | ((args: readonly Resolved[]) => DataType);
  /** An expression text over the texts of the arguments: pure and cheap. It is only evaluated where no argument is null, unless `total`. */
  readonly inline?: (values: readonly string[], call: ResolvedCallNode, context: EmitContext) => string;
  /** A function over the arguments' values. */
  readonly run?: (...values: never[]) => unknown;
  /** Makes the function once per call of the plan, where it depends on types, literals or settings. */
  readonly make?: (call: ResolvedCallNode, settings: ExpressionSettings) => (...values: never[]) => unknown;
  /** The result may be null though no argument is. */
  readonly partial?: boolean | ((settings: ExpressionSettings) => boolean);
  /** `inline` may be evaluated with placeholders of nulls too (no errors, no cost). */
  readonly total?: boolean;
}

/** A function by its declaration. */
export function scalar(spec: ScalarSpec): FunctionEntry {
  const required = spec.required ?? spec.params.length;
  return {
    name: spec.name,
    doc: spec.doc,
    resolve(args, _options, settings) {
      if (args.length < required || args.length > spec.params.length) {
        throw wrongArgumentCount(
          spec.name,
          required === spec.params.length ? String(required) : `${required} to ${spec.params.length}`,
          args.length,
        );
      }
      const converted = args.map((arg, i) => convertArgument(arg, spec.params[i] ?? arg.dataType, spec.name, settings));
      const dataType = typeof spec.result === "function" ? spec.result(converted) : spec.result;
      const partial = typeof spec.partial === "function" ? spec.partial(settings) : spec.partial === true;
      return { args: converted, dataType, nullable: partial || converted.some((arg) => arg.nullable) };
    },
    emit: (call, context) => emitScalar(spec, call, context),
  };
}

function emitScalar(spec: ScalarSpec, call: ResolvedCallNode, context: EmitContext): Emitted {
  const args = call.args.map((arg) => context.emit(arg));
  const isNull = anyNull(...args);
  if (isNull === "true") return { value: "null", isNull: "true" };
  const { writer, settings } = context;
  const values = args.map((arg) => arg.value);
  const partial = typeof spec.partial === "function" ? spec.partial(settings) : spec.partial === true;
  let text: string;
  if (spec.inline) {
    text = spec.inline(values, call, context);
  } else {
    const run = spec.make ? spec.make(call, settings) : spec.run;
    text = `${writer.constant(spec.name, run)}(${values.join(", ")})`;
  }
  if (partial) {
    const value = writer.assign("r", isNull === "false" ? text : `${isNull} ? null : ${text}`);
    return { value, isNull: `${value} === null` };
  }
  if (isNull === "false" || spec.total) return { value: text, isNull };
  const flag = writer.assign("n", isNull);
  return { value: `(${flag} ? ${placeholder(call.dataType)} : ${text})`, isNull: flag };
}

function convertArgument(arg: Resolved, param: Param, name: string, settings: ExpressionSettings): Resolved {
  return typeof param === "function" ? param(arg, name, settings) : implicitCast(arg, param, name, settings);
}

/** Converts an argument as Spark's implicit casts do, or refuses it (DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE). */
export function implicitCast(arg: Resolved, to: DataType, name: string, settings: ExpressionSettings): Resolved {
  const from = arg.dataType;
  if (sameType(from, to) || from.type === "null") return castTo(arg, to, settings);
  const fine =
    (to.type === "string" && isAtomic(from)) ||
    (from.type === "string" && isAtomic(to) && to.type !== "interval") ||
    (isNumeric(from) && isNumeric(to)) ||
    (from.type === "date" && to.type === "timestamp") ||
    (from.type === "timestamp" && to.type === "date") ||
    (from.type === "array" && to.type === "array" && from.element.type === "null");
  if (!fine) throw unexpectedType(name, arg, `"${sqlTypeName(to)}"`);
  return castTo(arg, to, settings);
}

export function unexpectedType(name: string, arg: Resolved, wanted: string): Error {
  return datatypeMismatch(
    "UNEXPECTED_INPUT_TYPE",
    `${name}(…)`,
    `a parameter requires the ${wanted} type, however it has the type "${sqlTypeName(arg.dataType)}"`,
    "Cast the argument.",
  );
}

/** Any number stays what it is; text becomes a double. */
export function anyNumber(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (isNumeric(arg.dataType)) return arg;
  return implicitCast(arg, DOUBLE, name, settings);
}

/** Whole numbers stay what they are; anything else becomes a bigint. */
export function anyIntegral(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  return isIntegral(arg.dataType) ? arg : implicitCast(arg, BIGINT, name, settings);
}

/** Whatever it is. */
export function anything(arg: Resolved): Resolved {
  return arg;
}

/** The value of an argument that must be a literal; undefined when it is not. */
export function literalOf(arg: Resolved | undefined): unknown {
  return arg?.kind === "literal" ? arg.value : undefined;
}
