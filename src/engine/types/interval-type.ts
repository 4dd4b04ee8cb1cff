import type { DataType } from "./data-type.ts";
import type { CalendarInterval } from "./interval-text.ts";

/** The first and the last unit of an interval's type: DAY TO SECOND. */
export type IntervalRange = readonly [first: IntervalUnit, last: IntervalUnit];
export type IntervalUnit = "year" | "month" | "day" | "hour" | "minute" | "second";

/** An interval's type: of months ("months"), or of microseconds ("interval"). */
export type IntervalType = Extract<DataType, { type: "interval" | "months" }>;

const UNITS: readonly IntervalUnit[] = ["year", "month", "day", "hour", "minute", "second"];
const UNIT_US: Readonly<Record<string, number>> = { day: 86_400_000_000, hour: 3_600_000_000, minute: 60_000_000, second: 1_000_000 };

export function isInterval(type: DataType): type is IntervalType {
  return type.type === "interval" || type.type === "months";
}

/** The units of a type; the widest range where it names none. */
export function rangeOf(type: IntervalType): IntervalRange {
  return type.range ?? (type.type === "months" ? ["year", "month"] : ["day", "second"]);
}

/** "day to second", "month". */
export function rangeText(type: IntervalType): string {
  const [first, last] = rangeOf(type);
  return first === last ? first : `${first} to ${last}`;
}

/** The type of an interval of these units. */
export function intervalType(first: IntervalUnit, last: IntervalUnit): IntervalType {
  if (first === "year" || first === "month") return { type: "months", range: [first, last] };
  return first === "day" && last === "second" ? { type: "interval" } : { type: "interval", range: [first, last] };
}

/** The type that holds the units of both; undefined for months and microseconds. */
export function widerInterval(a: IntervalType, b: IntervalType): IntervalType | undefined {
  if (a.type !== b.type) return undefined;
  const at = [...rangeOf(a), ...rangeOf(b)].map((unit) => UNITS.indexOf(unit));
  return intervalType(UNITS[Math.min(...at)] ?? "day", UNITS[Math.max(...at)] ?? "second");
}

/** The units that an interval's text names: `1 week 5 ms` is DAY TO SECOND; undefined when it names none, or months beside days. */
export function typeOfText(text: string): IntervalType | undefined {
  const ranged = /\b(year|month|day|hour|minute|second)s?\s+to\s+(year|month|day|hour|minute|second)s?\s*$/i.exec(text);
  const names = ranged ? ranged.slice(1) : (text.match(/(?:year|month|week|day|hour|minute|millisecond|microsecond|second)s?\b/gi) ?? []);
  const at = names.map((name) => {
    const unit = name.toLowerCase().replace(/s$/, "");
    return UNITS.indexOf(unit === "week" ? "day" : unit.endsWith("second") ? "second" : (unit as IntervalUnit));
  });
  const [first, last] = [UNITS[Math.min(...at)], UNITS[Math.max(...at)]];
  if (first === undefined || last === undefined) return undefined;
  const mixed = (first === "year" || first === "month") && last !== "year" && last !== "month";
  return mixed ? undefined : intervalType(first, last);
}

/** The value of such a type: months, or microseconds. */
export function intervalValue(interval: CalendarInterval, type: IntervalType): number {
  return type.type === "months" ? interval.months : interval.us;
}

/** An interval as Spark's cast prints it: "INTERVAL '0 00:00:10' DAY TO SECOND", "INTERVAL '1-2' YEAR TO MONTH". */
export function intervalText(value: number, type: IntervalType): string {
  const [first, last] = rangeOf(type);
  const size = Math.abs(value);
  const body = type.type === "months" ? monthsText(size, first, last) : clockText(size, first, last);
  return `INTERVAL '${value < 0 ? "-" : ""}${body}' ${rangeText(type).toUpperCase()}`;
}

function monthsText(months: number, first: IntervalUnit, last: IntervalUnit): string {
  if (first === last) return String(first === "year" ? Math.floor(months / 12) : months);
  return `${Math.floor(months / 12)}-${months % 12}`;
}

function clockText(us: number, first: IntervalUnit, last: IntervalUnit): string {
  let rest = us;
  let text = "";
  for (const unit of UNITS.slice(UNITS.indexOf(first), UNITS.indexOf(last) + 1)) {
    const size = UNIT_US[unit] ?? 1;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (text !== "") text += unit === "hour" ? " " : ":";
    text += unit === "day" ? String(count) : String(count).padStart(2, "0");
  }
  if (last !== "second" || rest === 0) return text;
  return `${text}.${String(rest).padStart(6, "0").replace(/0+$/, "")}`;
}
