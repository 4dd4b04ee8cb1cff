import { duplicatedMapKey, invalidParameter, nullMapKey } from "../codegen/execution-error.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { DataType } from "../types/data-type.ts";
import { alike } from "./comparisons.ts";
import { aMap, anArray, elementType, firstType, mapType } from "./collections.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { scalar, STRING, unexpectedType } from "./scalar.ts";

/** Maps made of arrays, entries, text and other maps. A key that is null, or that occurs twice, stops the query. */
export const maps: readonly FunctionEntry[] = [
  scalar({
    name: "map_entries",
    doc: "The entries of a map as structs of key and value.",
    params: [aMap],
    result: (args) => ({ type: "array", element: entryType(mapType(args).key, mapType(args).value) }),
    run: (map: ReadonlyMap<unknown, unknown>) => [...map].map(([key, value]) => [key, value]),
  }),
  scalar({
    name: "map_from_arrays",
    doc: "A map of an array of keys and an array of values.",
    params: [anArray, anArray],
    result: (args) => ({ type: "map", key: elementType(args), value: elementType(args.slice(1)) }),
    run: (keys: readonly unknown[], values: readonly unknown[]) => {
      if (keys.length !== values.length)
        throw invalidParameter("map_from_arrays", "keys and values are as many", `${keys.length} keys, ${values.length} values`);
      return mapOfEntries(keys.map((key, i) => [key, values[i]]));
    },
  }),
  scalar({
    name: "map_from_entries",
    doc: "A map of an array of structs of key and value; null if one of them is null.",
    params: [arrayOfPairs],
    result: (args) => {
      const pair = elementType(args);
      const [key, value] = pair.type === "struct" ? pair.fields : [];
      return { type: "map", key: key?.dataType ?? STRING, value: value?.dataType ?? STRING };
    },
    partial: true,
    run: (entries: readonly (readonly unknown[] | null)[]) =>
      entries.includes(null) ? null : mapOfEntries(entries as readonly (readonly unknown[])[]),
  }),
  {
    name: "map_concat",
    doc: "The entries of all the maps.",
    resolve(args, _options, settings) {
      const taken = alike(
        "map_concat",
        args.map((arg) => aMap(arg, "map_concat")),
        settings,
      );
      return { args: taken, dataType: firstType(taken), nullable: taken.some((one) => one.nullable) };
    },
    emit: (call, context) => scalar({ name: "map_concat", doc: "", params: [], result: call.dataType, run: joinMaps }).emit(call, context),
  },
  scalar({
    name: "str_to_map",
    doc: "A map of text such as a:1,b:2; the marks between entries and within them may be given.",
    params: [STRING, STRING, STRING],
    required: 1,
    result: { type: "map", key: STRING, value: STRING },
    run: (text: string, between = ",", within = ":") =>
      mapOfEntries(
        text.split(new RegExp(between, "u")).map((entry) => {
          const match = new RegExp(within, "u").exec(entry);
          return match === null ? [entry, null] : [entry.slice(0, match.index), entry.slice(match.index + match[0].length)];
        }),
      ),
  }),
];

function entryType(key: DataType, value: DataType): DataType {
  return {
    type: "struct",
    fields: [
      { name: "key", dataType: key, nullable: false },
      { name: "value", dataType: value, nullable: true },
    ],
  };
}

function arrayOfPairs(arg: Resolved, name: string): Resolved {
  const element = elementType([anArray(arg, name)]);
  if (element.type === "struct" && element.fields.length === 2) return arg;
  if (element.type === "null") throw wrongArgumentCount(name, "1", 0);
  throw unexpectedType(name, arg, '"ARRAY" of pair "STRUCT"');
}

function joinMaps(...all: readonly ReadonlyMap<unknown, unknown>[]): Map<unknown, unknown> {
  return mapOfEntries(all.flatMap((map) => [...map]));
}

/** A map of entries in turn. */
export function mapOfEntries(entries: readonly (readonly unknown[])[]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (const [key, value] of entries) putEntry(map, key, value);
  return map;
}

/** Adds an entry to a map. @throws QueryExecutionError NULL_MAP_KEY, DUPLICATED_MAP_KEY */
export function putEntry(map: Map<unknown, unknown>, key: unknown, value: unknown): void {
  if (key === null || key === undefined) throw nullMapKey();
  if (map.has(key)) throw duplicatedMapKey(key);
  map.set(key, value ?? null);
}
