import type { Document } from "bson";
import { parsePath, valuesAt, type FieldPath, type ValueRef } from "../bson/path.ts";
import { createKeyWriter, takeKey, writeKey } from "../bson/order-key.ts";
import { elementAt } from "../bson/raw.ts";
import { MISSING_VALUE } from "../bson/path.ts";
import { CommandFailure } from "../failure.ts";

/** What an index is, as its creator gave it; `table` is its B-tree in SQLite (the collection itself for `_id`). */
export type IndexSpec = {
  readonly name: string;
  readonly fields: readonly IndexField[];
  readonly unique: boolean;
  readonly sparse: boolean;
};
export type IndexField = { readonly path: FieldPath; readonly descending: boolean };

export const ID_INDEX: IndexSpec = { name: "_id_", fields: [{ path: parsePath("_id"), descending: false }], unique: true, sparse: false };

const KNOWN_OPTIONS = new Set(["v", "key", "name", "unique", "sparse", "background", "ns", "hidden"]);

/** Reads one entry of createIndexes. Refuses kinds that this server does not have, with MongoDB's codes. */
export function parseIndexSpec(spec: Document): IndexSpec {
  const key = spec.key as unknown;
  if (typeof key !== "object" || key === null || Object.keys(key).length === 0)
    throw new CommandFailure("CannotCreateIndex", "Index keys cannot be an empty field.");
  const fields = Object.entries(key).map(([text, order]): IndexField => {
    if (typeof order !== "number" || order === 0)
      throw new CommandFailure(
        "CannotCreateIndex",
        `Values in the index key pattern must be numbers here: "${text}: ${String(order)}" is not offered by this development server`,
      );
    if (text === "" || text.startsWith("$")) throw new CommandFailure("CannotCreateIndex", `Index key "${text}" is not a field path.`);
    return { path: parsePath(text), descending: order < 0 };
  });
  for (const option of Object.keys(spec))
    if (!KNOWN_OPTIONS.has(option))
      throw new CommandFailure("InvalidIndexSpecificationOption", `The index option "${option}" is not offered by this development server`);
  const name =
    typeof spec.name === "string" && spec.name !== "" ? spec.name : fields.map((f) => `${f.path.text}_${f.descending ? -1 : 1}`).join("_");
  return { name, fields, unique: spec.unique === true, sparse: spec.sparse === true };
}

/** The key pattern, as in `{ "window.start": -1 }`. */
export function keyPattern(spec: IndexSpec): Record<string, 1 | -1> {
  return Object.fromEntries(spec.fields.map((field) => [field.path.text, field.descending ? -1 : 1]));
}

/** As listIndexes shows it. */
export function describeIndex(spec: IndexSpec): Document {
  return {
    v: 2,
    key: keyPattern(spec),
    name: spec.name,
    ...(spec.unique && spec.name !== "_id_" ? { unique: true } : {}),
    ...(spec.sparse ? { sparse: true } : {}),
  };
}

const writer = createKeyWriter();

export type DocumentKeys = { readonly keys: readonly Buffer[]; readonly multikey: boolean };

/** The keys under which the index holds a document: one, or one an element where a field is an array. */
export function keysOfDocument(spec: IndexSpec, document: Buffer): DocumentKeys {
  const columns: ValueRef[][] = [];
  let multikey = false;
  let arrayRoot: string | undefined;
  for (const field of spec.fields) {
    const found = valuesAt(document, 0, field.path);
    if (found.multikey) {
      const root = field.path.text.split(".")[0];
      if (arrayRoot !== undefined && arrayRoot !== root)
        throw new CommandFailure("CannotIndexParallelArrays", `cannot index parallel arrays [${field.path.text}] [${arrayRoot}]`);
      arrayRoot = root;
      multikey = true;
    }
    columns.push(found.values);
  }
  if (spec.sparse && columns.every((values) => values.every((value) => value === MISSING_VALUE))) return { keys: [], multikey };
  if (!multikey) return { keys: [compoundKey(spec, document, columns, 0)], multikey };
  const total = columns.reduce((product, values) => product * values.length, 1);
  const keys = new Map<string, Buffer>();
  for (let n = 0; n < total; n++) {
    const key = compoundKey(spec, document, columns, n);
    keys.set(key.toString("latin1"), key);
  }
  return { keys: [...keys.values()], multikey };
}

/** The n-th combination of the columns' values, as one key. */
function compoundKey(spec: IndexSpec, document: Buffer, columns: readonly ValueRef[][], n: number): Buffer {
  writer.length = 0;
  let rest = n;
  for (let i = 0; i < columns.length; i++) {
    const values = columns[i] as ValueRef[];
    const value = values[rest % values.length] as ValueRef;
    rest = Math.floor(rest / values.length);
    writeKey(writer, document, value.type, value.start, value.end, (spec.fields[i] as IndexField).descending);
  }
  return takeKey(writer);
}

/** The order key of a document's `_id`; undefined when it has none. */
export function idKeyOf(document: Buffer): Buffer | undefined {
  const first = elementAt(document, 4, document.length - 1);
  if (first === undefined || first.nameEnd - first.nameStart !== 3 || document.toString("latin1", first.nameStart, first.nameEnd) !== "_id")
    return undefined;
  writer.length = 0;
  writeKey(writer, document, first.type, first.start, first.end);
  return takeKey(writer);
}
