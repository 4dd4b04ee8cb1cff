import { AnalysisError } from "../columns/analysis-error.ts";
import { civilFromDays, dayOfUs, dayOfYear, daysFromCivil, daysInMonth, isoDayOfWeek, timeOfDayUs, US_PER_DAY } from "./calendar.ts";
import { zoneOffsetUs } from "./time-zone.ts";

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

type Part = { readonly text: string } | { readonly letter: string; readonly width: number };

/** The most letters of a kind in a row that a pattern may have; V and O have rules of their own. */
const LONGEST: Readonly<Record<string, number>> = {
  ...{ G: 4, y: 6, M: 4, L: 4, d: 2, D: 3, E: 4, F: 1, Q: 4, q: 4, a: 1, h: 2, H: 2, k: 2, K: 2, m: 2, s: 2, S: 9, z: 4, Z: 5, X: 5, x: 5 },
};
/** What the formatter before Spark 3 read: where it would have taken a pattern, Spark says that the behaviour has changed. */
const FORMER = "GyYMLwWDdFEuaHkKhmsSzZX";

const WEEK_BASED = "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_WEEK_BASED_PATTERN";

/** The parts of a pattern of Spark's "Datetime patterns": letters, quoted text, other characters as they are; brackets are optional sections. */
function parts(pattern: string, parsing: boolean): Part[] {
  const found: Part[] = [];
  let failure: string | undefined;
  let former = true;
  let open = 0;
  for (let i = 0; i < pattern.length;) {
    const letter = pattern.charAt(i);
    if (letter === "'") {
      let end = pattern.indexOf("'", i + 1);
      while (end > i + 1 && pattern.charAt(end + 1) === "'") end = pattern.indexOf("'", end + 2);
      if (end < 0) throw unknownPattern(pattern, "INVALID_DATETIME_PATTERN.WITH_SUGGESTION", "a quote is not closed");
      found.push({ text: end === i + 1 ? "'" : pattern.slice(i + 1, end).replaceAll("''", "'") });
      i = end + 1;
    } else if (/[A-Za-z]/.test(letter)) {
      let end = i;
      while (pattern.charAt(end) === letter) end++;
      former &&= FORMER.includes(letter) && (letter !== "X" || end - i <= 3);
      failure ??= letterFailure(letter, end - i, parsing);
      found.push({ letter, width: end - i });
      i = end;
    } else {
      if (letter === "[") open++;
      if (letter === "]") open--;
      if (open < 0 || "{}#".includes(letter)) failure ??= "INVALID_DATETIME_PATTERN.WITH_SUGGESTION";
      found.push({ text: letter });
      i++;
    }
  }
  if (failure === undefined) return found;
  if (found.some((one) => "letter" in one && "ec".includes(one.letter))) failure = WEEK_BASED;
  throw former ? changedPattern(pattern) : unknownPattern(pattern, failure, "a letter, or how often it is repeated, is not known");
}

/** The error class of letters that mean nothing, undefined where they mean something. */
function letterFailure(letter: string, width: number, parsing: boolean): string | undefined {
  if ("ec".includes(letter)) return WEEK_BASED;
  if ("ABnNp".includes(letter) || (parsing && "EFqQ".includes(letter))) return "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER";
  if ("GMLEQq".includes(letter) && width === 5) return "INVALID_DATETIME_PATTERN.LENGTH";
  const fits = letter === "V" ? width === 2 : letter === "O" ? width === 1 || width === 4 : width <= (LONGEST[letter] ?? 0);
  return fits ? undefined : "INVALID_DATETIME_PATTERN.WITH_SUGGESTION";
}

function unknownPattern(pattern: string, code: string, found: string): AnalysisError {
  return new AnalysisError(code, {
    failed: `Unrecognized datetime pattern: ${pattern}`,
    found,
    remedy: "See Spark's page 'Datetime patterns for formatting and parsing'.",
  });
}

function changedPattern(pattern: string): AnalysisError {
  return new AnalysisError("INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION", {
    failed: `You may get a different result due to the upgrading to Spark >= 3.0: Fail to recognize '${pattern}' pattern in the DateTimeFormatter`,
    found: "the formatter of Spark 2 would have read it",
    remedy: "Form a valid datetime pattern with the guide 'Datetime patterns for formatting and parsing'.",
  });
}

/** A formatter of instants (microseconds, UTC) by a pattern. */
export function formatPattern(pattern: string): (us: number) => string {
  const list = parts(pattern, false).filter((one) => !("text" in one) || (one.text !== "[" && one.text !== "]"));
  return (us) => {
    const days = dayOfUs(us);
    const time = timeOfDayUs(us);
    return list.map((one) => ("text" in one ? one.text : formatLetter(one.letter, one.width, days, time))).join("");
  };
}

