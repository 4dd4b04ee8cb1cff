import { addMonthsToDays, dayOfUs, timeOfDayUs, US_PER_DAY } from "./calendar.ts";

/** A span of time whose months have no fixed length. */
export interface CalendarInterval {
  readonly months: number;
  /** Everything else: a day has 24 hours. */
  readonly us: number;
}

/** Months and microseconds of one unit; a week has 7 days. */
const UNITS: Readonly<Record<string, CalendarInterval>> = {
  year: { months: 12, us: 0 },
  month: { months: 1, us: 0 },
  week: { months: 0, us: 7 * US_PER_DAY },
  day: { months: 0, us: US_PER_DAY },
  hour: { months: 0, us: 3_600_000_000 },
  minute: { months: 0, us: 60_000_000 },
  second: { months: 0, us: 1_000_000 },
  millisecond: { months: 0, us: 1_000 },
  microsecond: { months: 0, us: 1 },
};

const PART = /\s*([+-]?)\s*(\d+(?:\.\d*)?|\.\d+)\s+([a-z]+)(?=\s|$)/y;

/**
 * The interval of a text such as "1 minute 30 seconds", with or without "interval" before it; undefined when it is none. Only seconds have fractions,
 * of up to nine digits, cut to microseconds (Spark's IntervalUtils.stringToInterval).
 */
export function parseInterval(text: string): CalendarInterval | undefined {
  const body = text
    .trim()
    .toLowerCase()
    .replace(/^interval\s+/, "");
  let [months, us] = [0, 0];
  let read = 0;
  PART.lastIndex = 0;
  for (let part = PART.exec(body); part; part = PART.exec(body)) {
    const [, sign = "", digits = "", name = ""] = part;
    const amount = amountOf(digits, name);
    if (amount === undefined) return undefined;
    months += sign === "-" ? -amount.months : amount.months;
    us += sign === "-" ? -amount.us : amount.us;
    read = PART.lastIndex;
    if (read === body.length) return { months, us };
  }
  return undefined;
}

function amountOf(digits: string, name: string): CalendarInterval | undefined {
  const unit = UNITS[name] ?? UNITS[name.replace(/s$/, "")];
  if (unit === undefined || (name === "s" && digits !== "")) return undefined;
  const [whole = "", fraction] = digits.split(".");
  if (fraction !== undefined && (unit.us !== 1_000_000 || fraction.length > 9)) return undefined;
  const cut = fraction === undefined ? 0 : Number(fraction.slice(0, 6).padEnd(6, "0"));
  return { months: Number(whole) * unit.months, us: Number(whole) * unit.us + cut };
}

const QUOTED = /^'([^']*)'\s+([a-z]+)\s+to\s+([a-z]+)$/;
const CLOCK = /^([+-]?)(?:(\d+)\s+)?(\d+):(\d+)(?::(\d+)(?:\.(\d{1,9}))?)?$/;

/**
 * The same as SQL writes it: after "interval" numbers may stand in quotes (`interval '10' second`), the whole may (`interval '1 minute 30 seconds'`), and
 * `interval '1 02:03:04.5' day to second` names its first and last unit. Texts without "interval" are as above (Spark's fromIntervalString).
 */
export function parseIntervalLiteral(text: string): CalendarInterval | undefined {
  const found = /^interval\s+(.*)$/s.exec(text.trim().toLowerCase());
  if (!found) return parseInterval(text);
  const body = (found[1] ?? "").trim();
  const ranged = QUOTED.exec(body);
  if (ranged) return rangedInterval((ranged[1] ?? "").trim(), `${ranged[2] ?? ""} to ${ranged[3] ?? ""}`);
  const whole = /^'([^']*)'$/.exec(body);
  return parseInterval(whole ? (whole[1] ?? "") : body.replace(/'\s*([+-]?[\d.]+)\s*'/g, "$1"));
}

function rangedInterval(value: string, units: string): CalendarInterval | undefined {
  if (units === "year to month") {
    const [, sign, years, months] = /^([+-]?)(\d+)-(\d+)$/.exec(value) ?? [];
    const total = Number(years) * 12 + Number(months);
    return Number.isNaN(total) ? undefined : { months: sign === "-" ? -total : total, us: 0 };
  }
  const [first = "", last = ""] = units.split(" to ");
  if (first === "day" && last === "hour") {
    const [, sign, days, hours] = /^([+-]?)(\d+)\s+(\d+)$/.exec(value) ?? [];
    const us = Number(days) * US_PER_DAY + Number(hours) * 3_600_000_000;
    return Number.isNaN(us) ? undefined : { months: 0, us: sign === "-" ? -us : us };
  }
  const found = CLOCK.exec(value);
  if (!found || !["day", "hour", "minute"].includes(first) || !["minute", "second"].includes(last)) return undefined;
  const [, sign, days, a = "", b = "", c, fraction = ""] = found;
  if ((first === "day") !== (days !== undefined)) return undefined;
  const minutesFirst = first === "minute";
  if ((c === undefined) !== (minutesFirst || last === "minute")) return undefined;
  const seconds = minutesFirst ? Number(a) * 60 + Number(b) : Number(a) * 3600 + Number(b) * 60 + Number(c ?? 0);
  const us = Number(days ?? 0) * US_PER_DAY + seconds * 1_000_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
  return { months: 0, us: sign === "-" ? -us : us };
}

/** An instant some months later, at the same time of the same day, or of the month's last day. */
export function addMonthsToUs(us: number, months: number): number {
  return months === 0 ? us : addMonthsToDays(dayOfUs(us), months) * US_PER_DAY + timeOfDayUs(us);
}
