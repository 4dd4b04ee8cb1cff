import { Decimal128 } from "bson";
import { BSON, elementAt, documentSize } from "./raw.ts";

/**
 * Bytes whose order under memcmp is MongoDB's comparison order of BSON values, across types: MinKey, undefined, null, numbers (by value,
 * whatever their type), text, object, array, binary, ObjectId, boolean, date, timestamp, regular expression, code, MaxKey
 * (manual: "Comparison/Sort Order"). Equal bytes mean equal values, so that SQLite's B-trees serve equality, ranges and order.
 * Every encoding ends itself: several in a row order like the tuple, and complemented bytes order downwards.
 */
export type KeyWriter = { bytes: Buffer; length: number };

export function createKeyWriter(): KeyWriter {
  return { bytes: Buffer.allocUnsafe(256), length: 0 };
}

/** The first byte of a value's encoding: MongoDB's canonical type order. */
export const RANK = {
  minKey: 0x01,
  undefined: 0x08,
  null: 0x10,
  number: 0x20,
  string: 0x30,
  object: 0x40,
  array: 0x48,
  binary: 0x50,
  objectId: 0x58,
  boolean: 0x60,
  date: 0x68,
  timestamp: 0x70,
  regex: 0x78,
  dbPointer: 0x80,
  code: 0x88,
  codeWithScope: 0x90,
  maxKey: 0xf0,
} as const;

const RANK_BY_TYPE: Readonly<Record<number, number>> = {
  [BSON.minKey]: RANK.minKey,
  [BSON.undefined]: RANK.undefined,
  [BSON.null]: RANK.null,
  [BSON.double]: RANK.number,
  [BSON.int32]: RANK.number,
  [BSON.int64]: RANK.number,
  [BSON.decimal128]: RANK.number,
  [BSON.string]: RANK.string,
  [BSON.symbol]: RANK.string,
  [BSON.object]: RANK.object,
  [BSON.array]: RANK.array,
  [BSON.binary]: RANK.binary,
  [BSON.objectId]: RANK.objectId,
  [BSON.boolean]: RANK.boolean,
  [BSON.date]: RANK.date,
  [BSON.timestamp]: RANK.timestamp,
  [BSON.regex]: RANK.regex,
  [BSON.dbPointer]: RANK.dbPointer,
  [BSON.code]: RANK.code,
  [BSON.codeWithScope]: RANK.codeWithScope,
  [BSON.maxKey]: RANK.maxKey,
};

export function reserve(writer: KeyWriter, more: number): void {
  if (writer.length + more <= writer.bytes.length) return;
  const grown = Buffer.allocUnsafe(Math.max(writer.bytes.length * 2, writer.length + more));
  writer.bytes.copy(grown, 0, 0, writer.length);
  writer.bytes = grown;
}

/** Appends the encoding of the BSON value of `type` at [start, end) of `from`; `descending` complements it. */
export function writeKey(writer: KeyWriter, from: Buffer, type: number, start: number, end: number, descending: boolean = false): void {
  const begin = writer.length;
  writeValue(writer, from, type, start, end);
  if (descending) for (let at = begin; at < writer.length; at++) writer.bytes[at] = ~(writer.bytes[at] as number) & 0xff;
}

/** What was written since `createKeyWriter` or the last call, as a copy of its own. */
export function takeKey(writer: KeyWriter): Buffer {
  const key = Buffer.from(writer.bytes.subarray(0, writer.length));
  writer.length = 0;
  return key;
}

function writeValue(writer: KeyWriter, from: Buffer, type: number, start: number, end: number): void {
  reserve(writer, 32);
  writer.bytes[writer.length++] = RANK_BY_TYPE[type] ?? RANK.maxKey;
  switch (type) {
    case BSON.double:
      writeDouble(writer, from.readDoubleLE(start));
      writer.bytes[writer.length++] = 0;
      break;
    case BSON.int32:
      writeDouble(writer, from.readInt32LE(start));
      writer.bytes[writer.length++] = 0;
      break;
    case BSON.int64:
      writeInt64(writer, from.readBigInt64LE(start));
      break;
    case BSON.decimal128:
      writeDecimal(writer, new Decimal128(from.subarray(start, start + 16)).toString());
      break;
    case BSON.string:
    case BSON.symbol:
    case BSON.code:
      writeText(writer, from, start + 4, end - 1);
      break;
    case BSON.object:
      writeElements(writer, from, start, true);
      break;
    case BSON.array:
      writeElements(writer, from, start, false);
      break;
    case BSON.binary:
      reserve(writer, end - start);
      writer.length = writer.bytes.writeInt32BE(from.readInt32LE(start), writer.length);
      writer.length += from.copy(writer.bytes, writer.length, start + 4, end);
      break;
    case BSON.objectId:
      writer.length += from.copy(writer.bytes, writer.length, start, end);
      break;
    case BSON.boolean:
      writer.bytes[writer.length++] = from[start] as number;
      break;
    case BSON.date:
      writer.length = writer.bytes.writeBigUInt64BE(BigInt.asUintN(64, from.readBigInt64LE(start)) ^ (1n << 63n), writer.length);
      break;
    case BSON.timestamp:
      writer.length = writer.bytes.writeBigUInt64BE(from.readBigUInt64LE(start), writer.length);
      break;
    case BSON.regex: {
      const middle = from.indexOf(0, start);
      writeText(writer, from, start, middle);
      writeText(writer, from, middle + 1, end - 1);
      break;
    }
    case BSON.codeWithScope: {
      const codeEnd = start + 8 + from.readInt32LE(start + 4);
      writeText(writer, from, start + 8, codeEnd - 1);
      writeElements(writer, from, codeEnd, true);
      break;
    }
    case BSON.dbPointer:
      writeText(writer, from, start + 4, end - 13);
      reserve(writer, 12);
      writer.length += from.copy(writer.bytes, writer.length, end - 12, end);
      break;
  }
}

