import { parseDurationMs } from "../../base/duration.ts";
import { IOT } from "./names.ts";

/** One window of A7 as a plain recount sees it. `sum` and `count` give the mean. */
export interface RecountedWindow {
  readonly startMs: number;
  readonly sensorType: string;
  readonly location: string;
  count: number;
  sum: number;
  min: number;
  max: number;
}

/** What is in the topic, counted without the engine. */
export interface Recount {
  /** Messages that are readings. */
  readonly readings: number;
  /** Messages that are none: they belong to the dead letters. */
  readonly malformed: number;
  readonly anomalies: number;
  /** By `windowKey`. */
  readonly windows: ReadonlyMap<string, RecountedWindow>;
}

/** How recounted and stored windows are matched: start in milliseconds, type, location. */
export function windowKey(startMs: number, sensorType: string, location: string): string {
  return `${startMs}|${sensorType}|${location}`;
}

/** Counts messages as they come. */
export interface Recounter {
  add(value: Uint8Array | null): void;
  result(): Recount;
}

/**
 * Counts messages again, with nothing but JSON.parse and a Map: the oracle that stored windows and alerts are compared with. Each reading lies
 * in two sliding windows.
 */
export function createRecounter(): Recounter {
  const sizeMs = parseDurationMs(IOT.windowSize);
  const slideMs = parseDurationMs(IOT.windowSlide);
  const windows = new Map<string, RecountedWindow>();
  let readings = 0;
  let malformed = 0;
  let anomalies = 0;
  return {
    add: (bytes) => {
      const reading = readingOf(bytes);
      if (!reading) {
        malformed++;
        return;
      }
      readings++;
      if (reading.status === "anomaly") anomalies++;
      const lastStart = Math.floor(reading.timeMs / slideMs) * slideMs;
      for (let startMs = lastStart; startMs > reading.timeMs - sizeMs; startMs -= slideMs) addToWindow(windows, startMs, reading);
    },
    result: () => ({ readings, malformed, anomalies, windows }),
  };
}

function addToWindow(windows: Map<string, RecountedWindow>, startMs: number, reading: ParsedReading): void {
  const { sensorType, location, value } = reading;
  const key = windowKey(startMs, sensorType, location);
  const window = windows.get(key);
  if (window) {
    window.count++;
    window.sum += value;
    window.min = Math.min(window.min, value);
    window.max = Math.max(window.max, value);
  } else {
    windows.set(key, { startMs, sensorType, location, count: 1, sum: value, min: value, max: value });
  }
}

/** The recount of messages that are all at hand. */
export function recountReadings(values: Iterable<Uint8Array | null>): Recount {
  const recounter = createRecounter();
  for (const value of values) recounter.add(value);
  return recounter.result();
}

interface ParsedReading {
  readonly sensorType: string;
  readonly location: string;
  readonly status: string;
  readonly value: number;
  readonly timeMs: number;
}

function readingOf(bytes: Uint8Array | null): ParsedReading | undefined {
  if (bytes === null) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const { sensor_type, location, status, value, timestamp } = parsed as Readonly<Record<string, unknown>>;
    const timeMs = Date.parse(String(timestamp));
    if (typeof sensor_type !== "string" || typeof location !== "string" || typeof status !== "string") return undefined;
    if (typeof value !== "number" || Number.isNaN(timeMs)) return undefined;
    return { sensorType: sensor_type, location, status, value, timeMs };
  } catch {
    return undefined;
  }
}

/** A stored window, as read from `sensor_metrics`. */
export interface StoredWindow {
  readonly window: { readonly start: Date };
  readonly sensor_type: string;
  readonly location: string;
  readonly avg_value: number;
  readonly max_value: number;
  readonly min_value: number;
  readonly message_count: number;
}

/**
 * Compares what is stored with the recount: one line of text per window that is missing, doubled, unexpected or different; empty when all agree.
 * Means are compared with a relative tolerance of 1e-9, since sums depend on the order of addition.
 */
export function compareWindows(recount: Recount, stored: readonly StoredWindow[]): string[] {
  const differences: string[] = [];
  const seen = new Set<string>();
  for (const document of stored) {
    const key = windowKey(document.window.start.getTime(), document.sensor_type, document.location);
    if (seen.has(key)) differences.push(`${key}: stored twice`);
    seen.add(key);
    const expected = recount.windows.get(key);
    if (!expected) {
      differences.push(`${key}: stored, but no message belongs to it`);
      continue;
    }
    const mean = expected.sum / expected.count;
    if (document.message_count !== expected.count)
      differences.push(`${key}: message_count ${document.message_count}, recounted ${expected.count}`);
    else if (Math.abs(document.avg_value - mean) > 1e-9 * Math.abs(mean))
      differences.push(`${key}: avg_value ${document.avg_value}, recounted ${mean}`);
    if (document.min_value !== expected.min) differences.push(`${key}: min_value ${document.min_value}, recounted ${expected.min}`);
    if (document.max_value !== expected.max) differences.push(`${key}: max_value ${document.max_value}, recounted ${expected.max}`);
  }
  for (const key of recount.windows.keys()) if (!seen.has(key)) differences.push(`${key}: missing`);
  return differences;
}
