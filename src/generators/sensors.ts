import { createRandom } from "../base/random.ts";
import { isoTimestamp } from "./iso-time.ts";
import { UNSPOILED, type RecordGenerator } from "./record.ts";

export const SENSOR_TYPES = ["temperature", "humidity", "pressure", "vibration"] as const;
export const SENSOR_LOCATIONS = ["factory-floor", "warehouse", "office", "outdoor"] as const;

/** The message of the IoT lab (labs.md A5), field for field and in its order. */
export type SensorReading = {
  /** `sensor_0001` … `sensor_1000`; also the message's key, so that one sensor stays in one partition. */
  readonly sensor_id: string;
  readonly sensor_type: (typeof SENSOR_TYPES)[number];
  /** 0 … 100, two decimals. */
  readonly value: number;
  readonly location: (typeof SENSOR_LOCATIONS)[number];
  /** Event time: ISO-8601 in UTC with milliseconds and `Z`. */
  readonly timestamp: string;
  readonly status: "normal" | "anomaly";
};

export type SensorOptions = {
  readonly seed: number;
  /** How many sensors there are; 1000 if not given. */
  readonly sensors?: number;
  /** The share of readings with status `anomaly`, 0 … 1; 0.05 if not given. */
  readonly anomalyFraction?: number;
};

/** Readings without end; the same seed and the same event times give the same readings. */
export interface SensorGenerator {
  next(eventTimeMs: number): SensorReading;
}

/**
 * The generator of labs.md A5: sensor, type and location each uniform and independent, value uniform in 0 … 100 rounded to two decimals,
 * status `anomaly` for 5 %.
 */
export function createSensorGenerator(options: SensorOptions): SensorGenerator {
  const random = createRandom(options.seed);
  const anomalyFraction = options.anomalyFraction ?? 0.05;
  const count = options.sensors ?? 1000;
  const width = Math.max(4, String(count).length);
  const sensorIds = Array.from({ length: count }, (_, index) => `sensor_${String(index + 1).padStart(width, "0")}`);
  return {
    next: (eventTimeMs) => ({
      sensor_id: random.pick(sensorIds),
      sensor_type: random.pick(SENSOR_TYPES),
      value: Math.round(random.next() * 10_000) / 100,
      location: random.pick(SENSOR_LOCATIONS),
      timestamp: isoTimestamp(eventTimeMs),
      status: random.next() < anomalyFraction ? "anomaly" : "normal",
    }),
  };
}

/** What `JSON.stringify` gives for a reading, about three times faster: none of its strings needs an escape. */
export function encodeSensorReading(reading: SensorReading): string {
  return `{"sensor_id":"${reading.sensor_id}","sensor_type":"${reading.sensor_type}","value":${reading.value},"location":"${reading.location}","timestamp":"${reading.timestamp}","status":"${reading.status}"}`;
}

/** The readings of `createSensorGenerator` as Kafka messages: JSON under the sensor's id. */
export function createSensorRecords(options: SensorOptions): RecordGenerator {
  const generator = createSensorGenerator(options);
  return {
    next: (dueMs, eventTimeMs, out) => {
      const reading = generator.next(eventTimeMs);
      out.push({ key: reading.sensor_id, value: encodeSensorReading(reading), timestampMs: dueMs });
    },
    spoiled: () => UNSPOILED,
  };
}
