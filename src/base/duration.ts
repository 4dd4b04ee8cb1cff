import { StreamlabError } from "./errors.ts";

const MICROS: Record<string, number> = {
  microsecond: 1,
  millisecond: 1_000,
  second: 1_000_000,
  minute: 60_000_000,
  hour: 3_600_000_000,
  day: 86_400_000_000,
  week: 604_800_000_000,
};

const PART = /\s*([+-]?\d+(?:\.\d+)?)\s*([a-z]+)\s*/giy;

/**
 * The microseconds of an interval text as Spark's CalendarInterval reads it: "10 seconds", "1 minute 30 seconds",
 * "interval 5 minutes", units singular or plural. Months and years have no fixed length and are refused.
 */
export function parseDurationUs(text: string): number {
  const body = text.trim().replace(/^interval\s+/i, "");
  let total = 0;
  let read = 0;
  PART.lastIndex = 0;
  for (let part = PART.exec(body); part; part = PART.exec(body)) {
    const unit = MICROS[(part[2] ?? "").toLowerCase().replace(/s$/, "")];
    if (unit === undefined) break;
    total += Math.round(Number(part[1]) * unit);
    read = PART.lastIndex;
    if (read === body.length) return total;
  }
  throw new StreamlabError("INVALID_INTERVAL", {
    failed: `Cannot read "${text}" as a duration`,
    found: read === 0 ? "no number with a unit" : `cannot read "${body.slice(read)}"`,
    remedy: 'Write a number and a unit from microseconds to weeks, as in "10 seconds" or "1 minute 30 seconds".',
  });
}

/** The same in milliseconds, cut towards zero. */
export function parseDurationMs(text: string): number {
  return Math.trunc(parseDurationUs(text) / 1000);
}
