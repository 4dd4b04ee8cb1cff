import { describe, expect, test } from "vitest";
import { parseTimestamp } from "./timestamp-text.ts";
import { addMonthsToUs, parseInterval, parseIntervalLiteral } from "./interval-text.ts";

describe("interval texts, as recorded from Spark 4.3", () => {
  test.each([
    ["10 seconds", 0, 10_000_000],
    ["  10   SECONDS  ", 0, 10_000_000],
    [".5 seconds", 0, 500_000],
    ["1 minute -30 seconds", 0, 30_000_000],
    ["10 seconds 500 milliseconds 1 microsecond", 0, 10_500_001],
    ["interval 1 year 2 days", 12, 172_800_000_000],
  ])("%j is read", (text, months, us) => {
    expect(parseInterval(text)).toEqual({ months, us });
  });

  test.each(["", "10", "10seconds", "10 s", "1.5 minutes", "five", "10 parsecs", "interval '10' second"])("%j is none", (text) => {
    expect(parseInterval(text)).toBeUndefined();
  });

  test.each([
    ["interval '1' minute", 60_000_000],
    ["INTERVAL '30' SECOND", 30_000_000],
    ["interval '0 00:01:00' day to second", 60_000_000],
    ["10 seconds", 10_000_000],
  ])("%j is read as SQL writes it", (text, us) => {
    expect(parseIntervalLiteral(text)).toEqual({ months: 0, us });
  });

  test("a month later is the same day, or the last of the month", () => {
    const from = parseTimestamp("2026-01-31T12:00:00Z") ?? 0;
    expect(addMonthsToUs(from, 1)).toBe(parseTimestamp("2026-02-28T12:00:00Z"));
    expect(addMonthsToUs(from, -2)).toBe(parseTimestamp("2025-11-30T12:00:00Z"));
  });
});
