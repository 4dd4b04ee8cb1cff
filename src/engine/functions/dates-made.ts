import { fieldOutOfBounds, invalidTimeZone, QueryExecutionError } from "../codegen/execution-error.ts";
import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import { literal } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { daysFromCivil, daysInMonth, isoDayOfWeek, isoWeek, timeOfDayUs, US_PER_DAY } from "../types/calendar.ts";
import type { DataType } from "../types/data-type.ts";
import { formatPattern } from "../types/timestamp-pattern.ts";
import { zoneOffsetUs } from "../types/time-zone.ts";
import type { FunctionEntry, ResolvedCall } from "./function-entry.ts";
import { DATE, DOUBLE, INT, literalOf, scalar, STRING, TIMESTAMP, unexpectedType } from "./scalar.ts";

const SECONDS: DataType = { type: "decimal", precision: 8, scale: 6 };
const WITH_FRACTION: DataType = { type: "decimal", precision: 16, scale: 6 };

/** Dates and instants made of their parts, parts taken by name, and days by name. */
export const datesMade: readonly FunctionEntry[] = [
  instantOfParts("make_timestamp", "An instant from year, month, day, hour, minute and second, and a zone.", true),
  instantOfParts("make_timestamp_ltz", "The same as make_timestamp.", true),
  instantOfParts("try_make_timestamp", "make_timestamp that gives null where there is no such instant.", false),
  scalar({
    name: "next_day",
    doc: "The first date after a date that is such a day of the week.",
    params: [DATE, STRING],
    result: DATE,
    make: (_call, settings) => nextDay(settings.ansi),
    partial: true,
  }),
  named("dayname", "The day of the week, as in Mon.", "EEE"),
  named("monthname", "The month, as in Jan.", "MMM"),
];

/** Parts that only date_part names. */
const PARTS: readonly FunctionEntry[] = [secondsOf(), yearOfWeek(), isoDay()];

/** The seconds with their fraction, a decimal(8,6); what date_part("SECOND") is. */
function secondsOf(): FunctionEntry {
  return scalar({
    name: "extract_seconds",
    doc: "The seconds of an instant with their fraction.",
    params: [TIMESTAMP],
    result: SECONDS,
    run: (us: number) => BigInt(timeOfDayUs(us) % 60_000_000),
  });
}

function yearOfWeek(): FunctionEntry {
  return scalar({
    name: "extract_yearofweek",
    doc: "The year that the ISO week of a date belongs to.",
    params: [DATE],
    result: INT,
    run: (days: number) => isoWeek(days).year,
  });
}

function isoDay(): FunctionEntry {
  return scalar({ name: "extract_dayofweek_iso", doc: "1 Monday to 7 Sunday.", params: [DATE], result: INT, run: isoDayOfWeek });
}

function named(name: string, doc: string, pattern: string): FunctionEntry {
  const format = formatPattern(pattern);
  return scalar({ name, doc, params: [DATE], result: STRING, run: (days: number) => format(days * US_PER_DAY) });
}

/** Days since the epoch; where there is no such date an error under ANSI rules, else null. */
export function makeDate(ansi: boolean): (year: number, month: number, day: number) => number | null {
  return (year, month, day) => {
    const problem = dateProblem(year, month, day);
    if (problem === undefined) return daysFromCivil(year, month, day);
    if (ansi) throw fieldOutOfBounds(problem);
    return null;
  };
}

/** What is wrong with a date, in the words of java.time. */
function dateProblem(year: number, month: number, day: number): string | undefined {
  if (Math.abs(year) > 999_999_999) return `Invalid value for Year (valid values -999999999 - 999999999): ${year}`;
  if (month < 1 || month > 12) return `Invalid value for MonthOfYear (valid values 1 - 12): ${month}`;
  if (day < 1 || day > 31) return `Invalid value for DayOfMonth (valid values 1 - 28/31): ${day}`;
  if (day <= daysInMonth(year, month)) return undefined;
  if (day === 29) return `Invalid date 'February 29' as '${year}' is not a leap year`;
  return `Invalid date '${formatPattern("MMMM")(daysFromCivil(year, month, 1) * US_PER_DAY).toUpperCase()} ${day}'`;
}

function timeProblem(hour: number, minute: number, second: number): string | undefined {
  if (hour < 0 || hour > 23) return `Invalid value for HourOfDay (valid values 0 - 23): ${hour}`;
  if (minute < 0 || minute > 59) return `Invalid value for MinuteOfHour (valid values 0 - 59): ${minute}`;
  if (second < 0 || second > 59) return `Invalid value for SecondOfMinute (valid values 0 - 59): ${second}`;
  return undefined;
}

