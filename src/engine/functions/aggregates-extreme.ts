import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { comparatorOf } from "../types/compare.ts";
import type { DataType } from "../types/data-type.ts";
import type { AggregateEntry, AggregateSlot, ResolvedAggregate } from "./aggregate-entry.ts";
import { at, only, whenPresent } from "./aggregates-basic.ts";
import { holdsMap, unordered } from "./comparisons.ts";
import { BOOLEAN, implicitCast } from "./scalar.ts";

/** min, max, min_by, max_by, first, last, any_value, bool_and, bool_or and their synonyms: aggregates that keep one value. */
export const extremeAggregates: readonly AggregateEntry[] = [
  { name: "min", doc: "The least value.", resolve: (args) => extreme("min", args, "<") },
  { name: "max", doc: "The greatest value; NaN is greatest.", resolve: (args) => extreme("max", args, ">") },
  {
    name: "bool_and",
    doc: "Whether it is true in every row.",
    resolve: (args, _options, settings) => truth("bool_and", args, settings, "&&"),
  },
  { name: "every", doc: "The same as bool_and.", resolve: (args, _options, settings) => truth("every", args, settings, "&&") },
  {
    name: "bool_or",
    doc: "Whether it is true in some row.",
    resolve: (args, _options, settings) => truth("bool_or", args, settings, "||"),
  },
  { name: "some", doc: "The same as bool_or.", resolve: (args, _options, settings) => truth("some", args, settings, "||") },
  { name: "any", doc: "The same as bool_or.", resolve: (args, _options, settings) => truth("any", args, settings, "||") },
  {
    name: "first",
    doc: "The value of the first row; with true as second argument of the first that is not null.",
    resolve: (args) => edge("first", args, true),
  },
  { name: "first_value", doc: "The same as first.", resolve: (args) => edge("first_value", args, true) },
  { name: "any_value", doc: "The value of some row.", resolve: (args) => edge("any_value", args, true) },
  {
    name: "last",
    doc: "The value of the last row; with true as second argument of the last that is not null.",
    resolve: (args) => edge("last", args, false),
  },
  { name: "last_value", doc: "The same as last.", resolve: (args) => edge("last_value", args, false) },
  { name: "min_by", doc: "The first argument of the row whose second is least.", resolve: (args) => extremeBy("min_by", args, "<") },
  { name: "max_by", doc: "The first argument of the row whose second is greatest.", resolve: (args) => extremeBy("max_by", args, ">") },
];

/** Types whose values can live in a Float64Array as they are. */
export function isDoubleStored(type: DataType): boolean {
  return ["tinyint", "smallint", "int", "float", "double", "date", "timestamp", "interval"].includes(type.type);
}

function startOf(type: DataType): string {
  return isDoubleStored(type) ? "0" : "null";
}

/** A slot for one value of a type, and a slot that says whether there is one. */
function valueSlots(name: string, type: DataType): readonly AggregateSlot[] {
  return [
    { name, storage: isDoubleStored(type) ? "double" : "value", dataType: type, initial: startOf(type) },
    { name: `${name} present`, storage: "double", dataType: { type: "int" }, initial: "0" },
  ];
}

/** The text of "a comes before b" in the order of min ("<") or max (">"); ties keep the old value. */
function precedes(
  operator: "<" | ">",
  a: string,
  b: string,
  type: DataType,
  writer: { constant(prefix: string, value: unknown): string },
): string {
  switch (type.type) {
    case "float":
    case "double":
      return operator === "<" ? `(${a} < ${b} || (${b} !== ${b} && ${a} === ${a}))` : `(${a} > ${b} || (${a} !== ${a} && ${b} === ${b}))`;
    case "string":
    case "binary":
    case "array":
    case "struct":
    case "map":
      return `${writer.constant("compare", comparatorOf(type))}(${a}, ${b}) ${operator} 0`;
    default:
      return `${a} ${operator} ${b}`;
  }
}

function extreme(name: string, args: readonly Resolved[], operator: "<" | ">"): ResolvedAggregate {
  const arg = only(name, args);
  const type = arg.dataType;
  if (holdsMap(type)) throw unordered(name, type);
  const put = (slots: readonly string[], value: string): string => `${at(slots, 0)} = ${value}; ${at(slots, 1)} = 1;`;
  return {
    dataType: type,
    nullable: true,
    args,
    slots: valueSlots(name, type),
    update(slots, [value], writer) {
      whenPresent(value, writer, (text) => {
        writer.line(`if (${at(slots, 1)} === 0 || ${precedes(operator, text, at(slots, 0), type, writer)}) { ${put(slots, text)} }`);
      });
    },
    merge(slots, other, writer) {
      const better = precedes(operator, at(other, 0), at(slots, 0), type, writer);
      writer.line(`if (${at(other, 1)} !== 0 && (${at(slots, 1)} === 0 || ${better})) { ${put(slots, at(other, 0))} }`);
    },
    result: (slots) => ({ value: at(slots, 0), isNull: `${at(slots, 1)} === 0` }),
  };
}

