import { call, type Column } from "../../columns/column.ts";
import type { Text } from "./arguments.ts";
import { given } from "./arguments.ts";

/** Whether the whole text follows a pattern of % and _; \ escapes. */
export function like(text: Text, pattern: Text, escape?: string): Column<boolean> {
  return call("like", [text, pattern, ...given(escape)]);
}
/** like without case. */
export function ilike(text: Text, pattern: Text, escape?: string): Column<boolean> {
  return call("ilike", [text, pattern, ...given(escape)]);
}
/** Whether a part of the text matches the pattern. */
export function rlike(text: Text, pattern: Text): Column<boolean> {
  return call("rlike", [text, pattern]);
}
/** Whether a part of the text matches the pattern. */
export function regexpLike(text: Text, pattern: Text): Column<boolean> {
  return call("regexp_like", [text, pattern]);
}
/** Whether a part of the text matches the pattern. */
export function regexp(text: Text, pattern: Text): Column<boolean> {
  return call("regexp", [text, pattern]);
}
/** A group (1 when not given) of the first match, empty if there is none. */
export function regexpExtract(text: Text, pattern: string, group: number = 1): Column<string> {
  return call("regexp_extract", [text, pattern, group]);
}
/** A group (1 when not given) of all matches. */
export function regexpExtractAll(text: Text, pattern: string, group: number = 1): Column<string[]> {
  return call("regexp_extract_all", [text, pattern, group]);
}
/** All matches, from a position on, by a text in which $1 stands for a group. */
export function regexpReplace(text: Text, pattern: string, by: string): Column<string> {
  return call("regexp_replace", [text, pattern, by]);
}
/** The first match, null if there is none. */
export function regexpSubstr(text: Text, pattern: Text): Column<string> {
  return call("regexp_substr", [text, pattern]);
}
/** The position of the first match, 0 if there is none. */
export function regexpInstr(text: Text, pattern: Text): Column<number> {
  return call("regexp_instr", [text, pattern]);
}
/** How many matches. */
export function regexpCount(text: Text, pattern: Text): Column<number> {
  return call("regexp_count", [text, pattern]);
}
/** The parts between the matches of a pattern, at most so many where a limit is given. */
export function split(text: Text, pattern: string, limit: number = -1): Column<string[]> {
  return call("split", [text, pattern, limit]);
}