function instantOfParts(name: string, doc: string, strict: boolean): FunctionEntry {
  const make = (_call: unknown, settings: ExpressionSettings): ((...parts: never[]) => unknown) => {
    const fail = (problem: string): null => {
      if (strict && settings.ansi) throw fieldOutOfBounds(problem);
      return null;
    };
    return (year: number, month: number, day: number, hour: number, minute: number, fraction: bigint, zone?: string): number | null => {
      const micros = Number(fraction);
      const second = Math.floor(micros / 1_000_000);
      const next = micros === 60_000_000 ? 60 : 0;
      const problem = dateProblem(year, month, day) ?? timeProblem(hour, minute, second - next);
      if (problem !== undefined) return fail(problem);
      const local = daysFromCivil(year, month, day) * US_PER_DAY + (hour * 60 + minute) * 60 * 1_000_000 + micros;
      const offset = zone === undefined ? 0 : zoneOffsetUs(zone, local);
      if (offset === null && strict && settings.ansi) throw invalidTimeZone(String(zone));
      return offset === null ? null : local - offset;
    };
  };
  return scalar({
    name,
    doc,
    params: [INT, INT, INT, INT, INT, WITH_FRACTION, STRING],
    required: 6,
    result: TIMESTAMP,
    make,
    partial: true,
  });
}

const FIELDS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({
    year: "year y years yr yrs",
    quarter: "quarter qtr",
    month: "month mon mons months",
    weekofyear: "week w weeks",
    day: "day d days",
    dayofweek: "dayofweek dow",
    extract_dayofweek_iso: "dayofweek_iso dow_iso",
    dayofyear: "doy",
    extract_yearofweek: "yearofweek",
    hour: "hour h hours hr hrs",
    minute: "minute m min mins minutes",
    extract_seconds: "second s sec seconds secs",
  }).flatMap(([fn, names]) => names.split(" ").map((one) => [one, fn])),
);

/** The function that takes a part of a date or an instant by the part's name; undefined for a name that is none. */
function partFunction(field: string): string | undefined {
  const key = field.toLowerCase();
  return Object.hasOwn(FIELDS, key) ? FIELDS[key] : undefined;
}

/** date_part over the functions of a family. */
export function datePartByName(name: string, family: () => readonly FunctionEntry[]): FunctionEntry {
  const entryOf = (field: unknown, source: Resolved): FunctionEntry => {
    const fn = partFunction(String(field));
    const entry = [...PARTS, ...family()].find((one) => one.name === fn);
    if (entry) return entry;
    throw new AnalysisError("INVALID_EXTRACT_FIELD", {
      failed: `Cannot extract \`${String(field)}\` from a value of the type ${source.dataType.type.toUpperCase()}`,
      found: "no part of a date or an instant has that name",
      remedy: "Name one such as YEAR, QUARTER, MONTH, WEEK, DAY, DAYOFWEEK, DOY, HOUR, MINUTE or SECOND.",
    });
  };
  return {
    name,
    doc: "A part of a date or an instant by its name, such as YEAR, DOW or SECONDS.",
    resolve(args, _options, settings): ResolvedCall {
      const [field, source] = args;
      if (!field || !source || args.length !== 2) throw wrongArgumentCount(name, "2", args.length);
      if (field.kind !== "literal") throw unexpectedType(name, field, "literal");
      const value = literalOf(field);
      if (value === null) return { args: [literal(null, DOUBLE)], dataType: DOUBLE, nullable: true };
      const call = entryOf(value, source).resolve([source], {}, settings);
      return { ...call, args: [field, ...call.args] };
    },
    emit(call, context) {
      const [field, source] = call.args;
      if (!field || !source) return { value: "0", isNull: "true" };
      return entryOf(literalOf(field), source).emit({ ...call, args: [source] }, context);
    },
  };
}

const DAYS = ["mo", "tu", "we", "th", "fr", "sa", "su"];
const LONG_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

function nextDay(ansi: boolean): (days: number, name: string) => number | null {
  return (days, name) => {
    const text = name.toLowerCase().trim();
    const at = DAYS.findIndex((short, i) => text === short || text === LONG_DAYS[i]?.slice(0, 3) || text === LONG_DAYS[i]);
    if (at >= 0) return days + ((at + 1 - isoDayOfWeek(days) + 6) % 7) + 1;
    if (!ansi) return null;
    throw new QueryExecutionError("ILLEGAL_DAY_OF_WEEK", {
      failed: `Illegal input for day of week: ${name}`,
      found: "it is no name of a day",
      remedy: 'Name a day as "Mo", "Mon" or "Monday".',
    });
  };
}
