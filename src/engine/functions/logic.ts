import type { Emitted } from "../codegen/code.ts";
import { isTrue } from "../codegen/emit.ts";
import { placeholder } from "../codegen/literal-text.ts";
import { datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, literal } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { sqlTypeName } from "../types/type-text.ts";
import { alike, comparable, comparisons, compareText } from "./comparisons.ts";
import type { EmitContext, FunctionEntry, ResolvedCall, ResolvedCallNode } from "./function-entry.ts";
import { anyNumber, BOOLEAN, DOUBLE, implicitCast, INT, scalar, unexpectedType } from "./scalar.ts";

/** and, or, not with three values; if, coalesce and their kin; tests for null and NaN. What is not needed is not evaluated. */
export const logic: readonly FunctionEntry[] = [
  {
    name: "and",
    doc: "False if one is false, else null if one is null, else true; the second is not evaluated when the first is false.",
    resolve: (args, _options, settings) => booleans("and", args, settings),
    emit: (call, context) => emitConnective(call, context, false),
  },
  {
    name: "or",
    doc: "True if one is true, else null if one is null, else false; the second is not evaluated when the first is true.",
    resolve: (args, _options, settings) => booleans("or", args, settings),
    emit: (call, context) => emitConnective(call, context, true),
  },
  {
    name: "between",
    doc: "Whether the first is not less than the second and not greater than the third.",
    resolve(args, _options, settings) {
      const [value, low, high] = args;
      if (args.length !== 3 || !value || !low || !high) throw wrongArgumentCount("between", "3", args.length);
      return booleans("between", [compareCall(">=", [value, low], settings), compareCall("<=", [value, high], settings)], settings);
    },
    emit: (call, context) => emitConnective(call, context, false),
  },
  scalar({ name: "not", doc: "The opposite; null of null.", params: [BOOLEAN], result: BOOLEAN, inline: ([a]) => `!${a}`, total: true }),
  scalar({ name: "!", doc: "The same as not.", params: [BOOLEAN], result: BOOLEAN, inline: ([a]) => `!${a}`, total: true }),
  nullTest("isnull", "Whether it is null.", (isNull) => isNull),
  nullTest("isnotnull", "Whether it is not null.", (isNull) =>
    isNull === "false" ? "true" : isNull === "true" ? "false" : `!(${isNull})`,
  ),
  {
    name: "isnan",
    doc: "Whether it is NaN; false of null.",
    resolve: (args, _options, settings) => ({
      args: [implicitCast(one("isnan", args), DOUBLE, "isnan", settings)],
      dataType: BOOLEAN,
      nullable: false,
    }),
    emit(call, context) {
      const value = context.emit(one("isnan", call.args));
      if (value.isNull === "true") return { value: "false", isNull: "false" };
      const test = `${value.value} !== ${value.value}`;
      return { value: value.isNull === "false" ? test : `(!${value.isNull} && ${test})`, isNull: "false" };
    },
  },
  firstNotNull("coalesce", "The first that is not null.", 1),
  firstNotNull("nvl", "The first, or the second if the first is null.", 2),
  firstNotNull("ifnull", "The same as nvl.", 2),
  {
    name: "nullif",
    doc: "Null if both are equal, else the first.",
    resolve(args, _options, settings) {
      if (args.length !== 2) throw wrongArgumentCount("nullif", "2", args.length);
      return nullIfEqual(args, settings);
    },
    emit: emitNullIf,
  },
  {
    name: "zeroifnull",
    doc: "The number, 0 of null.",
    resolve(args, _options, settings) {
      const converted = alike("zeroifnull", [one("zeroifnull", args), literal(0, INT)], settings);
      return { args: converted, dataType: converted[0]?.dataType ?? INT, nullable: false };
    },
    emit: emitFirst,
  },
  {
    name: "nullifzero",
    doc: "The number, null of 0.",
    resolve(args, _options, settings) {
      return nullIfEqual([one("nullifzero", args), literal(0, INT)], settings);
    },
    emit: emitNullIf,
  },
  choice("if", "The second where the first is true, else the third.", (args) => args),
  {
    name: "nvl2",
    doc: "The second if the first is not null, else the third.",
    resolve(args, _options, settings) {
      const [test, a, b] = args;
      if (args.length !== 3 || !test || !a || !b) throw wrongArgumentCount("nvl2", "3", args.length);
      const both = alike("nvl2", [a, b], settings);
      return { args: [test, ...both], dataType: both[0]?.dataType ?? a.dataType, nullable: both.some((arg) => arg.nullable) };
    },
    emit: (call, context) => emitChoice(call, context, (test) => (test.isNull === "false" ? "true" : `!(${test.isNull})`)),
  },
  {
    name: "nanvl",
    doc: "The first unless it is NaN, then the second.",
    resolve(args, _options, settings) {
      if (args.length !== 2) throw wrongArgumentCount("nanvl", "2", args.length);
      const both = args.map((arg) => implicitCast(anyNumber(arg, "nanvl", settings), DOUBLE, "nanvl", settings));
      return { args: both, dataType: DOUBLE, nullable: both.some((arg) => arg.nullable) };
    },
    emit(call, context) {
      const [first, second] = call.args;
      if (!first || !second) throw wrongArgumentCount("nanvl", "2", call.args.length);
      const a = context.emit(first);
      if (a.isNull === "true") return a;
      const value = context.writer.local("nanvl");
      const isNull = context.writer.local("nanvlNull");
      context.writer.line(`let ${value} = ${a.value}, ${isNull} = ${a.isNull};`);
      context.writer.block(`if (${value} !== ${value}${a.isNull === "false" ? "" : ` && !${isNull}`})`, () => {
        const b = context.emit(second);
        context.writer.line(`${value} = ${b.isNull === "true" ? "0" : b.value}; ${isNull} = ${b.isNull};`);
      });
      return { value, isNull };
    },
  },
];

