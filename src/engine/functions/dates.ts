import { arithmeticOverflow, cannotParseTimestamp, castInvalidInput } from "../codegen/execution-error.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { isIntegral } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import {
  addMonthsToDays,
  civilFromDays,
  dayOfUs,
  dayOfYear,
  daysFromCivil,
  daysInMonth,
  isoDayOfWeek,
  isoWeek,
  timeOfDayUs,
  US_PER_DAY,
} from "../types/calendar.ts";
import type { DataType } from "../types/data-type.ts";
import { formatPattern, parsePattern } from "../types/timestamp-pattern.ts";
import { parseDate, parseTimestamp } from "../types/timestamp-text.ts";
import { datePartByName, datesMade, makeDate } from "./dates-made.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { BOOLEAN, DATE, DOUBLE, implicitCast, INT, literalOf, scalar, STRING, TIMESTAMP, unexpectedType } from "./scalar.ts";

/** Dates and instants, session zone UTC. */
export const dates: readonly FunctionEntry[] = [
  ofBatch("current_timestamp", "The instant at which the batch began.", TIMESTAMP, (us) => us),
  ofBatch("now", "The same as current_timestamp.", TIMESTAMP, (us) => us),
  ofBatch("curdate", "The day on which the batch began.", DATE, (us) => `Math.floor(${us} / ${US_PER_DAY})`),
  ofBatch("current_date", "The day on which the batch began.", DATE, (us) => `Math.floor(${us} / ${US_PER_DAY})`),
  datePart("year", "The year.", (days) => civilFromDays(days).year),
  datePart("quarter", "The quarter, 1 to 4.", (days) => Math.ceil(civilFromDays(days).month / 3)),
  datePart("month", "The month, 1 to 12.", (days) => civilFromDays(days).month),
  datePart("day", "The day of the month.", (days) => civilFromDays(days).day),
  datePart("dayofmonth", "The day of the month.", (days) => civilFromDays(days).day),
  datePart("dayofweek", "1 Sunday to 7 Saturday.", (days) => (isoDayOfWeek(days) % 7) + 1),
  datePart("weekday", "0 Monday to 6 Sunday.", (days) => isoDayOfWeek(days) - 1),
  datePart("dayofyear", "The day of the year, from 1.", dayOfYear),
  datePart("weekofyear", "The ISO week of the year.", (days) => isoWeek(days).week),
  timePart("hour", "The hour, 0 to 23.", 3_600_000_000, 24),
  timePart("minute", "The minute, 0 to 59.", 60_000_000, 60),
  timePart("second", "The second, 0 to 59.", 1_000_000, 60),
  scalar({ name: "last_day", doc: "The last day of the month.", params: [DATE], result: DATE, run: lastDay }),
  scalar({
    name: "date_add",
    doc: "So many days later.",
    params: [DATE, wholeDays],
    result: DATE,
    inline: ([d, n]) => `(${d} + ${n} | 0)`,
    total: true,
  }),
  scalar({
    name: "dateadd",
    doc: "The same as date_add.",
    params: [DATE, wholeDays],
    result: DATE,
    inline: ([d, n]) => `(${d} + ${n} | 0)`,
    total: true,
  }),
  scalar({
    name: "date_sub",
    doc: "So many days earlier.",
    params: [DATE, wholeDays],
    result: DATE,
    inline: ([d, n]) => `(${d} - ${n} | 0)`,
    total: true,
  }),
  scalar({
    name: "add_months",
    doc: "So many months later, on the last of the month where the day does not exist.",
    params: [DATE, INT],
    result: DATE,
    run: monthsLater,
  }),
  scalar({
    name: "datediff",
    doc: "The days from the second to the first.",
    params: [DATE, DATE],
    result: INT,
    inline: ([a, b]) => `${a} - ${b}`,
    total: true,
  }),
  scalar({
    name: "date_diff",
    doc: "The same as datediff.",
    params: [DATE, DATE],
    result: INT,
    inline: ([a, b]) => `${a} - ${b}`,
    total: true,
  }),
  scalar({
    name: "months_between",
    doc: "The months from the second to the first, rounded to 8 digits unless the third is false.",
    params: [TIMESTAMP, TIMESTAMP, BOOLEAN],
    required: 2,
    result: DOUBLE,
    run: monthsBetween,
  }),
  scalar({
    name: "trunc",
    doc: "The first day of the year, quarter, month or week.",
    params: [DATE, STRING],
    result: DATE,
    run: truncateDate,
    partial: true,
  }),
  scalar({
    name: "date_trunc",
    doc: "An instant cut to a unit, microsecond to year.",
    params: [STRING, TIMESTAMP],
    result: TIMESTAMP,
    make: truncation,
    partial: true,
  }),
  scalar({
    name: "date_format",
    doc: "An instant by a pattern.",
    params: [TIMESTAMP, STRING],
    result: STRING,
    make: formatting,
  }),
  scalar({
    name: "make_date",
    doc: "A date from year, month and day.",
    params: [INT, INT, INT],
    result: DATE,
    make: (_call, settings) => makeDate(settings.ansi),
    partial: true,
  }),
  ...datesMade,
  datePartByName("date_part", () => dates),
  datePartByName("datepart", () => dates),
  scalar({
    name: "date_from_unix_date",
    doc: "The date so many days after 1970-01-01.",
    params: [INT],
    result: DATE,
    inline: ([n]) => `${n}`,
    total: true,
  }),
  scalar({ name: "unix_date", doc: "The days since 1970-01-01.", params: [dateOnly], result: INT, inline: ([d]) => `${d}`, total: true }),
  parsing("to_timestamp", "An instant from text, by the cast's rules or a pattern.", TIMESTAMP, true),
  parsing("try_to_timestamp", "An instant from text, null where it is none.", TIMESTAMP, false),
  parsing("to_date", "A date from text, by the cast's rules or a pattern.", DATE, true),
  parsing("try_to_date", "A date from text, null where it is none.", DATE, false),
];

