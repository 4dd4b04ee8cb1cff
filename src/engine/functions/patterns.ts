import { QueryExecutionError } from "../codegen/execution-error.ts";
import type { DataType } from "../types/data-type.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { BOOLEAN, INT, literalOf, scalar, STRING } from "./scalar.ts";

const TEXTS: DataType = { type: "array", element: STRING };

/** like, rlike and the regexp functions. Patterns are Java's; what JavaScript writes differently is translated (javaPattern). */
export const patterns: readonly FunctionEntry[] = [
  scalar({
    name: "like",
    doc: "Whether the whole text follows a pattern of % and _; \\ escapes.",
    params: [STRING, STRING, STRING],
    required: 2,
    result: BOOLEAN,
    make: (call) => matcher(call, likePattern("")),
  }),
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
  scalar({
    name: "regexp_replace",
    doc: "All matches by a text in which $1 stands for a group.",
    params: [STRING, STRING, STRING],
    result: STRING,
    make: (call) => replaceAll(regexOf(call)),
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

function regexTest(name: string): FunctionEntry {
  return scalar({
    name,
    doc: "Whether a part of the text matches the pattern.",
    params: [STRING, STRING],
    result: BOOLEAN,
    make: (call) => matcher(call, (pattern) => javaPattern(pattern, "")),
  });
}

/** The expression of the second argument: made once where it is a literal, kept by its text otherwise. */
function regexOf(call: ResolvedCallNode): (pattern: string) => RegExp {
  const make = (pattern: string): RegExp => javaPattern(pattern, "g");
  const fixed = literalOf(call.args[1]);
  if (typeof fixed !== "string") return cached(make);
  const regex = make(fixed);
  return () => regex;
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
    const regex = make(fixed, "\\");
    return (text) => regex.test(text);
  }
  const kept = cached(make);
  return (text, pattern, escape = "\\") => kept(pattern, escape).test(text);
}

function likePattern(flags: string): (pattern: string, escape: string) => RegExp {
  return (pattern, escape) => {
    let source = "";
    const letters = [...pattern];
    for (let i = 0; i < letters.length; i++) {
      let letter = letters[i] ?? "";
      if (letter === (escape === "" ? "\\" : escape) && i + 1 < letters.length) {
        letter = letters[++i] ?? "";
        source += quote(letter);
      } else {
        source += letter === "%" ? "[^]*" : letter === "_" ? "[^]" : quote(letter);
      }
    }
    return new RegExp(`^${source}$`, `${flags}u`);
  };
}

function quote(letter: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(letter) ? `\\${letter}` : letter;
}

/** A Java pattern as a JavaScript one: inline flags at its start, possessive and \\A \\z anchors, POSIX classes. Refuses what has no equal. */
export function javaPattern(pattern: string, flags: string): RegExp {
  const head = /^\(\?([ims]+)\)/.exec(pattern);
  const body = (head === null ? pattern : pattern.slice(head[0].length))
    .replaceAll("\\A", "^")
    .replaceAll("\\z", "$")
    .replaceAll("\\Z", "$")
    .replace(/\\p\{(Alpha|Digit|Alnum|Upper|Lower|Punct|Space)\}/g, (_, name: string) => POSIX[name] ?? "");
  try {
    return new RegExp(body, flags + (head?.[1] ?? ""));
  } catch (cause) {
    throw new QueryExecutionError("INVALID_PARAMETER_VALUE.PATTERN", {
      failed: `The regular expression "${pattern}" cannot be used`,
      found: cause instanceof Error ? cause.message : "it is not understood",
      remedy: "Correct the pattern; look-behind of open length, possessive quantifiers and atomic groups are not available here.",
      cause,
    });
  }
}

const POSIX: Readonly<Record<string, string>> = {
  Alpha: "[A-Za-z]",
  Digit: "\\d",
  Alnum: "[A-Za-z0-9]",
  Upper: "[A-Z]",
  Lower: "[a-z]",
  Punct: "[!-/:-@\\[-`{-~]",
  Space: "\\s",
};

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

function replaceAll(regex: (pattern: string) => RegExp): (text: string, pattern: string, by: string) => string {
  return (text, pattern, by) => {
    if (!by.includes("$") && !by.includes("\\")) return text.replace(regex(pattern), () => by);
    return text.replace(regex(pattern), javaReplacement(by));
  };
}

/** Java writes a dollar as \$, JavaScript as $$; group 0 is $0 there and $& here. */
function javaReplacement(by: string): string {
  return by.replace(/\\(.)|\$0|\$/g, (all, escaped: string | undefined) =>
    escaped === undefined ? (all === "$0" ? "$&" : "$") : escaped === "$" ? "$$" : escaped,
  );
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
