import { QueryExecutionError } from "../codegen/execution-error.ts";
import type { DataType } from "../types/data-type.ts";
import { datatypeMismatch } from "../columns/analysis-error.ts";
import { containsBytes, emitRawTest, endsWithBytes, sameBytes, startsWithBytes, type RawTest } from "./bytes/raw-text.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { javaPattern, quote } from "./java-pattern.ts";
import { BOOLEAN, INT, literalOf, scalar, STRING } from "./scalar.ts";

const TEXTS: DataType = { type: "array", element: STRING };

/** like, rlike and the regexp functions. Patterns are Java's (java-pattern.ts). */
export const patterns: readonly FunctionEntry[] = [
  like(),
  scalar({
    name: "ilike",
    doc: "like without case.",
    params: [STRING, STRING, STRING],
    required: 2,
    result: BOOLEAN,
    make: (call) => matcher(call, likePattern("i")),
  }),
  regexTest("rlike"),
  regexTest("regexp_like"),
  regexTest("regexp"),
  scalar({
    name: "regexp_extract",
    doc: "A group (1 when not given) of the first match, empty if there is none.",
    params: [STRING, STRING, INT],
    required: 2,
    result: STRING,
    make: (call) => extractOne(regexOf(call)),
  }),
  scalar({
    name: "regexp_extract_all",
    doc: "A group (1 when not given) of all matches.",
    params: [STRING, STRING, INT],
    required: 2,
    result: TEXTS,
    make: (call) => extractAll(regexOf(call)),
  }),
  replacing(),
  scalar({
    name: "regexp_substr",
    doc: "The first match, null if there is none.",
    params: [STRING, STRING],
    result: STRING,
    partial: true,
    make: (call) => firstMatch(regexOf(call)),
  }),
  scalar({
    name: "regexp_instr",
    doc: "The position of the first match, 0 if there is none.",
    params: [STRING, STRING, INT],
    required: 2,
    result: INT,
    make: (call) => placeOf(regexOf(call)),
  }),
  scalar({
    name: "regexp_count",
    doc: "How many matches.",
    params: [STRING, STRING],
    result: INT,
    make: (call) => countAll(regexOf(call)),
  }),
  scalar({
    name: "split",
    doc: "The parts between the matches of a pattern, at most so many where a limit is given.",
    params: [STRING, STRING, INT],
    required: 2,
    result: TEXTS,
    make: (call) => splitBy(regexOf(call)),
  }),
];

function like(): FunctionEntry {
  const entry = scalar({
    name: "like",
    doc: "Whether the whole text follows a pattern of % and _; \\ escapes.",
    params: [STRING, STRING, STRING],
    required: 2,
    result: BOOLEAN,
    make: (call) => matcher(call, likePattern("")),
  });
  return { ...entry, emit: (call, context) => emitRawTest(call.args, context, likeBytes) ?? entry.emit(call, context) };
}

/** A pattern whose only % stand at its ends, as a test of bytes. */
function likeBytes(pattern: string): RawTest | undefined {
  const match = /^(%?)([^%_\\]*)(%?)$/.exec(pattern);
  if (match === null) return undefined;
  const [, before, text = "", after] = match;
  if (before) return after ? containsBytes(text) : endsWithBytes(text);
  return after ? startsWithBytes(text) : sameBytes(text);
}

function regexTest(name: string): FunctionEntry {
  return scalar({
    name,
    doc: "Whether a part of the text matches the pattern.",
    params: [STRING, STRING],
    result: BOOLEAN,
    make: (call) => matcher(call, (pattern) => javaPattern(pattern, "", name)),
  });
}

/** The expression of the second argument: made at its first use where it is a literal, kept by its text otherwise. */
function regexOf(call: ResolvedCallNode): (pattern: string) => RegExp {
  const make = (pattern: string): RegExp => javaPattern(pattern, "g", call.entry.name);
  if (literalOf(call.args[1]) === undefined) return cached(make);
  let regex: RegExp | undefined;
  return (pattern) => (regex ??= make(pattern));
}

function cached(make: (pattern: string, extra: string) => RegExp): (pattern: string, extra?: string) => RegExp {
  const known = new Map<string, RegExp>();
  return (pattern, extra = "") => {
    const key = extra + pattern;
    let regex = known.get(key);
    if (regex === undefined) {
      if (known.size > 1000) known.clear();
      regex = make(pattern, extra);
      known.set(key, regex);
    }
    return regex;
  };
}