/** Objects compare field by field: type, then name, then value; arrays by their elements; the shorter of two alike first. */
function writeElements(writer: KeyWriter, from: Buffer, start: number, named: boolean): void {
  const limit = start + documentSize(from, start) - 1;
  for (let element = elementAt(from, start + 4, limit); element; element = elementAt(from, element.end, limit)) {
    if (named) {
      reserve(writer, 1);
      writer.bytes[writer.length++] = RANK_BY_TYPE[element.type] ?? RANK.maxKey;
      writeText(writer, from, element.nameStart, element.nameEnd);
    }
    writeValue(writer, from, element.type, element.start, element.end);
  }
  reserve(writer, 1);
  writer.bytes[writer.length++] = 0;
}

/** UTF-8 bytes; a zero inside becomes 00 FF, the end is 00 00. */
function writeText(writer: KeyWriter, from: Buffer, start: number, end: number): void {
  reserve(writer, (end - start) * 2 + 2);
  const to = writer.bytes;
  let length = writer.length;
  for (let at = start; at < end; at++) {
    const byte = from[at] as number;
    to[length++] = byte;
    if (byte === 0) to[length++] = 0xff;
  }
  to[length++] = 0;
  to[length++] = 0;
  writer.length = length;
}

/** IEEE 754 bits, sign flipped (all bits of a negative): eight bytes in the order of the numbers. NaN, below all, is eight zeros. */
function writeDouble(writer: KeyWriter, value: number): void {
  reserve(writer, 9);
  const { bytes, length } = writer;
  writer.length = length + 8;
  if (Number.isNaN(value)) {
    bytes.fill(0, length, length + 8);
    return;
  }
  bytes.writeDoubleBE(value === 0 ? 0 : value, length);
  if ((bytes[length] as number) < 0x80) bytes[length] = (bytes[length] as number) | 0x80;
  else for (let at = length; at < length + 8; at++) bytes[at] = ~(bytes[at] as number) & 0xff;
}

function writeInt64(writer: KeyWriter, value: bigint): void {
  let floor = Number(value);
  if (BigInt(floor) > value) floor = previousDouble(floor);
  writeDouble(writer, floor);
  if (BigInt(floor) === value) {
    writer.bytes[writer.length++] = 0;
    return;
  }
  writeExact(writer, value < 0n, String(value < 0n ? -value : value), 0);
}

/** A number between two doubles: the lower of them, then 01 and the exact decimal. */
function writeDecimal(writer: KeyWriter, text: string): void {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/i.exec(text);
  if (!parts) {
    writeDouble(writer, Number(text));
    writer.bytes[writer.length++] = 0;
    return;
  }
  const fraction = parts[3] ?? "";
  const digits = (parts[2] ?? "") + fraction;
  const exponent = Number(parts[4] ?? 0) - fraction.length;
  const magnitude = BigInt(digits);
  const value = parts[1] ? -magnitude : magnitude;
  let floor = Number(text);
  let order = compareToDouble(value, exponent, floor);
  if (order < 0) {
    floor = previousDouble(floor);
    order = compareToDouble(value, exponent, floor);
  }
  writeDouble(writer, floor);
  if (order === 0) writer.bytes[writer.length++] = 0;
  else writeExact(writer, value < 0n, magnitude.toString(), exponent);
}

/** The sign of value·10^exponent − double. */
function compareToDouble(value: bigint, exponent: number, double: number): number {
  if (double === Infinity) return -1;
  if (double === -Infinity) return 1;
  let mantissa = double;
  let twos = 0;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    twos++;
  }
  const left = value * (exponent > 0 ? 10n ** BigInt(exponent) : 1n) * 2n ** BigInt(twos);
  const right = BigInt(mantissa) * (exponent < 0 ? 10n ** BigInt(-exponent) : 1n);
  return left < right ? -1 : left > right ? 1 : 0;
}

function writeExact(writer: KeyWriter, negative: boolean, magnitude: string, exponent: number): void {
  const digits = magnitude.replace(/0+$/, "");
  reserve(writer, digits.length + 5);
  const { bytes } = writer;
  bytes[writer.length++] = 1;
  const begin = writer.length;
  bytes[writer.length++] = negative ? 0 : 1;
  writer.length = bytes.writeUInt16BE(magnitude.length + exponent + 0x8000, writer.length);
  writer.length += bytes.write(digits, writer.length, "latin1");
  bytes[writer.length++] = 0;
  if (negative) for (let at = begin + 1; at < writer.length; at++) bytes[at] = ~(bytes[at] as number) & 0xff;
}

const bits = new DataView(new ArrayBuffer(8));

function previousDouble(value: number): number {
  if (value === -Infinity) return value;
  if (value === 0) return -Number.MIN_VALUE;
  bits.setFloat64(0, value);
  bits.setBigInt64(0, bits.getBigInt64(0) + (value > 0 ? -1n : 1n));
  return bits.getFloat64(0);
}
