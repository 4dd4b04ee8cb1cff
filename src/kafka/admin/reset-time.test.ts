import { expect, test } from "vitest";
import { parseIsoDuration, parseResetTime } from "./reset-time.ts";

test.each([
  ["2026-11-21T12:30:00.000", Date.UTC(2026, 10, 21, 12, 30)],
  ["2026-11-21T12:30:00", Date.UTC(2026, 10, 21, 12, 30)],
  ["2026-11-21T12:30:00.250Z", Date.UTC(2026, 10, 21, 12, 30, 0, 250)],
  ["2026-11-21T12:30:00.000+02:00", Date.UTC(2026, 10, 21, 10, 30)],
  ["2026-11-21T12:30:00.000-0330", Date.UTC(2026, 10, 21, 16, 0)],
  ["2026-11-21T12:30:00.000+02", Date.UTC(2026, 10, 21, 10, 30)],
])("--to-datetime %s is UTC unless it says otherwise", (text, expected) => {
  expect(parseResetTime(text)).toBe(expected);
});

test.each(["2026-11-21", "yesterday", "2026-13-40T00:00:00.000", ""])("--to-datetime %j is refused", (text) => {
  expect(() => parseResetTime(text)).toThrow("Cannot tell which time is meant");
});

test.each([
  ["PT10M", 600_000],
  ["PT1H30M", 5_400_000],
  ["P2DT3H", 183_600_000],
  ["PT0.5S", 500],
  ["-PT1H", -3_600_000],
  ["PT-30S", -30_000],
])("--by-duration %s is %d ms, as java.time.Duration reads it", (text, expected) => {
  expect(parseIsoDuration(text)).toBe(expected);
});

test.each(["P", "PT", "10 minutes", "P1Y", "P1DT", ""])("--by-duration %j is refused", (text) => {
  expect(() => parseIsoDuration(text)).toThrow("ISO 8601");
});
