import { createRandom, type Random } from "../base/random.ts";
import { isoTimestamp } from "./iso-time.ts";
import { UNSPOILED, type RecordGenerator } from "./record.ts";

/** The message of the windows lab (labs.md D2), in its field order. */
export type DeviceReading = {
  /** Event time: ISO-8601 in UTC with milliseconds and `Z`. */
  readonly timestamp: string;
  /** Two decimals: 10 … 100, or 200 … 500 for an outlier. */
  readonly value: number;
  /** `device_001` … ; also the message's key. */
  readonly device_id: string;
  readonly status: "Normal" | "Warning" | "Danger" | "Error";
};

export type DeviceOptions = {
  readonly seed: number;
  /** How many devices there are; 5 if not given. */
  readonly devices?: number;
  /** The share of outliers, 0 … 1; 0.1 if not given. */
  readonly outlierFraction?: number;
};

/** Readings without end; the same seed and the same event times give the same readings. */
export interface DeviceGenerator {
  next(eventTimeMs: number): DeviceReading;
}

/**
 * The generator of labs.md D2: one reading in ten is an outlier of 200 … 500 with status Danger (0.6) or Error (0.4); the others lie in
 * 10 … 100 with status Normal .7, Warning .15, Danger .1, Error .05.
 */
export function createDeviceGenerator(options: DeviceOptions): DeviceGenerator {
  const random = createRandom(options.seed);
  const outlierFraction = options.outlierFraction ?? 0.1;
  const deviceIds = Array.from({ length: options.devices ?? 5 }, (_, index) => `device_${String(index + 1).padStart(3, "0")}`);
  return {
    next: (eventTimeMs) => {
      const outlier = random.next() < outlierFraction;
      return {
        timestamp: isoTimestamp(eventTimeMs),
        value: Math.round((outlier ? random.between(200, 500) : random.between(10, 100)) * 100) / 100,
        device_id: random.pick(deviceIds),
        status: outlier ? (random.next() < 0.6 ? "Danger" : "Error") : ordinaryStatus(random),
      };
    },
  };
}

function ordinaryStatus(random: Random): DeviceReading["status"] {
  const draw = random.next();
  if (draw < 0.7) return "Normal";
  if (draw < 0.85) return "Warning";
  return draw < 0.95 ? "Danger" : "Error";
}

/** The readings of `createDeviceGenerator` as Kafka messages: JSON under the device's id. */
export function createDeviceRecords(options: DeviceOptions): RecordGenerator {
  const generator = createDeviceGenerator(options);
  return {
    next: (dueMs, eventTimeMs, out) => {
      const reading = generator.next(eventTimeMs);
      out.push({ key: reading.device_id, value: JSON.stringify(reading), timestampMs: dueMs });
    },
    spoiled: () => UNSPOILED,
  };
}
