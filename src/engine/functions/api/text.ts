import type { AnyColumn, Operand } from "../../columns/column.ts";
import { call, type Column } from "../../columns/column.ts";
import type { Bytes, Text } from "./arguments.ts";
import { given } from "./arguments.ts";

/** In upper case. */
export function upper(text: Text): Column<string> {
  return call("upper", [text]);
}
/** The same as upper. */
export function ucase(text: Text): Column<string> {
  return call("ucase", [text]);
}
/** In lower case. */
export function lower(text: Text): Column<string> {
  return call("lower", [text]);
}
/** The same as lower. */
export function lcase(text: Text): Column<string> {
  return call("lcase", [text]);
}
/** The first letter of every word in upper case, the others in lower case. */
export function initcap(text: Text): Column<string> {
  return call("initcap", [text]);
}
/** Without blanks at both ends; trim(characters, text) without those. */
export function trim(text: Text): Column<string> {
  return call("trim", [text]);
}
/** Without blanks at both ends; btrim(text, characters) without those. */
export function btrim(text: Text, characters?: Text): Column<string> {
  return call("btrim", [text, ...given(characters)]);
}
/** Without blanks at the start. */
export function ltrim(text: Text): Column<string> {
  return call("ltrim", [text]);
}
/** Without blanks at the end. */
export function rtrim(text: Text): Column<string> {
  return call("rtrim", [text]);
}
/** How many characters. */
export function length(text: Text): Column<number> {
  return call("length", [text]);
}
/** The same as length. */
export function charLength(text: Text | Bytes): Column<number> {
  return call("char_length", [text]);
}
/** The same as length. */
export function len(text: Text | Bytes): Column<number> {
  return call("len", [text]);
}
/** How many bytes in UTF-8. */
export function octetLength(text: Text | Bytes): Column<number> {
  return call("octet_length", [text]);
}
/** How many bits in UTF-8. */
export function bitLength(text: Text | Bytes): Column<number> {
  return call("bit_length", [text]);
}
/** The same as length. */
export function characterLength(text: Text | Bytes): Column<number> {
  return call("character_length", [text]);
}
/** Characters (or bytes) from a position, at most so many; a negative position counts from the end. */
export function substring(text: Text, start: number, length: number): Column<string> {
  return call("substring", [text, start, length]);
}
/** The same as substring. */
export function substr(text: Text | Bytes, start: Operand<number>, length?: Operand<number>): Column<string> {
  return call("substr", [text, start, ...given(length)]);
}
/** The first characters. */
export function left(text: Text, length: Operand<number>): Column<string> {
  return call("left", [text, length]);
}
/** The last characters. */
export function right(text: Text, length: Operand<number>): Column<string> {
  return call("right", [text, length]);
}
/** The text with so many characters from a position replaced; as many as the replacement has when not said. */
export function overlay(text: Text, by: Text, start: Operand<number>, length?: Operand<number>): Column<string> {
  return call("overlay", [text, by, start, ...given(length)]);
}
/** Every occurrence of a text by another; without one, removed. */
export function replace(text: Text, part: Text, by: Text = ""): Column<string> {
  return call("replace", [text, part, by]);
}
/** Characters of the second text by those of the third at the same places; surplus ones are dropped. */
export function translate(text: Text, from: string, to: string): Column<string> {
  return call("translate", [text, from, to]);
}
/** Back to front: characters, bytes or elements. */
export function reverse(text: Text): Column<string> {
  return call("reverse", [text]);
}
/** So many times over. */
export function repeat(text: Text, times: number): Column<string> {
  return call("repeat", [text, times]);
}
/** So many blanks. */
export function space(count: Operand<number>): Column<string> {
  return call("space", [count]);
}
/** Filled from the left, or cut, to a length. */
export function lpad(text: Text, length: number, pad: string = " "): Column<string> {
  return call("lpad", [text, length, pad]);
}
/** Filled from the right, or cut, to a length. */
export function rpad(text: Text, length: number, pad: string = " "): Column<string> {
  return call("rpad", [text, length, pad]);
}
/** The code of the first character. */
export function ascii(text: Text): Column<number> {
  return call("ascii", [text]);
}
/** The character of a code (modulo 256). */
export function chr(code: Operand<number>): Column<string> {
  return call("chr", [code]);
}
/** The same as chr. */
export function char(code: Operand<number>): Column<string> {
  return call("char", [code]);
}
/** In single quotes, those in the text escaped. */
export function quote(text: Text): Column<string> {
  return call("quote", [text]);
}
/** Whether the digits follow Luhn's rule. */
export function luhnCheck(text: Text): Column<boolean> {
  return call("luhn_check", [text]);
}
/** Upper-case letters as X, lower-case ones as x, digits as n, or as the next arguments say; null keeps them. */
export function mask(text: Text, ...signs: readonly (string | null)[]): Column<string> {
  return call("mask", [text, ...signs]);
}
/** The n-th of the arguments that follow; under ANSI rules one that is not there stops the query. */
export function elt(place: Operand<number>, ...values: readonly Text[]): Column<string> {
  return call("elt", [place, ...values]);
}
/** Texts, or arrays, one after the other; null if one is null. */
export function concat(...parts: readonly AnyColumn[]): Column<string> {
  return call("concat", [...parts]);
}
/** Texts with a separator between them; nulls are left out, arrays count as their elements. */
export function concatWs(separator: string, ...parts: readonly AnyColumn[]): Column<string> {
  return call("concat_ws", [separator, ...parts]);
}
/** Whether the second is in the first. */
export function contains(text: Text | Bytes, part: Text | Bytes): Column<boolean> {
  return call("contains", [text, part]);
}
/** Whether the first begins with the second. */
export function startswith(text: Text | Bytes, prefix: Text | Bytes): Column<boolean> {
  return call("startswith", [text, prefix]);
}
/** Whether the first ends with the second. */
export function endswith(text: Text | Bytes, suffix: Text | Bytes): Column<boolean> {
  return call("endswith", [text, suffix]);
}
/** The position of the second in the first, 0 if it is not there. */
export function instr(text: Text, part: string): Column<number> {
  return call("instr", [text, part]);
}
/** The position of the first in the second, looked for from the third on. */
export function locate(part: string, text: Text, start: number = 1): Column<number> {
  return call("locate", [part, text, start]);
}
/** The same as locate. */
export function position(part: Text, text: Text, start?: Operand<number>): Column<number> {
  return call("position", [part, text, ...given(start)]);
}
/** The place of the first among the comma-separated parts of the second, 0 if it is not there. */
export function findInSet(part: Text, list: Text): Column<number> {
  return call("find_in_set", [part, list]);
}
/** The text before the n-th delimiter, after it from the end for a negative n. */
export function substringIndex(text: Text, delimiter: string, count: number): Column<string> {
  return call("substring_index", [text, delimiter, count]);
}
/** The n-th of the parts between delimiters, counted from the end for a negative n; empty where there is none. */
export function splitPart(text: Text, delimiter: Text, part: Operand<number>): Column<string> {
  return call("split_part", [text, delimiter, part]);
}
/** How many single-character edits lie between two texts; −1 where there are more than the third argument. */
export function levenshtein(a: Text, b: Text, most?: number): Column<number> {
  return call("levenshtein", [a, b, ...given(most)]);
}
/** The Soundex code of an English word. */
export function soundex(text: Text): Column<string> {
  return call("soundex", [text]);
}
/** printf: %d, %s, %.2f and their kin (java.util.Formatter). */
export function formatString(pattern: string, ...values: readonly AnyColumn[]): Column<string> {
  return call("format_string", [pattern, ...values]);
}
/** The same as format_string. */
export function printf(pattern: string, ...values: readonly AnyColumn[]): Column<string> {
  return call("printf", [pattern, ...values]);
}
/** A number with groups of three digits and so many decimal places (or by a pattern such as #,##0.00), halves to the even neighbour. */
export function formatNumber(value: AnyColumn, places: number | string): Column<string> {
  return call("format_number", [value, places]);
}
