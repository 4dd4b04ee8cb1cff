import { createRandom } from "../src/base/random.ts";
import { SENSOR_LOCATIONS, SENSOR_TYPES } from "../src/generators/sensors.ts";

/** A document as the lab's first query stores it: one window of one type and location. */
export interface MetricDocument {
  readonly _id: string;
  readonly window: { readonly start: Date; readonly end: Date };
  readonly sensor_type: string;
  readonly location: string;
  readonly avg_value: number;
  readonly max_value: number;
  readonly min_value: number;
  readonly message_count: number;
}

/** Where a document is looked for by the index of types, locations and windows. */
export interface MetricFilter {
  readonly sensor_type: string;
  readonly location: string;
  readonly "window.start": Date;
}

const START_MS = Date.UTC(2026, 0, 1);
const SLIDE_MS = 30_000;
const GROUPS = SENSOR_TYPES.length * SENSOR_LOCATIONS.length;

/** The group of document number `index`: every window has one of each type and location. */
export function metricFilter(index: number): MetricFilter {
  return {
    sensor_type: SENSOR_TYPES[Math.floor(index / SENSOR_LOCATIONS.length) % SENSOR_TYPES.length] as string,
    location: SENSOR_LOCATIONS[index % SENSOR_LOCATIONS.length] as string,
    "window.start": new Date(START_MS + Math.floor(index / GROUPS) * SLIDE_MS),
  };
}

/** Document number `index`; another `version` has the same identity and other values. */
export function metricDocument(index: number, version: number): MetricDocument {
  const random = createRandom(index * 31 + version);
  const { sensor_type, location, "window.start": start } = metricFilter(index);
  const [low, high] = [random.next() * 50, 50 + random.next() * 50];
  return {
    _id: `${start.toISOString()}|${sensor_type}|${location}`,
    window: { start, end: new Date(start.getTime() + 2 * SLIDE_MS) },
    sensor_type,
    location,
    avg_value: (low + high) / 2,
    max_value: high,
    min_value: low,
    message_count: version + 1,
  };
}
