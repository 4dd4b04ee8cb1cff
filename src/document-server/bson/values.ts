import { deserialize, serialize, type Document } from "bson";
import { createKeyWriter, takeKey, writeKey } from "./order-key.ts";
import { elementAt } from "./raw.ts";

/**
 * Documents as JavaScript values, for mingo: numbers of every type become plain numbers where that loses nothing (a 64-bit integer beyond
 * 2^53 stays a Long, Decimal128 stays itself), so that 5, 5.0 and Long 5 are one value to a query and to $group.
 */
export function decodeDocument(bytes: Uint8Array): Document {
  return deserialize(bytes, { promoteBuffers: false, promoteLongs: true, promoteValues: true, validation: { utf8: false } });
}

/** The same with every number wrapped in its BSON type, for what is written back. */
export function decodeTyped(bytes: Uint8Array): Document {
  return deserialize(bytes, {
    promoteBuffers: false,
    promoteLongs: false,
    promoteValues: false,
    bsonRegExp: true,
    validation: { utf8: false },
  });
}

/** A document's bytes; fields that are undefined (mingo's "missing") are left out. */
export function encodeDocument(document: Document): Buffer {
  return Buffer.from(serialize(document, { ignoreUndefined: true }));
}

const writer = createKeyWriter();

/** The order key (order-key.ts) of a JavaScript value. */
export function keyOf(value: unknown, descending: boolean = false): Buffer {
  const bytes = Buffer.from(serialize({ v: value }, { ignoreUndefined: false }));
  const element = elementAt(bytes, 4, bytes.length - 1);
  if (element === undefined) throw new TypeError("a value that BSON cannot hold");
  writer.length = 0;
  writeKey(writer, bytes, element.type, element.start, element.end, descending);
  return takeKey(writer);
}

/** MongoDB's comparison order of two JavaScript values: negative, 0, positive. */
export function compareValues(left: unknown, right: unknown): number {
  if (typeof left === "number" && typeof right === "number" && left === left && right === right)
    return left - right || (left < right ? -1 : left > right ? 1 : 0);
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime();
  if (left === right) return 0;
  return Buffer.compare(keyOf(left), keyOf(right));
}