function formatLetter(letter: string, width: number, days: number, time: number): string {
  const date = civilFromDays(days);
  const hour = Math.floor(time / 3_600_000_000);
  const pad = (value: number): string => String(value).padStart(width, "0");
  switch (letter) {
    case "y":
      return yearText(date.year > 0 ? date.year : 1 - date.year, width);
    case "G":
      return width === 4 ? (date.year > 0 ? "Anno Domini" : "Before Christ") : date.year > 0 ? "AD" : "BC";
    case "F":
      return String(Math.ceil(date.day / 7));
    case "M":
    case "L":
      return width >= 4 ? (MONTHS[date.month - 1] ?? "") : width === 3 ? (MONTHS[date.month - 1] ?? "").slice(0, 3) : pad(date.month);
    case "d":
      return pad(date.day);
    case "D":
      return pad(dayOfYear(days));
    case "E":
      return width >= 4 ? (DAYS[isoDayOfWeek(days) - 1] ?? "") : (DAYS[isoDayOfWeek(days) - 1] ?? "").slice(0, 3);
    case "Q":
    case "q":
      return quarterText(Math.ceil(date.month / 3), width);
    case "a":
      return hour < 12 ? "AM" : "PM";
    case "H":
      return pad(hour);
    case "h":
      return pad(hour % 12 === 0 ? 12 : hour % 12);
    case "k":
      return pad(hour === 0 ? 24 : hour);
    case "K":
      return pad(hour % 12);
    case "m":
      return pad(Math.floor(time / 60_000_000) % 60);
    case "s":
      return pad(Math.floor(time / 1_000_000) % 60);
    case "S":
      return String(time % 1_000_000)
        .padStart(6, "0")
        .padEnd(9, "0")
        .slice(0, width);
    case "X":
      return "Z";
    case "z":
      return width === 4 ? "Coordinated Universal Time" : "UTC";
    case "V":
      return "UTC";
    case "O":
      return "GMT";
    case "x":
      return width === 1 ? "+00" : width % 2 === 0 ? "+0000" : "+00:00";
    default:
      return width === 5 ? "Z" : width === 4 ? "GMT" : "+0000";
  }
}

function yearText(year: number, width: number): string {
  if (width === 2) return String(year % 100).padStart(2, "0");
  return width > 3 && String(year).length > width ? `+${year}` : String(year).padStart(width, "0");
}

function quarterText(quarter: number, width: number): string {
  if (width < 3) return String(quarter).padStart(width, "0");
  return width === 3 ? `Q${quarter}` : `${quarter}${["st", "nd", "rd", "th"][quarter - 1] ?? ""} quarter`;
}

const READ: Readonly<Record<string, (width: number) => string>> = {
  y: (width) => (width === 2 ? "\\d{2}" : width === 4 ? "[+-]?\\d{4,7}" : "[+-]?\\d{1,7}"),
  M: (width) =>
    width >= 4 ? MONTHS.join("|") : width === 3 ? MONTHS.map((one) => one.slice(0, 3)).join("|") : width === 2 ? "\\d{2}" : "\\d{1,2}",
  E: (width) => (width >= 4 ? DAYS.join("|") : DAYS.map((one) => one.slice(0, 3)).join("|")),
  a: () => "AM|PM|am|pm",
  S: (width) => `\\d{1,${width}}`,
  X: () => "Z|[+-]\\d{2}(?::?\\d{2})?",
  x: () => "[+-]\\d{2}(?::?\\d{2})?",
  Z: () => "Z|[+-]\\d{2}:?\\d{2}|GMT(?:[+-]\\d{2}:\\d{2})?",
  V: () => "[A-Za-z]+(?:/[A-Za-z_+-]+)*|[+-]\\d{2}:?\\d{2}",
  z: () => "[A-Za-z]+(?:/[A-Za-z_+-]+)*",
};

/** A reader of instants by a pattern; null where the whole text does not follow it. Missing parts are 1970-01-01 00:00:00 UTC. */
export function parsePattern(pattern: string): (text: string) => number | null {
  const list = parts(pattern, true);
  const letters: string[] = [];
  const widths: number[] = [];
  const source = list
    .map((one) => {
      if ("text" in one) return one.text === "[" ? "(?:" : one.text === "]" ? ")?" : one.text.replace(/[\\^$.*+?()|{}/]/g, "\\$&");
      const letter = one.letter === "L" ? "M" : one.letter;
      letters.push(letter);
      widths.push(one.width);
      return `(${READ[letter]?.(one.width) ?? (one.width === 1 ? "\\d{1,3}" : `\\d{${one.width}}`)})`;
    })
    .join("");
  const expression = new RegExp(`^${source}$`);
  return (text) => {
    const match = expression.exec(text);
    return match === null ? null : instantOf(letters, widths, match);
  };
}

function instantOf(letters: readonly string[], widths: readonly number[], match: RegExpExecArray): number | null {
  const found: Record<string, string> = {};
  letters.forEach((letter, i) => {
    const text = match[i + 1];
    if (text !== undefined) found[letter] = letter === "y" && widths[i] === 2 ? `20${text}` : text;
  });
  const year = Number(found.y ?? 1970);
  const month = found.M === undefined ? 1 : monthOf(found.M);
  const day = Number(found.d ?? 1);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  let hour = Number(found.H ?? (found.k === undefined ? (found.h ?? found.K ?? 0) : Number(found.k) % 24));
  if (found.a !== undefined) hour = (hour % 12) + (found.a.toUpperCase() === "PM" ? 12 : 0);
  const minute = Number(found.m ?? 0);
  const second = Number(found.s ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return null;
  const days = found.D === undefined ? daysFromCivil(year, month, day) : daysFromCivil(year, 1, 1) + Number(found.D) - 1;
  const local = days * US_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + Number((found.S ?? "").padEnd(6, "0").slice(0, 6));
  const zone = found.X ?? found.x ?? found.Z ?? found.V ?? found.z ?? "Z";
  const offset = zoneOffsetUs(zone, local);
  return offset === null ? null : local - offset;
}

function monthOf(text: string): number {
  if (/^\d/.test(text)) return Number(text);
  return MONTHS.findIndex((one) => one.slice(0, 3) === text.slice(0, 3)) + 1;
}
