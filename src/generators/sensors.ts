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

function sensorIdsOf({ sensors = 1000 }: SensorOptions): string[] {
  const width = Math.max(4, String(sensors).length);
  return Array.from({ length: sensors }, (_, index) => `sensor_${String(index + 1).padStart(width, "0")}`);
}

/**
 * The generator of labs.md A5: sensor, type and location each uniform and independent, value uniform in 0 … 100 rounded to two decimals,
 * status `anomaly` for 5 %.
 */
export function createSensorGenerator(options: SensorOptions): SensorGenerator {
  const random = createRandom(options.seed);
  const anomalyFraction = options.anomalyFraction ?? 0.05;
  const sensorIds = sensorIdsOf(options);
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

/**
 * The readings of `createSensorGenerator` as Kafka messages: JSON under the sensor's id. The same draws in the same order, put together from few
 * large pieces that are made once: half the time of a reading and its `encodeSensorReading`.
 */
export function createSensorRecords(options: SensorOptions): RecordGenerator {
  const random = createRandom(options.seed);
  const anomalyFraction = options.anomalyFraction ?? 0.05;
  const sensorIds = sensorIdsOf(options);
  const beginnings = sensorIds.map((id) => `{"sensor_id":"${id}","sensor_type":"`);
  const types = SENSOR_TYPES.map((type) => `${type}","value":`);
  const locations = SENSOR_LOCATIONS.map((location) => `,"location":"${location}","timestamp":"`);
  return {
    next: (dueMs, eventTimeMs, out) => {
      const sensor = random.below(sensorIds.length);
      const type = random.pick(types);
      const value = Math.round(random.next() * 10_000) / 100;
      const location = random.pick(locations);
      const end = random.next() < anomalyFraction ? '","status":"anomaly"}' : '","status":"normal"}';
      const json = (beginnings[sensor] as string) + type + value + location + isoTimestamp(eventTimeMs) + end;
      out.push({ key: sensorIds[sensor] as string, value: json, timestampMs: dueMs });
    },
    spoiled: () => UNSPOILED,
  };
}
