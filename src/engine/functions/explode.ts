import type { Emitted } from "../codegen/code.ts";
import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { StructField } from "../types/data-type.ts";
import { elementType, firstType } from "./collections.ts";
import { emitRawParts } from "./bytes/raw-split.ts";
import type { EmitContext, FieldBinding, FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { INT, unexpectedType } from "./scalar.ts";

/** explode and its kin: a row per element. */
export const exploding: readonly FunctionEntry[] = [
  explode("explode", "A row per element of an array (col), or per entry of a map (key, value).", false, false),
  explode("explode_outer", "explode that keeps rows without elements, with null.", true, false),
  explode("posexplode", "explode with the position from 0 (pos).", false, true),
  explode("posexplode_outer", "posexplode that keeps rows without elements, with nulls.", true, true),
  inline("inline", "A row per struct of an array, a column per field.", false),
  inline("inline_outer", "inline that keeps rows without elements, with nulls.", true),
];

function inline(name: string, doc: string, outer: boolean): FunctionEntry {
  const exploding = explode(name, doc, outer, false);
  return {
    ...exploding,
    generator: {
      kind: "rows",
      columns: (call) => fieldsOf(call).map((one) => ({ ...one, nullable: true })),
      emitRows: (call, context, each) =>
        emitRows(
          call,
          context,
          ([row]) => {
            if (row?.kind !== "value") return;
            const { writer } = context;
            each(
              fieldsOf(call).map((_, i) => {
                const value = writer.assign("f", `${row.emitted.value} === null ? null : ${row.emitted.value}[${i}]`);
                return { kind: "value", emitted: { value, isNull: `(${value} === null)` } };
              }),
            );
          },
          outer,
          false,
        ),
    },
    resolve(args, options, settings) {
      const [arg] = args;
      if (arg && (arg.dataType.type !== "array" || arg.dataType.element.type !== "struct"))
        throw unexpectedType(name, arg, '"ARRAY<STRUCT>"');
      return exploding.resolve(args, options, settings);
    },
  };
}

function fieldsOf(call: ResolvedCallNode): readonly StructField[] {
  const element = elementType(call.args);
  return element.type === "struct" ? element.fields : [];
}

function explode(name: string, doc: string, outer: boolean, position: boolean): FunctionEntry {
  return {
    name,
    doc,
    generator: {
      kind: "rows",
      columns: (call) => explodedColumns(call, outer, position),
      emitRows: (call, context, each) => emitRows(call, context, each, outer, position),
    },
    resolve(args) {
      const [arg] = args;
      if (!arg || args.length !== 1) throw wrongArgumentCount(name, "1", args.length);
      if (arg.dataType.type !== "array" && arg.dataType.type !== "map") throw unexpectedType(name, arg, '"ARRAY" or "MAP"');
      const dataType = arg.dataType.type === "array" ? arg.dataType.element : arg.dataType;
      return { args: [arg], dataType, nullable: true };
    },
    emit() {
      throw new AnalysisError("UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", {
        failed: "The generator is not supported: nested in expressions",
        found: `${name}(…) inside another expression`,
        remedy: "Give the rows a column of their own first: select the generator alone.",
      });
    },
  };
}

function explodedColumns(call: ResolvedCallNode, outer: boolean, position: boolean): StructField[] {
  const type = firstType(call.args);
  const pos: StructField[] = position ? [{ name: "pos", dataType: INT, nullable: outer }] : [];
  if (type.type === "map")
    return [...pos, { name: "key", dataType: type.key, nullable: outer }, { name: "value", dataType: type.value, nullable: true }];
  return [...pos, { name: "col", dataType: elementType(call.args), nullable: true }];
}

function emitRows(
  call: ResolvedCallNode,
  context: EmitContext,
  each: (values: readonly FieldBinding[]) => void,
  outer: boolean,
  position: boolean,
): void {
  const [arg] = call.args;
  if (!arg) throw wrongArgumentCount(call.entry.name, "1", 0);
  const { writer } = context;
  if (!outer && emitRawParts(arg, context, each, position)) return;
  const input = context.emit(arg);
  const none = writer.constant("none", outer ? OUTER : NO_ROWS);
  const map = arg.dataType.type === "map";
  const present = map ? `[...${input.value}]` : input.value;
  const empty = input.isNull === "true" ? none : undefined;
  const rows = empty ?? (input.isNull === "false" ? present : `(${input.isNull} ? ${none} : ${present})`);
  const list = writer.local("rows");
  writer.line(`let ${list} = ${rows};`);
  if (outer) writer.line(`if (${list}.length === 0) ${list} = ${none};`);
  const at = writer.local("k");
  writer.block(`for (let ${at} = 0; ${at} < ${list}.length; ${at}++)`, () => {
    const one = writer.assign("one", `${list}[${at}]`);
    const missing = outer ? writer.assign("n", `${list} === ${none}`) : "false";
    const values: Emitted[] = map
      ? [
          { value: outer ? `(${missing} ? null : ${one}[0])` : `${one}[0]`, isNull: missing },
          {
            value: outer ? `(${missing} ? null : ${one}[1])` : `${one}[1]`,
            isNull: outer ? `(${missing} || ${one}[1] === null)` : `(${one}[1] === null)`,
          },
        ]
      : [{ value: one, isNull: `(${one} === null)` }];
    each((position ? [{ value: at, isNull: missing }, ...values] : values).map((emitted) => ({ kind: "value", emitted })));
  });
}

const NO_ROWS: readonly unknown[] = [];
const OUTER: readonly unknown[] = [null];
