import { QueryExecutionError } from "../codegen/execution-error.ts";
import { literal } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { containsBytes, emitRawTest, endsWithBytes, startsWithBytes, type RawTest } from "./bytes/raw-text.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { logic } from "./logic.ts";
import { BINARY, BOOLEAN, implicitCast, INT, scalar, STRING } from "./scalar.ts";

/** Where a text is in another, how alike two texts are, and the parts between separators. Positions count characters, from 1. */
export const textSearch: readonly FunctionEntry[] = [
  within("contains", "Whether the second is in the first.", "includes", containsBytes),
  within("startswith", "Whether the first begins with the second.", "startsWith", startsWithBytes),
  within("endswith", "Whether the first ends with the second.", "endsWith", endsWithBytes),
  scalar({
    name: "instr",
    doc: "The position of the second in the first, 0 if it is not there.",
    params: [STRING, STRING],
    result: INT,
    run: (s: string, part: string) => locate(part, s, 1),
  }),
  locating("locate", "The position of the first in the second, looked for from the third on."),
  locating("position", "The same as locate."),
  scalar({
    name: "find_in_set",
    doc: "The place of the first among the comma-separated parts of the second, 0 if it is not there.",
    params: [STRING, STRING],
    result: INT,
    run: (part: string, list: string) => (part.includes(",") ? 0 : list.split(",").indexOf(part) + 1),
  }),
  scalar({
    name: "substring_index",
    doc: "The text before the n-th delimiter, after it from the end for a negative n.",
    params: [STRING, STRING, INT],
    result: STRING,
    run: substringIndex,
  }),
  scalar({
    name: "split_part",
    doc: "The n-th of the parts between delimiters, counted from the end for a negative n; empty where there is none.",
    params: [STRING, STRING, INT],
    result: STRING,
    run: splitPart,
  }),
  scalar({
    name: "levenshtein",
    doc: "How many single-character edits lie between two texts; −1 where there are more than the third argument.",
    params: [STRING, STRING, INT],
    required: 2,
    result: INT,
    run: levenshtein,
  }),
  scalar({ name: "soundex", doc: "The Soundex code of an English word.", params: [STRING], result: STRING, run: soundex }),
];

/** Over two binary values bytes are compared, and a text that lies as bytes with those of a literal; anything else is read as text. */
function within(name: string, doc: string, method: string, testOf: (wanted: string | Uint8Array) => RawTest): FunctionEntry {
  const text = scalar({ name, doc, params: [STRING, STRING], result: BOOLEAN, inline: ([a, b]) => `${a}.${method}(${b})` });
  const binary = scalar({
    name,
    doc,
    params: [BINARY, BINARY],
    result: BOOLEAN,
    run: (a: Uint8Array, b: Uint8Array) => testOf(b)(a, 0, a.length),
  });
  const isBinary = (call: Pick<ResolvedCallNode, "args">): boolean =>
    call.args.length === 2 && call.args.every((arg) => arg.dataType.type === "binary");
  return {
    ...text,
    resolve: (args, options, settings) => (isBinary({ args }) ? binary : text).resolve(args, options, settings),
    emit: (call, context) =>
      isBinary(call) ? binary.emit(call, context) : (emitRawTest(call.args, context, testOf) ?? text.emit(call, context)),
  };
}

function locating(name: string, doc: string): FunctionEntry {
  return scalar({ name, doc, params: [STRING, STRING, startOrZero], required: 2, result: INT, run: locate });
}

/** A null start finds nothing (0), where other nulls give null. */
function startOrZero(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  const start = implicitCast(arg, INT, name, settings);
  const coalesce = logic.find((entry) => entry.name === "coalesce");
  if (!start.nullable || coalesce === undefined) return start;
  return { kind: "call", entry: coalesce, args: [start, literal(0, INT)], options: {}, dataType: INT, nullable: false };
}

function locate(part: string, text: string, from: number = 1): number {
  if (from < 1) return 0;
  if (part === "") return 1;
  const skipped = from === 1 ? 0 : [...text].slice(0, from - 1).join("").length;
  const found = text.indexOf(part, skipped);
  return found < 0 ? 0 : [...text.slice(0, found)].length + 1;
}

/** From the end Spark looks for delimiters backwards, so that overlapping ones count from there. */
function substringIndex(text: string, delimiter: string, count: number): string {
  if (delimiter === "" || count === 0) return "";
  if (count > 0) {
    let at = -1;
    for (let left = count; left > 0; left--) {
      at = text.indexOf(delimiter, at + 1);
      if (at < 0) return text;
    }
    return text.slice(0, at);
  }
  let at = text.length - delimiter.length + 1;
  for (let left = -count; left > 0; left--) {
    if (at <= 0) return text;
    at = text.lastIndexOf(delimiter, at - 1);
    if (at < 0) return text;
  }
  return text.slice(at + delimiter.length);
}

function splitPart(text: string, delimiter: string, place: number): string {
  if (place === 0) {
    throw new QueryExecutionError("INVALID_INDEX_OF_ZERO", {
      failed: "The index 0 is invalid",
      found: "an index is less than 0 or greater than 0",
      remedy: "The first part has index 1.",
    });
  }
  const parts = delimiter === "" ? [text] : text.split(delimiter);
  return parts[place > 0 ? place - 1 : parts.length + place] ?? "";
}

function levenshtein(a: string, b: string, limit?: number): number {
  const to = [...b];
  let previous = Array.from({ length: to.length + 1 }, (_, i) => i);
  [...a].forEach((letter, i) => {
    const current = [i + 1];
    to.forEach((other, j) => {
      current.push(Math.min((previous[j] ?? 0) + (letter === other ? 0 : 1), (previous[j + 1] ?? 0) + 1, (current[j] ?? 0) + 1));
    });
    previous = current;
  });
  const distance = previous[to.length] ?? 0;
  return limit !== undefined && distance > limit ? -1 : distance;
}

/** The code of each letter from A to Z; 7 for those that are passed over without parting equal codes (H, W). */
const SOUNDEX = "01230127022455012623017202";

/** Text that does not begin with an ASCII letter stays as it is. */
function soundex(text: string): string {
  const first = text.charAt(0).toUpperCase();
  if (!/^[A-Z]$/.test(first)) return text;
  let code = first;
  let last = SOUNDEX[first.charCodeAt(0) - 65];
  for (let i = 1; i < text.length && code.length < 4; i++) {
    const letter = text.charAt(i).toUpperCase();
    const digit = /^[A-Z]$/.test(letter) ? SOUNDEX[letter.charCodeAt(0) - 65] : "0";
    if (digit === "7") continue;
    if (digit !== "0" && digit !== last) code += digit;
    last = digit;
  }
  return code.padEnd(4, "0");
}
