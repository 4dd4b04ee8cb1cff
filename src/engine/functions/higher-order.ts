import type { Emitted } from "../codegen/code.ts";
import { isTrue, valueOrNull } from "../codegen/emit.ts";
import { placeholder } from "../codegen/literal-text.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { DataType, MapType } from "../types/data-type.ts";
import { sameType } from "../types/schema.ts";
import { sqlTypeName } from "../types/type-text.ts";
import { aMap, anArray, elementType, mapType } from "./collections.ts";
import type { EmitContext, FunctionEntry, ResolvedCall, ResolvedCallNode } from "./function-entry.ts";
import type { LambdaParameter } from "./lambda.ts";
import { emitLambda } from "./lambda.ts";
import { putEntry } from "./maps.ts";
import { BOOLEAN, INT, unexpectedType } from "./scalar.ts";

const INDEX: LambdaParameter = { dataType: INT, nullable: false, optional: true };

/** Functions over the elements of arrays that take lambdas: each is a loop in the row's code, the lambda's body the loop's. */
export const higherOrder: readonly FunctionEntry[] = [
  overElements("transform", "The lambda's value of each element (x, or x and its position from 0).", 2, {
    type: (_list, body) => ({ type: "array", element: body.dataType }),
    nullable: () => false,
    write: (loop, out) => loop((result, writer) => writer.line(`${out}.push(${valueOrNull(result)});`)),
    start: "[]",
  }),
  overElements("filter", "The elements for which the lambda (x, or x and its position from 0) is true.", 2, {
    condition: true,
    type: (list) => list.dataType,
    nullable: () => false,
    write: (loop, out) => loop((result, writer, element) => writer.line(`if (${isTrue(result)}) ${out}.push(${valueOrNull(element)});`)),
    start: "[]",
  }),
  overElements("exists", "Whether the lambda is true for an element; null if it is for none but null for one.", 1, {
    condition: true,
    type: () => BOOLEAN,
    nullable: (body) => body.nullable,
    write: (loop, out) => loop((result, writer) => writeTest(result, out, true, writer)),
    start: "false",
  }),
  overElements("forall", "Whether the lambda is true for all elements; null if it is false for none but null for one.", 1, {
    condition: true,
    type: () => BOOLEAN,
    nullable: (body) => body.nullable,
    write: (loop, out) => loop((result, writer) => writeTest(result, out, false, writer)),
    start: "true",
  }),
  fold("aggregate", "What the second lambda makes of the value that the first comes to from a start (acc, x) over all elements."),
  fold("reduce", "The same as aggregate."),
  zipWith(),
  overEntries(
    "map_filter",
    "The entries of a map for which the lambda (key, value) is true.",
    (map) => map,
    (out, result, [key, value], { writer }) => writer.line(`if (${isTrue(result)}) ${out}.set(${key.value}, ${valueOrNull(value)});`),
  ),
  overEntries(
    "transform_values",
    "The map with the lambda's values (key, value).",
    (map, body) => ({ type: "map", key: map.key, value: body }),
    (out, result, [key], { writer }) => writer.line(`${out}.set(${key.value}, ${valueOrNull(result)});`),
  ),
  overEntries(
    "transform_keys",
    "The map with the lambda's values (key, value) as keys, none of them null or twice.",
    (map, body) => ({ type: "map", key: body, value: map.value }),
    (out, result, [, value], { writer }) =>
      writer.line(`${writer.constant("putEntry", putEntry)}(${out}, ${valueOrNull(result)}, ${valueOrNull(value)});`),
  ),
];

type Writer = EmitContext["writer"];
type Body = (result: Emitted, writer: Writer, element: Emitted) => void;

interface OverElements {
  readonly condition?: boolean;
  readonly type: (list: Resolved, body: Resolved) => DataType;
  /** Whether the result may be null for an array that is not. */
  readonly nullable: (body: Resolved) => boolean;
  /** The text of the result before the first element. */
  readonly start: string;
  readonly write: (loop: (body: Body) => void, out: string) => void;
}