function one(name: string, args: readonly Resolved[]): Resolved {
  const [arg] = args;
  if (args.length !== 1 || !arg) throw wrongArgumentCount(name, "1", args.length);
  return arg;
}

function booleans(
  name: string,
  args: readonly Resolved[],
  settings: ExpressionSettings,
): { args: Resolved[]; dataType: typeof BOOLEAN; nullable: boolean } {
  if (args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
  const converted = args.map((arg) => {
    if (!["boolean", "null"].includes(arg.dataType.type) && !(settings.ansi && arg.dataType.type === "string")) {
      const same = args.every((one) => one.dataType.type === arg.dataType.type);
      throw datatypeMismatch(
        same ? "BINARY_OP_WRONG_TYPE" : "BINARY_OP_DIFF_TYPES",
        `(… ${name.toUpperCase()} …)`,
        `an operand is of type "${sqlTypeName(arg.dataType)}"`,
        'The binary operator requires the input type "BOOLEAN".',
      );
    }
    return castTo(arg, BOOLEAN, settings);
  });
  return { args: converted, dataType: BOOLEAN, nullable: converted.some((arg) => arg.nullable) };
}

/** `decisive` is the value that decides alone: false for and, true for or. */
function emitConnective(call: ResolvedCallNode, context: EmitContext, decisive: boolean): Emitted {
  const [first, second] = call.args;
  if (!first || !second) throw wrongArgumentCount(call.entry.name, "2", call.args.length);
  const { writer } = context;
  const a = context.emit(first);
  const value = writer.local(decisive ? "or" : "and");
  const isNull = writer.local("n");
  const open = decisive ? `!${a.value}` : a.value;
  const head = a.isNull === "false" ? open : a.isNull === "true" ? "true" : `${a.isNull} || ${open}`;
  writer.line(`let ${value} = ${decisive};`);
  if (call.nullable) writer.line(`let ${isNull} = false;`);
  writer.block(`if (${head})`, () => {
    const b = context.emit(second);
    const undecided = b.isNull === "true" ? "false" : decisive ? `!${b.value}` : b.value;
    writer.line(`${value} = ${b.isNull === "true" ? !decisive : b.value};`);
    if (!call.nullable) return;
    const left = a.isNull === "false" ? "false" : a.isNull === "true" ? undecided : `(${a.isNull} && ${undecided})`;
    writer.line(`${isNull} = ${b.isNull === "true" ? "true" : b.isNull === "false" ? left : `${b.isNull} || ${left}`};`);
  });
  return { value, isNull: call.nullable ? isNull : "false" };
}

function compareCall(name: string, args: readonly Resolved[], settings: ExpressionSettings): Resolved {
  const entry = comparisons.find((known) => known.name === name);
  if (!entry) throw new RangeError(`no comparison ${name}`);
  return { kind: "call", entry, options: {}, ...entry.resolve(args, {}, settings) };
}

function nullTest(name: string, doc: string, text: (isNull: string) => string): FunctionEntry {
  return {
    name,
    doc,
    resolve: (args) => ({ args: [one(name, args)], dataType: BOOLEAN, nullable: false }),
    emit: (call, context) => ({ value: text(context.emit(one(name, call.args)).isNull), isNull: "false" }),
  };
}

function firstNotNull(name: string, doc: string, exactly: number): FunctionEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings) {
      if (args.length < exactly || (exactly === 2 && args.length !== 2)) throw wrongArgumentCount(name, String(exactly), args.length);
      const converted = alike(name, args, settings);
      return { args: converted, dataType: converted[0]?.dataType ?? BOOLEAN, nullable: converted.every((arg) => arg.nullable) };
    },
    emit: emitFirst,
  };
}