function matcher(
  call: ResolvedCallNode,
  make: (pattern: string, escape: string) => RegExp,
): (text: string, pattern: string, escape?: string) => boolean {
  const fixed = literalOf(call.args[1]);
  if (typeof fixed === "string" && call.args.length === 2) {
    let regex: RegExp | undefined;
    return (text) => (regex ??= make(fixed, "\\")).test(text);
  }
  const kept = cached(make);
  return (text, pattern, escape = "\\") => kept(pattern, escape).test(text);
}

/** Only %, _ and the escape character itself may stand after the escape character. */
function likePattern(flags: string): (pattern: string, escape: string) => RegExp {
  return (pattern, escape) => {
    let source = "";
    const letters = [...pattern];
    for (let i = 0; i < letters.length; i++) {
      const letter = letters[i] ?? "";
      if (letter === (escape === "" ? "\\" : escape)) {
        const next = letters[++i];
        if (next === undefined) throw invalidLike(pattern, "ESC_AT_THE_END", "the escape character is at its end");
        if (next !== "%" && next !== "_" && next !== letter) {
          throw invalidLike(pattern, "ESC_IN_THE_MIDDLE", `the escape character stands before '${next}'`);
        }
        source += quote(next);
      } else {
        source += letter === "%" ? "[^]*" : letter === "_" ? "[^]" : quote(letter);
      }
    }
    return new RegExp(`^${source}$`, `${flags}u`);
  };
}

function invalidLike(pattern: string, kind: string, found: string): QueryExecutionError {
  return new QueryExecutionError(`INVALID_FORMAT.${kind}`, {
    failed: `The format is invalid: '${pattern}'`,
    found,
    remedy: "Double the escape character where it stands for itself.",
  });
}

function groupOf(match: RegExpMatchArray, group: number, name: string): string {
  if (group < 0 || group >= match.length) {
    throw new QueryExecutionError("INVALID_PARAMETER_VALUE.REGEX_GROUP_INDEX", {
      failed: `The value of parameter idx in \`${name}\` is invalid`,
      found: `group ${group}, the pattern has ${match.length - 1}`,
      remedy: "Give a group that the pattern has.",
    });
  }
  return match[group] ?? "";
}

function extractOne(regex: (pattern: string) => RegExp): (text: string, pattern: string, group?: number) => string {
  return (text, pattern, group = 1) => {
    const expression = regex(pattern);
    expression.lastIndex = 0;
    const match = expression.exec(text);
    return match === null ? "" : groupOf(match, group, "regexp_extract");
  };
}

function extractAll(regex: (pattern: string) => RegExp): (text: string, pattern: string, group?: number) => string[] {
  return (text, pattern, group = 1) => [...text.matchAll(regex(pattern))].map((match) => groupOf(match, group, "regexp_extract_all"));
}

function countAll(regex: (pattern: string) => RegExp): (text: string, pattern: string) => number {
  return (text, pattern) => [...text.matchAll(regex(pattern))].length;
}

function firstMatch(regex: (pattern: string) => RegExp): (text: string, pattern: string) => string | null {
  return (text, pattern) => {
    const expression = regex(pattern);
    expression.lastIndex = 0;
    return expression.exec(text)?.[0] || null;
  };
}

function placeOf(regex: (pattern: string) => RegExp): (text: string, pattern: string) => number {
  return (text, pattern) => {
    const expression = regex(pattern);
    expression.lastIndex = 0;
    return (expression.exec(text)?.index ?? -1) + 1;
  };
}

/** regexp_replace(text, pattern, by, position): a fixed position from 1, where the text begins for the pattern. */
function replacing(): FunctionEntry {
  const entry = scalar({
    name: "regexp_replace",
    doc: "All matches, from a position on, by a text in which $1 stands for a group.",
    params: [STRING, STRING, STRING, INT],
    required: 3,
    result: STRING,
    make: (call) => replaceAll(regexOf(call)),
  });
  return {
    ...entry,
    resolve(args, options, settings) {
      const position = args[3];
      const fixed = literalOf(position);
      if (position !== undefined && fixed === undefined) {
        throw datatypeMismatch(
          "NON_FOLDABLE_INPUT",
          "regexp_replace(…)",
          "the position depends on the row",
          "Give the position as a literal.",
        );
      }
      if (typeof fixed === "number" && fixed < 1) {
        throw datatypeMismatch("VALUE_OUT_OF_RANGE", "regexp_replace(…)", `the position is ${fixed}`, "Positions count from 1.");
      }
      return entry.resolve(args, options, settings);
    },
  };
}

