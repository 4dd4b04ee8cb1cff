import type { AnyColumn } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { Long } from "../../types/schema-builder.ts";
import type { Argument, Bytes, Text } from "./arguments.ts";

/** A whole number, text or bytes as hexadecimal text. */
export function hex(column: AnyColumn): Column<string> {
  return call("hex", [column]);
}
/** The bytes of hexadecimal text, null if it is none. */
export function unhex(text: Text): Column<Uint8Array> {
  return call("unhex", [text]);
}
/** Bytes as base64. */
export function base64(bytes: AnyColumn): Column<string> {
  return call("base64", [bytes]);
}
/** The bytes of base64. */
export function unbase64(text: Text): Column<Uint8Array> {
  return call("unbase64", [text]);
}
/** The bytes of a text in a character set. */
export function encode(text: Text, charset: string): Column<Uint8Array> {
  return call("encode", [text, charset]);
}
/** Text from bytes in a character set; with more arguments the result that stands after the first equal value, else the default. */
export function decode(bytes: AnyColumn, ...charsetOrPairs: readonly Argument[]): Column<string> {
  return call("decode", [bytes, ...charsetOrPairs]);
}
/** Whether text made of bytes is well-formed; text is here. */
export function isValidUtf8(text: Text | Bytes): Column<boolean> {
  return call("is_valid_utf8", [text]);
}
/** Text as it stands in the query of a URL. */
export function urlEncode(text: Text): Column<string> {
  return call("url_encode", [text]);
}
/** Text from the query of a URL. */
export function urlDecode(text: Text): Column<string> {
  return call("url_decode", [text]);
}
/** The same, null where it is malformed. */
export function tryUrlDecode(text: Text): Column<string> {
  return call("try_url_decode", [text]);
}
/** The MD5 sum as hexadecimal text. */
export function md5(bytes: AnyColumn): Column<string> {
  return call("md5", [bytes]);
}
/** The SHA-1 sum as hexadecimal text. */
export function sha(bytes: AnyColumn): Column<string> {
  return call("sha", [bytes]);
}
/** The SHA-1 sum as hexadecimal text. */
export function sha1(bytes: AnyColumn): Column<string> {
  return call("sha1", [bytes]);
}
/** The SHA-2 sum of 224, 256 (or 0), 384 or 512 bits as hexadecimal text. */
export function sha2(bytes: AnyColumn, bits: 0 | 224 | 256 | 384 | 512): Column<string> {
  return call("sha2", [bytes, bits]);
}
/** The cyclic redundancy check value. */
export function crc32(bytes: AnyColumn): Column<Long> {
  return call("crc32", [bytes]);
}
/** A 32-bit hash of the arguments (Murmur3); nulls are passed over. */
export function hash(...columns: readonly AnyColumn[]): Column<number> {
  return call("hash", columns);
}
/** A 64-bit hash of the arguments; nulls are passed over. */
export function xxhash64(...columns: readonly AnyColumn[]): Column<Long> {
  return call("xxhash64", columns);
}
