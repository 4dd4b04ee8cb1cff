import { deserialize, serialize, type Document } from "bson";
import { createKeyWriter, takeKey, writeKey } from "./order-key.ts";
import { BSON, buildDocument, elementsOf, nameOf } from "./raw.ts";

/**
 * A document that is being changed. A leaf is the bytes of a value, an object or an array too as long as nobody looked inside; so whatever an
 * update does not touch stays what it was, to the byte, with its type and the order of its fields.
 */
export type Leaf = { readonly kind: "leaf"; readonly type: number; readonly bytes: Buffer };
export type ObjectNode = { readonly kind: "object"; readonly fields: Map<string, Node> };
export type ArrayNode = { readonly kind: "array"; readonly items: Node[] };
export type Node = Leaf | ObjectNode | ArrayNode;

/** The document at the start of `bytes`, one level open. */
export function openDocument(bytes: Buffer): ObjectNode {
  const fields = new Map<string, Node>();
  for (const element of elementsOf(bytes, 0))
    fields.set(nameOf(bytes, element), { kind: "leaf", type: element.type, bytes: bytes.subarray(element.start, element.end) as Buffer });
  return { kind: "object", fields };
}

/** A node with its next level open: a leaf stays one only where it is neither object nor array. */
export function open(node: Node): Node {
  if (node.kind !== "leaf") return node;
  if (node.type === BSON.object) return openDocument(node.bytes);
  if (node.type !== BSON.array) return node;
  const items = elementsOf(node.bytes, 0).map((element): Node => ({
    kind: "leaf",
    type: element.type,
    bytes: node.bytes.subarray(element.start, element.end) as Buffer,
  }));
  return { kind: "array", items };
}

/** A JavaScript value as a leaf. */
export function leafOf(value: unknown): Leaf {
  const bytes = Buffer.from(serialize({ v: value }, { ignoreUndefined: false }));
  return { kind: "leaf", type: bytes[4] as number, bytes: bytes.subarray(7, bytes.length - 1) as Buffer };
}

export const NULL_LEAF: Leaf = { kind: "leaf", type: BSON.null, bytes: Buffer.alloc(0) };

/** The node as a leaf: its bytes. */
export function closed(node: Node): Leaf {
  if (node.kind === "leaf") return node;
  const entries: Iterable<readonly [string, Node]> =
    node.kind === "object" ? node.fields : node.items.map((item, i) => [String(i), item] as const);
  const pieces: Buffer[] = [];
  for (const [name, inner] of entries) {
    const leaf = closed(inner);
    pieces.push(Buffer.from([leaf.type]), Buffer.from(`${name}\0`), leaf.bytes);
  }
  return { kind: "leaf", type: node.kind === "object" ? BSON.object : BSON.array, bytes: buildDocument(pieces) };
}

/** The bytes of a document. */
export function encodeNode(node: ObjectNode): Buffer {
  return closed(node).bytes;
}

const writer = createKeyWriter();

/** The order key of a node's value (order-key.ts). */
export function nodeKey(node: Node, descending: boolean = false): Buffer {
  const leaf = closed(node);
  writer.length = 0;
  writeKey(writer, leaf.bytes, leaf.type, 0, leaf.bytes.length, descending);
  return takeKey(writer);
}

/** Whether two nodes are the same to the byte. */
export function sameNode(left: Node, right: Node): boolean {
  const [a, b] = [closed(left), closed(right)];
  return a.type === b.type && a.bytes.equals(b.bytes);
}

function wrapped(node: Node): Buffer {
  const leaf = closed(node);
  return buildDocument([Buffer.from([leaf.type]), Buffer.from("v\0"), leaf.bytes]);
}

/** The value as queries see it: plain numbers. */
export function plainValue(node: Node): unknown {
  return (deserialize(wrapped(node), { promoteBuffers: false }) as Document).v as unknown;
}

/** The value with its numbers in their BSON types. */
export function typedValue(node: Node): unknown {
  return (deserialize(wrapped(node), { promoteBuffers: false, promoteValues: false, promoteLongs: false, bsonRegExp: true }) as Document)
    .v as unknown;
}

const ALIASES: Readonly<Record<number, string>> = {
  [BSON.double]: "double",
  [BSON.string]: "string",
  [BSON.object]: "object",
  [BSON.array]: "array",
  [BSON.binary]: "binData",
  [BSON.undefined]: "undefined",
  [BSON.objectId]: "objectId",
  [BSON.boolean]: "bool",
  [BSON.date]: "date",
  [BSON.null]: "null",
  [BSON.regex]: "regex",
  [BSON.dbPointer]: "dbPointer",
  [BSON.code]: "javascript",
  [BSON.symbol]: "symbol",
  [BSON.codeWithScope]: "javascriptWithScope",
  [BSON.int32]: "int",
  [BSON.timestamp]: "timestamp",
  [BSON.int64]: "long",
  [BSON.decimal128]: "decimal",
  [BSON.minKey]: "minKey",
  [BSON.maxKey]: "maxKey",
};

/** MongoDB's alias of the node's type. */
export function nodeType(node: Node): string {
  return node.kind === "leaf" ? (ALIASES[node.type] ?? "missing") : node.kind;
}