function ofBatch(name: string, doc: string, dataType: DataType, text: (us: string) => string): FunctionEntry {
  return {
    name,
    doc,
    resolve(args) {
      if (args.length > 0) throw wrongArgumentCount(name, "0", args.length);
      return { args: [], dataType, nullable: false };
    },
    emit: (_call, context) => ({ value: text(context.batchTimeUs), isNull: "false" }),
  };
}

/** A part of a date; an instant is read as its day without a cast. */
function datePart(name: string, doc: string, part: (days: number) => number): FunctionEntry {
  const ofUs = (us: number): number => part(dayOfUs(us));
  return scalar({
    name,
    doc,
    params: [(arg, _name, settings) => (arg.dataType.type === "timestamp" ? arg : implicitCast(arg, DATE, name, settings))],
    result: INT,
    make: (call) => (call.args[0]?.dataType.type === "timestamp" ? ofUs : part),
  });
}

function timePart(name: string, doc: string, unit: number, modulus: number): FunctionEntry {
  const inline = ([t]: readonly string[]): string => `(Math.floor(${t} / ${unit}) % ${modulus} + ${modulus}) % ${modulus}`;
  return scalar({ name, doc, params: [TIMESTAMP], result: INT, inline, total: true });
}

function monthsLater(days: number, months: number): number {
  const later = addMonthsToDays(days, months);
  if (later !== (later | 0)) throw arithmeticOverflow("integer");
  return later;
}

function lastDay(days: number): number {
  const { year, month } = civilFromDays(days);
  return daysFromCivil(year, month, daysInMonth(year, month));
}

/** DateTimeUtils.monthsBetween: whole months if both are on the same day of the month or both on the last; else 31 days a month. */
function monthsBetween(a: number, b: number, rounded = true): number {
  const x = civilFromDays(dayOfUs(a));
  const y = civilFromDays(dayOfUs(b));
  const months = (x.year - y.year) * 12 + x.month - y.month;
  const lastX = x.day === daysInMonth(x.year, x.month);
  const lastY = y.day === daysInMonth(y.year, y.month);
  if (x.day === y.day || (lastX && lastY)) return months;
  const seconds = (x.day - y.day) * 86400 + Math.floor(timeOfDayUs(a) / 1e6) - Math.floor(timeOfDayUs(b) / 1e6);
  const exact = months + seconds / (31 * 86400);
  return rounded ? Math.round(exact * 1e8) / 1e8 : exact;
}