function choice(name: string, doc: string, order: (args: readonly Resolved[]) => readonly Resolved[]): FunctionEntry {
  return {
    name,
    doc,
    resolve(args, _options, settings) {
      const [test, a, b] = order(args);
      if (args.length !== 3 || !test || !a || !b) throw wrongArgumentCount(name, "3", args.length);
      if (test.dataType.type !== "boolean") throw unexpectedType(name, test, '"BOOLEAN"');
      const both = alike(name, [a, b], settings);
      return {
        args: [test, ...both],
        dataType: both[0]?.dataType ?? a.dataType,
        nullable: both.some((arg) => arg.nullable),
      };
    },
    emit: (call, context) => emitChoice(call, context, isTrue),
  };
}

function emitChoice(call: ResolvedCallNode, context: EmitContext, condition: (test: Emitted) => string): Emitted {
  const [test, yes, no] = call.args;
  if (!test || !yes || !no) throw wrongArgumentCount(call.entry.name, "3", call.args.length);
  const { writer } = context;
  const value = writer.local("if");
  const isNull = writer.local("n");
  const head = condition(context.emit(test));
  writer.line(`let ${value} = ${placeholder(call.dataType)}, ${isNull} = true;`);
  const put = (branch: Resolved): void => {
    const emitted = context.emit(branch);
    if (emitted.isNull !== "true") writer.line(`${value} = ${emitted.value}; ${isNull} = ${emitted.isNull};`);
  };
  writer.block(`if (${head})`, () => put(yes));
  writer.block("else", () => put(no));
  return { value, isNull: call.nullable ? isNull : "false" };
}

/** The first as it is, and both as the comparison reads them. */
function nullIfEqual(args: readonly Resolved[], settings: ExpressionSettings): ResolvedCall {
  const [value] = args;
  if (!value) throw new RangeError("nullif takes two");
  return { args: [value, ...comparable("=", args, settings)], dataType: value.dataType, nullable: true };
}

function emitNullIf(call: ResolvedCallNode, context: EmitContext): Emitted {
  const [value, a, b] = call.args.map((arg) => context.emit(arg));
  if (!value || !a || !b || b.isNull === "true" || value.isNull === "true") return value ?? { value: "null", isNull: "true" };
  const nulls = [a.isNull, b.isNull].filter((text) => text !== "false").join(" || ");
  const type = call.args[1]?.dataType ?? call.dataType;
  const same = compareText("===", a.value, b.value, type, context);
  const equal = nulls === "" ? same : `!(${nulls}) && ${same}`;
  return { value: value.value, isNull: value.isNull === "false" ? equal : `${value.isNull} || ${equal}` };
}

function emitFirst(call: ResolvedCallNode, context: EmitContext): Emitted {
  const { writer } = context;
  const value = writer.local(call.entry.name);
  const isNull = writer.local("n");
  writer.line(`let ${value} = ${placeholder(call.dataType)}, ${isNull} = true;`);
  const next = (at: number): void => {
    const arg = call.args[at];
    if (arg === undefined) return;
    const emitted = context.emit(arg);
    if (emitted.isNull !== "true") writer.line(`${value} = ${emitted.value}; ${isNull} = ${emitted.isNull};`);
    if (emitted.isNull === "false" || at + 1 === call.args.length) return;
    writer.block(`if (${isNull})`, () => next(at + 1));
  };
  next(0);
  return { value, isNull: call.nullable ? isNull : "false" };
}
