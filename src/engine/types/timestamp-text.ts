import { civilFromDays, dayOfUs, daysFromCivil, daysInMonth, timeOfDayUs, US_PER_DAY } from "./calendar.ts";
import { zoneOffsetUs } from "./time-zone.ts";

const DATE = /^([+-]?\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2}))?)?$/;
const TIMESTAMP = /^([+-]?\d{4,7})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ](.*))?)?)?$/s;
const TIME = /^(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d*))?)?)?\s*(.*)$/s;

/**
 * Microseconds of a text as Spark's cast reads it (DateTimeUtils.stringToTimestamp, session zone UTC): "2026", "2026-01", "2026-1-2",
 * "2026-01-02T03:04", "2026-01-02 03:04:05.123456+02:00", zones by offset or name; blanks around it are dropped, digits past the microsecond too.
 * Null if it is none; special words such as "now" are none.
 */
export function parseTimestamp(text: string): number | null {
  const match = TIMESTAMP.exec(trimSpaces(text));
  if (match === null) return null;
  const days = civilDays(match[1] ?? "", match[2] ?? "1", match[3] ?? "1");
  if (days === null || match[4] === undefined || match[4] === "")
    return days === null || Math.abs(days) > 2 ** 63 / US_PER_DAY ? null : days * US_PER_DAY;
  const time = TIME.exec(match[4]);
  if (time === null) return null;
  const hour = Number(time[1]);
  const minute = Number(time[2] ?? 0);
  const second = Number(time[3] ?? 0);
  if (hour > 23 || minute > 59 || second > 59) return null;
  const micros = Number((time[4] ?? "").padEnd(6, "0").slice(0, 6));
  const local = days * US_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros;
  if (Math.abs(local) > 2 ** 63) return null;
  const zone = time[5] ?? "";
  if (zone === "") return local;
  const offset = zoneOffsetUs(zone, local);
  return offset === null ? null : local - offset;
}

/**
 * Days of a text as Spark's cast reads it (DateTimeUtils.stringToDate): "2026", "2026-01", "2026-01-02", and anything after a blank or T
 * that follows a whole date. Null if it is none.
 */
export function parseDate(text: string): number | null {
  const trimmed = trimSpaces(text);
  const cut = /^[+-]?\d{4,7}-\d{1,2}-\d{1,2}(?=[T ])/.exec(trimmed);
  const match = DATE.exec(cut === null ? trimmed : cut[0]);
  return match === null ? null : civilDays(match[1] ?? "", match[2] ?? "1", match[3] ?? "1");
}

function civilDays(yearText: string, monthText: string, dayText: string): number | null {
  const year = Number(yearText);
  const month = Number(monthText);
  const day = Number(dayText);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null;
  return daysFromCivil(year, month, day);
}

/** Without the blanks and control characters at both ends, as UTF8String.trimAll. */
export function trimSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code <= 32 || code === 127;
}

let lastDays = Number.NaN;
let lastDate = "";

/** A date as Spark's cast to string prints it: "2026-01-31". The last one is remembered: events of a day come together. */
export function formatDate(days: number): string {
  if (days !== lastDays) {
    const { year, month, day } = civilFromDays(days);
    lastDate = `${yearText(year)}-${two(month)}-${two(day)}`;
    lastDays = days;
  }
  return lastDate;
}

function yearText(year: number): string {
  if (year < 0) return `-${String(-year).padStart(4, "0")}`;
  return year > 9999 ? `+${year}` : String(year).padStart(4, "0");
}

/** An instant as Spark's cast to string prints it in UTC: "2026-01-02 03:04:05.123", trailing zeros of the fraction dropped. */
export function formatTimestamp(us: number): string {
  const time = timeOfDayUs(us);
  const seconds = Math.floor(time / 1_000_000);
  const micros = time - seconds * 1_000_000;
  const fraction = micros === 0 ? "" : `.${String(micros).padStart(6, "0").replace(/0+$/, "")}`;
  return `${formatDate(dayOfUs(us))} ${clock(seconds)}${fraction}`;
}

/** An instant as ISO 8601 with Z: milliseconds, or microseconds where `full` or the value needs them. */
export function formatIso(us: number, digits: "needed" | "millis"): string {
  const time = timeOfDayUs(us);
  const seconds = Math.floor(time / 1_000_000);
  const micros = time - seconds * 1_000_000;
  const fraction = digits === "millis" || micros % 1000 === 0 ? three(Math.floor(micros / 1000)) : String(micros).padStart(6, "0");
  return `${formatDate(dayOfUs(us))}T${clock(seconds)}.${fraction}Z`;
}

function clock(seconds: number): string {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function three(n: number): string {
  return n < 10 ? `00${n}` : n < 100 ? `0${n}` : String(n);
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}