function truth(name: string, args: readonly Resolved[], settings: ExpressionSettings, operator: "&&" | "||"): ResolvedAggregate {
  const arg = implicitCast(only(name, args), BOOLEAN, name, settings);
  const fold = (slots: readonly string[], value: string): string =>
    `${at(slots, 0)} = ${at(slots, 1)} === 0 ? ${value} : ${at(slots, 0)} ${operator} ${value}; ${at(slots, 1)} = 1;`;
  return {
    dataType: BOOLEAN,
    nullable: true,
    args: [arg],
    slots: valueSlots(name, BOOLEAN),
    update(slots, [value], writer) {
      whenPresent(value, writer, (text) => writer.line(fold(slots, text)));
    },
    merge: (slots, other, writer) => writer.line(`if (${at(other, 1)} !== 0) { ${fold(slots, at(other, 0))} }`),
    result: (slots) => ({ value: at(slots, 0), isNull: `${at(slots, 1)} === 0` }),
  };
}

/** first and last: the value may be null, so null is kept as "present but null" (2). */
function edge(name: string, args: readonly Resolved[], first: boolean): ResolvedAggregate {
  const [arg, ignore] = args;
  if (!arg || args.length > 2) throw wrongArgumentCount(name, "1 to 2", args.length);
  if (ignore !== undefined && (ignore.kind !== "literal" || ignore.dataType.type !== "boolean"))
    throw new AnalysisError("_LEGACY_ERROR_TEMP_1210", {
      failed: `The second argument in ${name} should be a boolean literal`,
      found: "another value",
      remedy: `Write ${name}(x, true), which leaves nulls out, or ${name}(x).`,
    });
  const ignoresNulls = ignore?.kind === "literal" && ignore.value === true;
  const type = arg.dataType;
  return {
    dataType: type,
    nullable: true,
    args: [arg],
    slots: valueSlots(name, type),
    update(slots, [value], writer) {
      if (value === undefined) return;
      const write = (): void => {
        const put = (): void => writer.line(`${at(slots, 0)} = ${value.value}; ${at(slots, 1)} = 1;`);
        if (value.isNull === "false") return put();
        if (value.isNull !== "true") writer.block(`if (!(${value.isNull}))`, put);
        if (ignoresNulls) return;
        const none = `${at(slots, 0)} = ${startOf(type)}; ${at(slots, 1)} = 2;`;
        if (value.isNull === "true") writer.line(none);
        else writer.block("else", () => writer.line(none));
      };
      if (first) writer.block(`if (${at(slots, 1)} === 0)`, write);
      else write();
    },
    merge(slots, other, writer) {
      const take = `${at(slots, 0)} = ${at(other, 0)}; ${at(slots, 1)} = ${at(other, 1)};`;
      writer.line(`if (${at(other, 1)} !== 0${first ? ` && ${at(slots, 1)} === 0` : ""}) { ${take} }`);
    },
    result: (slots) => ({ value: at(slots, 0), isNull: `${at(slots, 1)} !== 1` }),
  };
}

function extremeBy(name: string, args: readonly Resolved[], operator: "<" | ">"): ResolvedAggregate {
  const [arg, order] = args;
  if (!arg || !order || args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
  const type = order.dataType;
  return {
    dataType: arg.dataType,
    nullable: true,
    args: [arg, order],
    slots: [...valueSlots("value", arg.dataType), ...valueSlots("order", type)],
    update(slots, [value, by], writer) {
      if (value === undefined) return;
      whenPresent(by, writer, (text) => {
        writer.block(`if (${at(slots, 3)} === 0 || ${betterOrEqual(operator, text, at(slots, 2), type, writer)})`, () => {
          writer.line(`${at(slots, 2)} = ${text}; ${at(slots, 3)} = 1;`);
          const nothing = `${at(slots, 0)} = ${startOf(arg.dataType)}; ${at(slots, 1)} = 0;`;
          const something = `${at(slots, 0)} = ${value.value}; ${at(slots, 1)} = 1;`;
          if (value.isNull === "true") writer.line(nothing);
          else if (value.isNull === "false") writer.line(something);
          else writer.line(`if (${value.isNull}) { ${nothing} } else { ${something} }`);
        });
      });
    },
    merge(slots, other, writer) {
      const better = betterOrEqual(operator, at(other, 2), at(slots, 2), type, writer);
      const take = [0, 1, 2, 3].map((i) => `${at(slots, i)} = ${at(other, i)};`).join(" ");
      writer.line(`if (${at(other, 3)} !== 0 && (${at(slots, 3)} === 0 || ${better})) { ${take} }`);
    },
    result: (slots) => ({ value: at(slots, 0), isNull: `${at(slots, 1)} === 0` }),
  };
}

/** Spark's MaxMinBy takes the later of two equal rows. */
function betterOrEqual(
  operator: "<" | ">",
  a: string,
  b: string,
  type: DataType,
  writer: { constant(prefix: string, value: unknown): string },
): string {
  return `!${group(precedes(operator, b, a, type, writer))}`;
}

function group(text: string): string {
  return text.startsWith("(") ? text : `(${text})`;
}
