import type { Emitted } from "../codegen/code.ts";
import { valueOrNull } from "../codegen/emit.ts";
import { datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { DataType, StructField } from "../types/data-type.ts";
import { alike } from "./comparisons.ts";
import type { EmitContext, FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { mapOfEntries } from "./maps.ts";
import { literalOf, NULL } from "./scalar.ts";

/** struct, named_struct, map: values made of columns. */
export const structs: readonly FunctionEntry[] = [
  {
    name: "struct",
    doc: "A struct of the columns, with their names.",
    resolve: (args) => structOf(args.map((arg, i): [string, Resolved] => [nameOf(arg) ?? `col${i + 1}`, arg])),
    emit: emitStruct,
    emitField: emitStructField,
  },
  {
    name: "named_struct",
    doc: "A struct from names and values in turn.",
    resolve(args) {
      if (args.length % 2 !== 0) throw wrongArgumentCount("named_struct", "2n (n > 0)", args.length);
      const pairs: [string, Resolved][] = [];
      for (let i = 0; i < args.length; i += 2) {
        const name = literalOf(args[i]);
        const value = args[i + 1];
        if (typeof name !== "string" || !value)
          throw datatypeMismatch(
            "CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING",
            "named_struct(…)",
            "a name is no fixed text",
            "Write each name as a text: named_struct('a', x, 'b', y).",
          );
        pairs.push([name, value]);
      }
      return structOf(pairs);
    },
    emit: emitStruct,
    emitField: emitStructField,
  },
  {
    name: "map",
    doc: "A map from keys and values in turn; of equal keys Spark refuses the second.",
    resolve(args, _options, settings) {
      if (args.length % 2 !== 0) throw wrongArgumentCount("map", "2n (n > 0)", args.length);
      const keys = alike(
        "map",
        args.filter((_, i) => i % 2 === 0),
        settings,
      );
      const values = alike(
        "map",
        args.filter((_, i) => i % 2 === 1),
        settings,
      );
      const pairs = keys.flatMap((key, i) => [key, values[i] ?? nothing()]);
      return {
        args: pairs,
        dataType: { type: "map", key: keys[0]?.dataType ?? NULL, value: values[0]?.dataType ?? NULL },
        nullable: false,
      };
    },
    emit(call, context) {
      const parts = call.args.map((arg) => valueOrNull(context.emit(arg)));
      return { value: `${context.writer.constant("map", mapOf)}([${parts.join(", ")}])`, isNull: "false" };
    },
  },
];

function nothing(): Resolved {
  return { kind: "literal", value: null, dataType: NULL, nullable: true };
}

/** The name that an argument has of itself, as a column or a field has. */
export function nameOf(arg: Resolved): string | undefined {
  return arg.kind === "field" || arg.kind === "getField" ? arg.name : undefined;
}

function structOf(pairs: readonly (readonly [string, Resolved])[]): { args: Resolved[]; dataType: DataType; nullable: boolean } {
  const fields = pairs.map(([name, arg]): StructField => ({ name, dataType: arg.dataType, nullable: arg.nullable }));
  return { args: pairs.map(([, arg]) => arg), dataType: { type: "struct", fields }, nullable: false };
}

function emitStruct(call: ResolvedCallNode, context: EmitContext): Emitted {
  return { value: `[${call.args.map((arg) => valueOrNull(context.emit(arg))).join(", ")}]`, isNull: "false" };
}

function emitStructField(call: ResolvedCallNode, ordinal: number, context: EmitContext): Emitted | undefined {
  const arg = call.args[ordinal];
  return arg && context.emit(arg);
}

function mapOf(parts: readonly unknown[]): Map<unknown, unknown> {
  const entries: unknown[][] = [];
  for (let i = 0; i < parts.length; i += 2) entries.push([parts[i], parts[i + 1]]);
  return mapOfEntries(entries);
}