function replaceAll(regex: (pattern: string) => RegExp): (text: string, pattern: string, by: string, position?: number) => string {
  const replacements = cachedReplacements();
  return (text, pattern, by, position = 1) => {
    const expression = regex(pattern);
    const from = position - 1;
    if (from > 0 && from >= text.length) return text;
    const rest = from === 0 ? text : text.slice(from);
    const replacement = replacements(by);
    const replaced =
      typeof replacement === "string"
        ? rest.replace(expression, () => replacement)
        : rest.replace(expression, (...found: unknown[]) => filled(replacement, found, text, pattern, by));
    return from === 0 ? replaced : text.slice(0, from) + replaced;
  };
}

/** Pieces of a replacement: text, or the digits or the name after a dollar. */
type Piece = string | { readonly digits: string } | { readonly group: string };

function cachedReplacements(): (by: string) => string | readonly Piece[] {
  let last: { by: string; made: string | readonly Piece[] } | undefined;
  return (by) => {
    if (last?.by !== by) last = { by, made: by.includes("$") || by.includes("\\") ? piecesOf(by) : by };
    return last.made;
  };
}

const PIECE = /\\([^])|\$(\d+)|\$\{([A-Za-z][A-Za-z0-9]*)\}|([^\\$]+)|[^]/g;

function piecesOf(by: string): readonly Piece[] {
  return [...by.matchAll(PIECE)].map(([all, escaped, digits, group, text]) => {
    if (digits !== undefined) return { digits };
    if (group !== undefined) return { group };
    const plain = escaped ?? text;
    if (plain === undefined) throw invalidReplacement("", "", by, `a lone ${all}`);
    return plain;
  });
}

/** Java reads as many digits of a group's number as there are groups for. */
function filled(pieces: readonly Piece[], found: readonly unknown[], text: string, pattern: string, by: string): string {
  const named = typeof found.at(-1) === "object" ? (found.at(-1) as Record<string, string | undefined>) : {};
  const groups = found.slice(
    0,
    found.findIndex((one) => typeof one === "number"),
  ) as (string | undefined)[];
  return pieces
    .map((piece) => {
      if (typeof piece === "string") return piece;
      if ("group" in piece) return named[piece.group] ?? "";
      let taken = 1;
      while (taken < piece.digits.length && Number(piece.digits.slice(0, taken + 1)) < groups.length) taken++;
      const number = Number(piece.digits.slice(0, taken));
      if (number >= groups.length) throw invalidReplacement(text, pattern, by, `there is no group ${number}`);
      return (groups[number] ?? "") + piece.digits.slice(taken);
    })
    .join("");
}

function invalidReplacement(text: string, pattern: string, by: string, found: string): QueryExecutionError {
  return new QueryExecutionError("INVALID_REGEXP_REPLACE", {
    failed: `Could not perform regexp_replace for source = "${text}", pattern = "${pattern}", replacement = "${by}"`,
    found,
    remedy: "Write a dollar that stands for itself as \\$.",
  });
}

/** String.split of Java with limit −1, as Spark calls it: no part is dropped; a match of nothing at the start makes no part. */
function splitBy(regex: (pattern: string) => RegExp): (text: string, pattern: string, limit?: number) => string[] {
  return (text, pattern, limit = -1) => {
    if (text === "") return [""];
    const expression = regex(pattern);
    const found: string[] = [];
    let from = 0;
    for (const match of text.matchAll(expression)) {
      if (limit > 0 && found.length === limit - 1) break;
      const end = match.index + match[0].length;
      if (end === 0 || (match[0] === "" && match.index === text.length)) continue;
      found.push(text.slice(from, match.index));
      from = end;
    }
    found.push(text.slice(from));
    return found;
  };
}
