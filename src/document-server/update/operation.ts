import { createKeyWriter, takeKey, writeKey } from "../bson/order-key.ts";
import { BSON, buildDocument, documentSize, elementsOf, isNamed, nameOf, type RawElement } from "../bson/raw.ts";
import { compareFieldNames } from "./update-path.ts";

/** One update of a bulk that needs no query language: {_id: scalar} with a replacement or a $set of top-level fields. */
export type DirectUpdate = {
  readonly idKey: Buffer;
  readonly upsert: boolean;
  /** The `_id` element as the filter gave it. */
  readonly idElement: Buffer;
  readonly change:
    | { readonly kind: "replace"; readonly elements: Buffer; readonly hasId: boolean }
    | { readonly kind: "set"; readonly set: Buffer; readonly onInsert: Buffer | undefined };
};

const writer = createKeyWriter();
const NO_KEY_LOOKUP: ReadonlySet<number> = new Set([
  BSON.object,
  BSON.array,
  BSON.regex,
  BSON.undefined,
  BSON.null,
  BSON.codeWithScope,
  BSON.dbPointer,
]);

/** Reads the operation at `at` straight from its bytes; undefined when it needs the general way. */
export function readDirectUpdate(bytes: Buffer, at: number): DirectUpdate | undefined {
  let filter: RawElement | undefined;
  let update: RawElement | undefined;
  let upsert = false;
  for (const element of elementsOf(bytes, at)) {
    if (isNamed(bytes, element, "q")) filter = element;
    else if (isNamed(bytes, element, "u")) update = element;
    else if (isNamed(bytes, element, "upsert") && element.type === BSON.boolean) upsert = bytes[element.start] === 1;
    else if (isNamed(bytes, element, "multi") && element.type === BSON.boolean && bytes[element.start] === 0) continue;
    else return undefined;
  }
  if (filter?.type !== BSON.object || update?.type !== BSON.object) return undefined;
  const [id, more] = elementsOf(bytes, filter.start);
  if (id === undefined || more !== undefined || !isNamed(bytes, id, "_id") || NO_KEY_LOOKUP.has(id.type)) return undefined;
  writeKey(writer, bytes, id.type, id.start, id.end);
  const idKey = takeKey(writer);
  const change = readReplacement(bytes, update, idKey) ?? readSet(bytes, update);
  return change && { idKey, upsert, idElement: bytes.subarray(id.head, id.end) as Buffer, change };
}

function readReplacement(bytes: Buffer, update: RawElement, idKey: Buffer): DirectUpdate["change"] | undefined {
  let hasId = false;
  const elements = elementsOf(bytes, update.start);
  for (const [i, element] of elements.entries()) {
    if (bytes[element.nameStart] === 0x24) return undefined;
    if (!isNamed(bytes, element, "_id")) continue;
    if (i > 0) return undefined;
    writeKey(writer, bytes, element.type, element.start, element.end);
    if (!takeKey(writer).equals(idKey)) return undefined;
    hasId = true;
  }
  return { kind: "replace", elements: bytes.subarray(update.start + 4, update.end - 1) as Buffer, hasId };
}

function readSet(bytes: Buffer, update: RawElement): DirectUpdate["change"] | undefined {
  let set: Buffer | undefined;
  let onInsert: Buffer | undefined;
  const names = new Set<string>();
  for (const operator of elementsOf(bytes, update.start)) {
    const isSet = isNamed(bytes, operator, "$set");
    if ((!isSet && !isNamed(bytes, operator, "$setOnInsert")) || operator.type !== BSON.object) return undefined;
    for (const field of elementsOf(bytes, operator.start)) {
      const name = nameOf(bytes, field);
      if (name === "_id" || name === "" || name.includes(".") || name.startsWith("$") || names.has(name)) return undefined;
      names.add(name);
    }
    const fields = bytes.subarray(operator.start, operator.end) as Buffer;
    if (isSet) set = fields;
    else onInsert = fields;
  }
  return set && { kind: "set", set, onInsert };
}

/** The document that the update makes of the stored one, or the one that it inserts. */
export function applyDirect(update: DirectUpdate, stored: Buffer | undefined): Buffer {
  const { change } = update;
  if (change.kind === "replace") {
    if (change.hasId && stored === undefined) return buildDocument([change.elements]);
    const id = stored ? firstElement(stored) : update.idElement;
    const rest = change.hasId ? change.elements.subarray(firstLength(change.elements)) : change.elements;
    return buildDocument([id, rest]);
  }
  if (stored !== undefined) return setFields(stored, change.set);
  const pieces = namedPieces(change.set);
  if (change.onInsert) pieces.push(...namedPieces(change.onInsert));
  return buildDocument([update.idElement, ...inOrder(pieces)]);
}

type NamedPiece = { readonly name: string; readonly bytes: Uint8Array };

function namedPieces(document: Buffer): NamedPiece[] {
  return elementsOf(document, 0).map((element) => ({
    name: nameOf(document, element),
    bytes: document.subarray(element.head, element.end),
  }));
}

/** New fields come in the order of their names, as every update works (update-path.ts). */
function inOrder(pieces: NamedPiece[]): Uint8Array[] {
  return pieces.sort((a, b) => compareFieldNames(a.name, b.name)).map(({ bytes }) => bytes);
}

function firstElement(document: Buffer): Buffer {
  const [first] = elementsOf(document, 0) as [RawElement];
  return document.subarray(first.head, first.end) as Buffer;
}

/** The length of the first element of a run of elements: put a frame around it to read it. */
function firstLength(elements: Buffer): number {
  const [first] = elementsOf(buildDocument([elements]), 0) as [RawElement];
  return first.end - 4;
}

/** The stored bytes with the given fields in the place of those of the same name, new ones behind. */
function setFields(stored: Buffer, set: Buffer): Buffer {
  const fresh = new Map(elementsOf(set, 0).map((element) => [nameOf(set, element), element]));
  const pieces: Uint8Array[] = [];
  for (const element of elementsOf(stored, 0)) {
    const name = nameOf(stored, element);
    const other = fresh.get(name);
    if (other) {
      pieces.push(set.subarray(other.head, other.end));
      fresh.delete(name);
    } else pieces.push(stored.subarray(element.head, element.end));
  }
  const rest = [...fresh].map(([name, element]) => ({ name, bytes: set.subarray(element.head, element.end) }));
  return buildDocument([...pieces, ...inOrder(rest)]);
}

/** The bytes of the sub-document (or of the array's elements as documents) named `name`, for the general way. */
export function subDocument(bytes: Buffer, element: RawElement): Buffer {
  return bytes.subarray(element.start, element.start + documentSize(bytes, element.start)) as Buffer;
}
