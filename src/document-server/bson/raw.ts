import { isUtf8 } from "node:buffer";
import { CommandFailure } from "../failure.ts";

/** The type bytes of BSON elements (bsonspec.org, version 1.1). */
export const BSON = {
  double: 0x01,
  string: 0x02,
  object: 0x03,
  array: 0x04,
  binary: 0x05,
  undefined: 0x06,
  objectId: 0x07,
  boolean: 0x08,
  date: 0x09,
  null: 0x0a,
  regex: 0x0b,
  dbPointer: 0x0c,
  code: 0x0d,
  symbol: 0x0e,
  codeWithScope: 0x0f,
  int32: 0x10,
  timestamp: 0x11,
  int64: 0x12,
  decimal128: 0x13,
  maxKey: 0x7f,
  minKey: 0xff,
} as const;

/** One element inside the bytes of a document: where its type byte, its name and its value stand. The value is [start, end). */
export type RawElement = {
  readonly type: number;
  readonly head: number;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly start: number;
  readonly end: number;
};

/** MongoDB's limits: 16 MiB a document, 100 levels of nesting (we accept 200, as the server does for stored documents). */
export const MAX_DOCUMENT_BYTES: number = 16 * 1024 * 1024;
const MAX_DEPTH = 200;

function broken(what: string): CommandFailure {
  return new CommandFailure("FailedToParse", `invalid BSON: ${what}`);
}

function cstringEnd(bytes: Buffer, from: number, limit: number): number {
  let at = from;
  while (at < limit && bytes[at] !== 0) at++;
  if (at >= limit) throw broken("a name without an end");
  return at;
}

function sized(bytes: Buffer, start: number, limit: number, extra: number, least: number): number {
  if (start + 4 > limit) throw broken("an element cut short");
  const size = bytes.readInt32LE(start);
  if (size < least) throw broken(`a length of ${size}`);
  return start + size + extra;
}

/** Where the value that starts at `start` ends. Throws FailedToParse for an unknown type or a value beyond `limit`. */
export function valueEnd(bytes: Buffer, type: number, start: number, limit: number): number {
  let end: number;
  switch (type) {
    case BSON.double:
    case BSON.date:
    case BSON.timestamp:
    case BSON.int64:
      end = start + 8;
      break;
    case BSON.string:
    case BSON.code:
    case BSON.symbol:
      end = sized(bytes, start, limit, 4, 1);
      break;
    case BSON.object:
    case BSON.array:
      end = sized(bytes, start, limit, 0, 5);
      break;
    case BSON.binary:
      end = sized(bytes, start, limit, 5, 0);
      break;
    case BSON.undefined:
    case BSON.null:
    case BSON.minKey:
    case BSON.maxKey:
      end = start;
      break;
    case BSON.objectId:
      end = start + 12;
      break;
    case BSON.boolean:
      end = start + 1;
      break;
    case BSON.regex:
      end = cstringEnd(bytes, cstringEnd(bytes, start, limit) + 1, limit) + 1;
      break;
    case BSON.dbPointer:
      end = sized(bytes, start, limit, 16, 1);
      break;
    case BSON.codeWithScope:
      end = sized(bytes, start, limit, 0, 14);
      break;
    case BSON.int32:
      end = start + 4;
      break;
    case BSON.decimal128:
      end = start + 16;
      break;
    default:
      throw broken(`unknown element type ${type}`);
  }
  if (end > limit) throw broken("an element reaches beyond its document");
  return end;
}

/** The size in bytes of the document at `at`, as its first four bytes say. */
export function documentSize(bytes: Buffer, at: number): number {
  if (at + 5 > bytes.length) throw broken("a document cut short");
  const size = bytes.readInt32LE(at);
  if (size < 5 || at + size > bytes.length) throw broken(`a document of ${size} bytes`);
  return size;
}

