import { describe, expect, test } from "vitest";
import { isoTimestamp } from "./iso-time.ts";
import type { GeneratedRecord } from "./record.ts";
import {
  createSensorGenerator,
  createSensorRecords,
  encodeSensorReading,
  SENSOR_LOCATIONS,
  SENSOR_TYPES,
  type SensorReading,
} from "./sensors.ts";

const SEED = 42;
const START_MS = Date.UTC(2026, 0, 1, 12);

function sample(count: number, seed: number = SEED): SensorReading[] {
  const generator = createSensorGenerator({ seed });
  return Array.from({ length: count }, (_, i) => generator.next(START_MS + i));
}

function shares(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1 / values.length);
  return counts;
}

describe("sensors (A5)", () => {
  const readings = sample(200_000);

  test("a reading has exactly the fields of A5, in order", () => {
    expect(Object.keys(readings[0] ?? {})).toEqual(["sensor_id", "sensor_type", "value", "location", "timestamp", "status"]);
  });

  test("sensor ids are sensor_0001 to sensor_1000, all of them, evenly", () => {
    const counts = shares(readings.map((reading) => reading.sensor_id));
    expect(counts.size).toBe(1000);
    expect([...counts.keys()].sort()[0]).toBe("sensor_0001");
    expect([...counts.keys()].sort()[999]).toBe("sensor_1000");
    for (const share of counts.values()) expect(share).toBeGreaterThan(0.0005);
  });

  test("types and locations are uniform and independent", () => {
    const counts = shares(readings.map((reading) => `${reading.sensor_type}/${reading.location}`));
    expect(counts.size).toBe(SENSOR_TYPES.length * SENSOR_LOCATIONS.length);
    for (const share of counts.values()) expect(Math.abs(share - 1 / 16)).toBeLessThan(0.003);
  });

  test("values are uniform in 0 to 100 with two decimals", () => {
    let sum = 0;
    let sumOfSquares = 0;
    for (const { value } of readings) {
      expect(value >= 0 && value <= 100 && Number(value.toFixed(2)) === value).toBe(true);
      sum += value;
      sumOfSquares += value * value;
    }
    const mean = sum / readings.length;
    expect(Math.abs(mean - 50)).toBeLessThan(0.3);
    expect(Math.abs(Math.sqrt(sumOfSquares / readings.length - mean * mean) - 100 / Math.sqrt(12))).toBeLessThan(0.3);
  });

  test("5 % are anomalies, and their values give 10/10/80 % CRITICAL/WARNING/INFO (A8)", () => {
    const anomalies = readings.filter((reading) => reading.status === "anomaly");
    expect(Math.abs(anomalies.length / readings.length - 0.05)).toBeLessThan(0.002);
    const critical = anomalies.filter((reading) => reading.value > 90).length / anomalies.length;
    const warning = anomalies.filter((reading) => reading.value > 80 && reading.value <= 90).length / anomalies.length;
    expect(Math.abs(critical - 0.1)).toBeLessThan(0.015);
    expect(Math.abs(warning - 0.1)).toBeLessThan(0.015);
  });

  test("the same seed gives the same readings, another seed gives others", () => {
    expect(sample(100)).toEqual(readings.slice(0, 100));
    expect(sample(100, SEED + 1)).not.toEqual(readings.slice(0, 100));
  });

  test("the fast encoding is JSON.stringify's", () => {
    for (const reading of readings.slice(0, 5000)) expect(encodeSensorReading(reading)).toBe(JSON.stringify(reading));
  });
});

test("isoTimestamp is toISOString, across days, leap days and before 1970", () => {
  const generator = Array.from({ length: 3000 }, (_, i) => Math.trunc((i - 1500) * 86_399_987.3 + i * 7));
  for (const ms of [0, -1, 86_399_999, 86_400_000, Date.UTC(2024, 1, 29, 23, 59, 59, 999), Date.UTC(10_000, 0, 1), ...generator]) {
    expect(isoTimestamp(ms)).toBe(new Date(ms).toISOString());
  }
});

test.each([[{ seed: 42 }], [{ seed: 7, sensors: 20_000, anomalyFraction: 0.5 }]])(
  "the messages are the readings of the same seed, byte for byte (%j)",
  (options) => {
    const readings = createSensorGenerator(options);
    const records = createSensorRecords(options);
    for (let i = 0; i < 5000; i++) {
      const eventTimeMs = 1_767_225_600_000 + ((i * 7919) % 100_000);
      const out: GeneratedRecord[] = [];
      records.next(5, eventTimeMs, out);
      const reading = readings.next(eventTimeMs);
      expect(out).toEqual([{ key: reading.sensor_id, value: JSON.stringify(reading), timestampMs: 5 }]);
    }
  },
);