/** A test that ends the loop once `found`; null where one was null. */
function writeTest(result: Emitted, out: string, found: boolean, writer: Writer): void {
  if (result.isNull === "true") return writer.line(`${out} = null;`);
  if (result.isNull !== "false") writer.line(`if (${result.isNull}) { ${out} = null; continue; }`);
  writer.line(`if (${found ? "" : "!"}${result.value}) { ${out} = ${found}; break; }`);
}

function overElements(name: string, doc: string, parameters: 1 | 2, spec: OverElements): FunctionEntry {
  return {
    name,
    doc,
    lambda: (args, at) => (at === 1 ? [elementOf(args), INDEX].slice(0, parameters) : undefined),
    resolve(args, _options, settings): ResolvedCall {
      const [first, second] = args;
      if (!first || !second || args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
      const list = realArray(first, name);
      const body = spec.condition ? condition(second, name, settings) : second;
      return { args: [list, body], dataType: spec.type(list, body), nullable: list.nullable || spec.nullable(body) };
    },
    emit(call, context) {
      const { writer } = context;
      return guarded(call, [call.args[0]], spec.start, context, ([list], out) => {
        if (!list) return;
        spec.write((body) => {
          const at = writer.local("k");
          writer.block(`for (let ${at} = 0; ${at} < ${list.value}.length; ${at}++)`, () => {
            const element = held(writer, `${list.value}[${at}]`);
            body(emitLambda(call, 1, [element, { value: at, isNull: "false" }], context), writer, element);
          });
        }, out);
      });
    },
  };
}

function elementOf(args: readonly Resolved[]): LambdaParameter {
  return { dataType: elementType(args), nullable: true };
}

/** A value in a local variable, null where it is null. */
function held(writer: Writer, text: string): Emitted {
  const value = writer.assign("x", text);
  return { value, isNull: `(${value} === null)` };
}

/** A null literal is no array here. */
function realArray(arg: Resolved, name: string): Resolved {
  if (arg.dataType.type === "null") throw unexpectedType(name, arg, '"ARRAY"');
  return anArray(arg, name);
}

function condition(body: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (body.dataType.type === "null") return castTo(body, BOOLEAN, settings);
  if (body.dataType.type !== "boolean") throw unexpectedType(name, body, '"BOOLEAN"');
  return body;
}

/** Declares the result, and writes it inside a test that none of the arguments is null; null where one is. */
function guarded(
  call: ResolvedCallNode,
  taken: readonly (Resolved | undefined)[],
  start: string,
  context: EmitContext,
  write: (args: readonly Emitted[], out: string) => void,
): Emitted {
  const { writer } = context;
  const args = taken.flatMap((one) => (one ? [context.emit(one)] : []));
  const tests = [...new Set(args.map((one) => one.isNull))].filter((text) => text !== "false");
  if (tests.includes("true")) return { value: "null", isNull: "true" };
  const out = writer.local(call.entry.name);
  writer.line(`let ${out} = null;`);
  writer.block(tests.length === 0 ? "" : `if (!(${tests.join(" || ")}))`, () => {
    writer.line(`${out} = ${start};`);
    write(args, out);
  });
  return { value: out, isNull: call.nullable ? `(${out} === null)` : "false" };
}

function fold(name: string, doc: string): FunctionEntry {
  return {
    name,
    doc,
    lambda(args, at) {
      const start: LambdaParameter = { dataType: args[1]?.dataType ?? { type: "null" }, nullable: true };
      if (at === 2) return [start, elementOf(args)];
      return at === 3 ? [start] : undefined;
    },
    resolve(args, _options, settings): ResolvedCall {
      const [first, start, merge, finish] = args;
      if (!first || !start || !merge || args.length > 4) throw wrongArgumentCount(name, "3 or 4", args.length);
      const list = realArray(first, name);
      if (!sameType(start.dataType, merge.dataType) && merge.dataType.type !== "null")
        throw unexpectedType(name, merge, `"${sqlTypeName(start.dataType)}"`);
      const merged = castTo(merge, start.dataType, settings);
      const dataType = finish ? finish.dataType : start.dataType;
      return { args: [list, start, merged, ...(finish ? [finish] : [])], dataType, nullable: true };
    },
    emit(call, context) {
      const { writer } = context;
      const [list, start] = call.args;
      if (!list || !start) return { value: "null", isNull: "true" };
      const initial = context.emit(start);
      return guarded(call, [list], "null", context, ([emitted], out) => {
        const acc: Emitted = { value: writer.local("acc"), isNull: writer.local("accNull") };
        writer.line(`let ${acc.value} = ${initial.isNull === "true" ? placeholder(start.dataType) : initial.value};`);
        writer.line(`let ${acc.isNull} = ${initial.isNull};`);
        const at = writer.local("k");
        writer.block(`for (let ${at} = 0; ${at} < ${emitted?.value ?? "0"}.length; ${at}++)`, () => {
          const next = emitLambda(call, 2, [acc, held(writer, `${emitted?.value ?? ""}[${at}]`)], context);
          const value = next.isNull === "true" ? placeholder(start.dataType) : next.value;
          writer.line(`[${acc.value}, ${acc.isNull}] = [${value}, ${next.isNull}];`);
        });
        const last = call.args.length > 3 ? emitLambda(call, 3, [acc], context) : acc;
        writer.line(`${out} = ${valueOrNull(last)};`);
      });
    },
  };
}

function zipWith(): FunctionEntry {
  const name = "zip_with";
  return {
    name,
    doc: "The lambda's values of the elements of two arrays at the same place (x, y), null where one array is shorter.",
    lambda: (args, at) => (at === 2 ? [elementOf(args), elementOf(args.slice(1))] : undefined),
    resolve(args): ResolvedCall {
      const [a, b, body] = args;
      if (!a || !b || !body || args.length !== 3) throw wrongArgumentCount(name, "3", args.length);
      const lists = [realArray(a, name), realArray(b, name)];
      const nullable = lists.some((one) => one.nullable);
      return { args: [...lists, body], dataType: { type: "array", element: body.dataType }, nullable };
    },
    emit(call, context) {
      const { writer } = context;
      return guarded(call, call.args.slice(0, 2), "[]", context, ([a, b], out) => {
        if (!a || !b) return;
        const at = writer.local("k");
        writer.block(`for (let ${at} = 0; ${at} < ${a.value}.length || ${at} < ${b.value}.length; ${at}++)`, () => {
          const pair = [a, b].map((one) => held(writer, `${at} < ${one.value}.length ? ${one.value}[${at}] : null`));
          writer.line(`${out}.push(${valueOrNull(emitLambda(call, 2, pair, context))});`);
        });
      });
    },
  };
}

/** A function over the entries of a map whose lambda takes key and value. */
function overEntries(
  name: string,
  doc: string,
  type: (map: MapType, body: DataType) => DataType,
  write: (out: string, result: Emitted, entry: readonly [Emitted, Emitted], context: EmitContext) => void,
): FunctionEntry {
  return {
    name,
    doc,
    lambda: (args, at) => {
      const { key, value } = mapType(args);
      return at === 1
        ? [
            { dataType: key, nullable: false },
            { dataType: value, nullable: true },
          ]
        : undefined;
    },
    resolve(args, _options, settings): ResolvedCall {
      const [first, second] = args;
      if (!first || !second || args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
      const map = aMap(first, name);
      const body = name === "map_filter" ? condition(second, name, settings) : second;
      return { args: [map, body], dataType: type(mapType([map]), body.dataType), nullable: map.nullable };
    },
    emit(call, context) {
      const { writer } = context;
      return guarded(call, [call.args[0]], "new Map()", context, ([map], out) => {
        if (!map) return;
        const pair = writer.local("entry");
        writer.block(`for (const ${pair} of ${map.value})`, () => {
          const entry: [Emitted, Emitted] = [{ value: writer.assign("k", `${pair}[0]`), isNull: "false" }, held(writer, `${pair}[1]`)];
          write(out, emitLambda(call, 1, entry, context), entry, context);
        });
      });
    },
  };
}