/** The element at `at`, or undefined at the closing zero. `limit` is the offset of that zero. */
export function elementAt(bytes: Buffer, at: number, limit: number): RawElement | undefined {
  if (at >= limit) return undefined;
  const type = bytes[at] as number;
  if (type === 0) return undefined;
  const nameEnd = cstringEnd(bytes, at + 1, limit);
  return { type, head: at, nameStart: at + 1, nameEnd, start: nameEnd + 1, end: valueEnd(bytes, type, nameEnd + 1, limit) };
}

/** All elements of the document (or array) at `at`, in order. */
export function elementsOf(bytes: Buffer, at: number): RawElement[] {
  const limit = at + documentSize(bytes, at) - 1;
  const found: RawElement[] = [];
  for (let element = elementAt(bytes, at + 4, limit); element; element = elementAt(bytes, element.end, limit)) found.push(element);
  return found;
}

export function nameOf(bytes: Buffer, element: RawElement): string {
  return bytes.toString("utf8", element.nameStart, element.nameEnd);
}

/** Whether the element's name is exactly these ASCII characters. */
export function isNamed(bytes: Buffer, element: RawElement, name: string): boolean {
  if (element.nameEnd - element.nameStart !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[element.nameStart + i] !== name.charCodeAt(i)) return false;
  return true;
}

/** The element of that name (UTF-8 bytes) in the document at `at`, or undefined. */
export function findElement(bytes: Buffer, at: number, name: Buffer): RawElement | undefined {
  const limit = at + documentSize(bytes, at) - 1;
  for (let element = elementAt(bytes, at + 4, limit); element; element = elementAt(bytes, element.end, limit)) {
    const length = element.nameEnd - element.nameStart;
    if (length !== name.length) continue;
    let same = true;
    for (let i = 0; same && i < length; i++) same = bytes[element.nameStart + i] === name[i];
    if (same) return element;
  }
  return undefined;
}

/**
 * Checks that the document at `at` is well formed all the way down: sizes, closing zeros, UTF-8, depth. What comes from the network passes
 * here once; everything after trusts it.
 */
export function validateDocument(bytes: Buffer, at: number, depth: number = 0): void {
  if (depth > MAX_DEPTH) throw broken(`nested deeper than ${MAX_DEPTH} levels`);
  const limit = at + documentSize(bytes, at) - 1;
  if (bytes[limit] !== 0) throw broken("a document without its closing zero");
  let next = at + 4;
  for (let element = elementAt(bytes, next, limit); element; element = elementAt(bytes, next, limit)) {
    next = element.end;
    checkText(bytes, element.nameStart, element.nameEnd);
    switch (element.type) {
      case BSON.string:
      case BSON.code:
      case BSON.symbol:
        checkString(bytes, element.start, element.end);
        break;
      case BSON.object:
      case BSON.array:
        validateDocument(bytes.subarray(0, element.end) as Buffer, element.start, depth + 1);
        break;
      case BSON.codeWithScope: {
        const codeEnd = sized(bytes, element.start + 4, element.end, 4, 1);
        if (codeEnd + 5 > element.end) throw broken("code without its scope");
        checkString(bytes, element.start + 4, codeEnd);
        validateDocument(bytes.subarray(0, element.end) as Buffer, codeEnd, depth + 1);
        break;
      }
    }
  }
  if (next !== limit) throw broken("bytes after the last element");
}

function checkString(bytes: Buffer, start: number, end: number): void {
  if (bytes[end - 1] !== 0) throw broken("a string without its closing zero");
  checkText(bytes, start + 4, end - 1);
}

function checkText(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at++) {
    if ((bytes[at] as number) < 0x80) continue;
    if (!isUtf8(bytes.subarray(at, end))) throw broken("text that is not UTF-8");
    return;
  }
}

/** A document from pieces of others: each piece is whole elements (type byte, name, value). */
export function buildDocument(pieces: readonly Uint8Array[]): Buffer {
  let size = 5;
  for (const piece of pieces) size += piece.length;
  const document = Buffer.allocUnsafe(size);
  document.writeInt32LE(size, 0);
  let at = 4;
  for (const piece of pieces) {
    document.set(piece, at);
    at += piece.length;
  }
  document[at] = 0;
  return document;
}
