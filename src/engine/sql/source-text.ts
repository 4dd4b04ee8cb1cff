import type { Place } from "./sql-error.ts";

/** An SQL text that the parser library reads, and what Spark's literals in it mean. */
export interface SourceText {
  readonly text: string;
  /** The text that a string literal stands for. */
  literal(read: string): string;
  /** The type that the suffix of a number gives it ("2S", "1.5BD"), by the number's place in the text as read. */
  suffix(read: Place): string | undefined;
  /** The place in the text as written, for one in the text as read. */
  place(read: Place): Place;
}

const TOKEN =
  /(--[^\n]*|\/\*[\s\S]*?\*\/)|(`(?:[^`]|``)*`)|([rR]?)('(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*")|(\binterval\b)|(\b\d+(?:\.\d*)?(?:e[+-]?\d+)?(?:bd|[dsyf])\b)|[A-Za-z_]\w*|\d[\w.]*|[\s\S]/giy;
const UNITS = "(?:microsecond|millisecond|second|minute|hour|day|week|month|year)s?";
const PARTS = new RegExp(`\\s+((?:[+-]?\\d+(?:\\.\\d+)?\\s+${UNITS}\\s+)+[+-]?\\d+(?:\\.\\d+)?\\s+${UNITS})\\b`, "iy");
const UNITLESS = new RegExp(`\\s*(?:'[^']*'|"[^"]*")(?!\\s*(?:${UNITS}|months?|years?|quarters?)\\b)`, "iy");
const MARK = 0xe000;
const LITERAL = /([rR]?)('(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*")/g;
const FURTHER = /(?:\s+[rR]?(?:'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"))+/y;

/** The literals that follow a literal: together they are one. */
function several(text: string, at: number): string | undefined {
  return anchored(FURTHER, text, at);
}
/** What follows EXISTS where it is the function over an array and no condition on a subquery. */
const FUNCTION = /^\s*\((?![\s(]*(?:select|with|values|from|table)\b)/i;

/**
 * Prepares Spark's SQL for the parser library without moving anything: string literals with backslashes (which Spark unescapes) and raw ones become
 * marks of the same length, `INTERVAL '1 hour 5 minutes'` and `INTERVAL 1 HOUR 5 MINUTES` become typed strings (DATETIME is no type of Spark's), the
 * function exists a quoted name.
 */
export function prepareSource(written: string): SourceText {
  const literals: string[] = [];
  const suffixes = new Map<string, string>();
  const added: { readonly line: number; readonly column: number }[] = [];
  let text = "";
  let at = 0;
  const placeAt = (index: number): Place => {
    const before = written.slice(0, index).split("\n");
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  };
  while (at < written.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(written);
    if (!match) break;
    const [token, , , raw, quoted, interval, suffixed] = match;
    at = TOKEN.lastIndex;
    if (suffixed !== undefined) {
      const [suffix = ""] = /(?:bd|[dsyf])$/i.exec(suffixed) ?? [];
      const lines = text.split("\n");
      suffixes.set(`${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`, suffix.toUpperCase());
      text += suffixed.slice(0, -suffix.length).padEnd(suffixed.length);
    } else if (interval !== undefined) {
      const parts = anchored(PARTS, written, at);
      if (parts) {
        text += `DATETIME${parts.replace(/^(\s*)\s/, "$1'")}'`;
        at += parts.length;
        const end = placeAt(at);
        added.push(end);
      } else text += anchored(UNITLESS, written, at) === undefined ? token : "DATETIME";
    } else if (quoted !== undefined && several(written, at) !== undefined) {
      const whole = `${token}${several(written, at) ?? ""}`;
      at = match.index + whole.length;
      const parts = [...whole.matchAll(LITERAL)].map(([, r, one = "''"]) => (r === "" ? unescaped(one) : one.slice(1, -1)));
      text += marked(whole.replace(/^[rR]/, "'"), literals.push(parts.join("")) - 1);
    } else if (quoted !== undefined && (raw !== "" || quoted.includes("\\"))) {
      text += " ".repeat(raw?.length ?? 0) + marked(quoted, literals.push(raw === "" ? unescaped(quoted) : quoted.slice(1, -1)) - 1);
    } else if (token.toLowerCase() === "exists" && FUNCTION.test(written.slice(at))) {
      added.push(placeAt(match.index), placeAt(at));
      text += `\`${token}\``;
    } else text += token;
  }
  return {
    text,
    literal: (read) => {
      const code = read.charCodeAt(0) - MARK;
      return literals[code] !== undefined && code >= 0 ? literals[code] : read;
    },
    suffix: ({ line, column }) => suffixes.get(`${line}:${column}`),
    place: ({ line, column }) => {
      let moved = 0;
      for (const one of added) if (one.line === line && one.column + moved < column) moved++;
      return { line, column: column - moved };
    },
  };
}

function anchored(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** A literal of the same length and line breaks, whose content is one mark. */
function marked(quoted: string, index: number): string {
  const [quote = "'"] = quoted;
  const rest = quoted.slice(2, -1).replaceAll(/[^\n]/g, " ");
  return `${quote}${String.fromCharCode(MARK + index)}${rest}${quote}`;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", "0": "\0", Z: "\x1a", "%": "\\%", _: "\\_" };

/** Spark's rules for the backslash in a string literal. */
function unescaped(quoted: string): string {
  const [quote = "'"] = quoted;
  return quoted
    .slice(1, -1)
    .replaceAll(/\\u([0-9a-fA-F]{4})|\\([0-3][0-7]{2})|\\([\s\S])|''|""/g, (all, unicode?: string, octal?: string, one?: string) => {
      if (unicode !== undefined) return String.fromCharCode(parseInt(unicode, 16));
      if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
      if (one !== undefined) return ESCAPES[one] ?? one;
      return all === quote + quote ? quote : all;
    });
}