const UNIT_US: Readonly<Record<string, number>> = {
  microsecond: 1,
  millisecond: 1000,
  second: 1_000_000,
  minute: 60_000_000,
  hour: 3_600_000_000,
  day: US_PER_DAY,
  dd: US_PER_DAY,
};

function truncateDate(days: number, unit: string): number | null {
  const { year, month } = civilFromDays(days);
  switch (unit.toLowerCase()) {
    case "year":
    case "yyyy":
    case "yy":
      return daysFromCivil(year, 1, 1);
    case "quarter":
      return daysFromCivil(year, month - ((month - 1) % 3), 1);
    case "month":
    case "mon":
    case "mm":
      return daysFromCivil(year, month, 1);
    case "week":
      return days - isoDayOfWeek(days) + 1;
    default:
      return null;
  }
}

function truncation(call: ResolvedCallNode): (unit: string, us: number) => number | null {
  const fixed = literalOf(call.args[0]);
  const size = typeof fixed === "string" ? UNIT_US[fixed.toLowerCase()] : undefined;
  if (size !== undefined) return (_unit, us) => Math.floor(us / size) * size;
  return (unit, us) => {
    const step = UNIT_US[unit.toLowerCase()];
    if (step !== undefined) return Math.floor(us / step) * step;
    const days = truncateDate(dayOfUs(us), unit);
    return days === null ? null : days * US_PER_DAY;
  };
}

/** One value per text, made once while there are few texts: parsed patterns and formats. */
export function kept<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    let value = known.get(text);
    if (value === undefined) {
      if (known.size > 100) known.clear();
      value = make(text);
      known.set(text, value);
    }
    return value;
  };
}

function formatting(): (us: number, pattern: string) => string {
  const formats = kept(formatPattern);
  return (us, pattern) => formats(pattern)(us);
}

/** to_timestamp and to_date: an instant or a date is converted, text is read by the cast's rules or by a pattern. */
function parsing(name: string, doc: string, to: DataType, strict: boolean): FunctionEntry {
  const make = (call: ResolvedCallNode, settings: ExpressionSettings): ((...values: never[]) => unknown) => {
    const from = call.args[0]?.dataType.type;
    const fails = strict && settings.ansi;
    const toDay = (us: number | null): number | null => (us === null || to.type === "timestamp" ? us : dayOfUs(us));
    if (from === "timestamp") return (us: number) => toDay(us);
    if (from === "date") return (days: number) => (to.type === "timestamp" ? days * US_PER_DAY : days);
    if (from !== "string") return (seconds: number) => Math.trunc(Number(seconds) * 1e6);
    const patterns = kept(parsePattern);
    return (text: string, pattern?: string) => {
      const found = pattern === undefined ? (to.type === "date" ? parseDate(text) : parseTimestamp(text)) : toDay(patterns(pattern)(text));
      if (found !== null || !fails) return found;
      throw pattern === undefined ? castInvalidInput(text, "STRING", to.type.toUpperCase()) : cannotParseTimestamp(text, pattern);
    };
  };
  const first = (arg: Resolved, _name: string, settings: ExpressionSettings): Resolved => {
    const type = arg.dataType;
    if (["string", "date", "timestamp"].includes(type.type)) return arg;
    if (to.type === "timestamp" && (isIntegral(type) || type.type === "double")) return arg;
    return implicitCast(arg, STRING, name, settings);
  };
  return scalar({ name, doc, params: [first, STRING], required: 1, result: to, make, partial: true });
}

function dateOnly(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (arg.dataType.type === "date" || arg.dataType.type === "null") return implicitCast(arg, DATE, name, settings);
  throw unexpectedType(name, arg, '"DATE"');
}

/** A count of days: no fraction and no decimal. */
function wholeDays(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (["decimal", "float", "double", "bigint"].includes(arg.dataType.type))
    throw unexpectedType(name, arg, '"INT", "SMALLINT" or "TINYINT"');
  return implicitCast(arg, INT, name, settings);
}
