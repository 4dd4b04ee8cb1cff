import { describe, expect, test } from "vitest";
import { createDeviceGenerator, createDeviceRecords } from "./devices.ts";
import type { GeneratedRecord } from "./record.ts";

describe("devices (D2)", () => {
  const generator = createDeviceGenerator({ seed: 7 });
  const readings = Array.from({ length: 100_000 }, (_, i) => generator.next(i));
  const share = (of: readonly unknown[], among: readonly unknown[]): number => of.length / among.length;

  test("one in ten lies in 200 to 500 and is Danger (0.6) or Error (0.4)", () => {
    const outliers = readings.filter((reading) => reading.value >= 200);
    expect(Math.abs(share(outliers, readings) - 0.1)).toBeLessThan(0.004);
    expect(outliers.every((reading) => reading.value <= 500 && (reading.status === "Danger" || reading.status === "Error"))).toBe(true);
    const danger = outliers.filter((reading) => reading.status === "Danger");
    expect(Math.abs(share(danger, outliers) - 0.6)).toBeLessThan(0.02);
  });

  test("the others lie in 10 to 100 with Normal .7, Warning .15, Danger .1, Error .05", () => {
    const ordinary = readings.filter((reading) => reading.value < 200);
    expect(ordinary.every((reading) => reading.value >= 10 && reading.value <= 100)).toBe(true);
    const expected = { Normal: 0.7, Warning: 0.15, Danger: 0.1, Error: 0.05 };
    for (const [status, wanted] of Object.entries(expected)) {
      const found = ordinary.filter((reading) => reading.status === status);
      expect(Math.abs(share(found, ordinary) - wanted)).toBeLessThan(0.01);
    }
  });

  test("fields, ids and key are those of D2", () => {
    expect(Object.keys(readings[0] ?? {})).toEqual(["timestamp", "value", "device_id", "status"]);
    expect([...new Set(readings.map((reading) => reading.device_id))].sort()).toEqual(
      ["001", "002", "003", "004", "005"].map((n) => `device_${n}`),
    );
    const out: GeneratedRecord[] = [];
    createDeviceRecords({ seed: 7 }).next(5, 0, out);
    expect(out).toEqual([{ key: readings[0]?.device_id, value: JSON.stringify(readings[0]), timestampMs: 5 }]);
  });
});
