import { describe, expect, test } from "vitest";
import { POISON_CORPUS } from "./poison-corpus.ts";
import { createRandom } from "../base/random.ts";
import type { GeneratedRecord, RecordGenerator } from "./record.ts";
import { createSensorRecords } from "./sensors.ts";
import { spoil, type SpoilOptions } from "./spoil.ts";

const SEED = 11;
const COUNT = 20_000;

function run(options: Omit<SpoilOptions, "seed">): { records: GeneratedRecord[]; generator: RecordGenerator } {
  const generator = spoil(createSensorRecords({ seed: SEED }), { seed: SEED, ...options });
  const records: GeneratedRecord[] = [];
  for (let i = 0; i < COUNT; i++) generator.next(1_000_000 + i, 1_000_000 + i, records);
  return { records, generator };
}

const eventTimeMs = (record: GeneratedRecord): number => Date.parse((JSON.parse(String(record.value)) as { timestamp: string }).timestamp);
const near = (found: number, fraction: number): void => expect(Math.abs(found / COUNT - fraction)).toBeLessThan(0.006);

describe("spoilers", () => {
  test("late moves the event time of its fraction back by exactly the given time and leaves the record's timestamp", () => {
    const { records, generator } = run({ late: { fraction: 0.05, byMs: 600_000 } });
    const delays = records.map((record) => record.timestampMs - eventTimeMs(record));
    expect(new Set(delays)).toEqual(new Set([0, 600_000]));
    expect(delays.filter((delay) => delay > 0).length).toBe(generator.spoiled().late);
    near(generator.spoiled().late, 0.05);
  });

  test("outOfOrder moves event times back by up to the jitter, uniformly", () => {
    const { records, generator } = run({ outOfOrder: { jitterMs: 2000 } });
    const delays = records.map((record) => record.timestampMs - eventTimeMs(record));
    expect(Math.min(...delays)).toBe(0);
    expect(Math.max(...delays)).toBe(2000);
    expect(Math.abs(delays.reduce((sum, delay) => sum + delay, 0) / COUNT - 1000)).toBeLessThan(20);
    expect(generator.spoiled().outOfOrder).toBe(delays.filter((delay) => delay > 0).length);
  });

  test("duplicate repeats its fraction byte for byte, soon after", () => {
    const { records, generator } = run({ duplicate: { fraction: 0.1, within: 50 } });
    const firstAt = new Map<GeneratedRecord, number>();
    const distances: number[] = [];
    records.forEach((record, index) => {
      const first = firstAt.get(record);
      if (first === undefined) firstAt.set(record, index);
      else distances.push(index - first);
    });
    expect(firstAt.size).toBe(COUNT);
    expect(distances.length).toBe(generator.spoiled().duplicated);
    expect(Math.max(...distances)).toBeLessThan(100);
    near(distances.length, 0.1);
  });

  test("poison replaces its fraction by every kind of the corpus and keeps the keys", () => {
    const good = run({}).records;
    const { records, generator } = run({ poison: { fraction: 0.1 } });
    const changed = records.filter((record, index) => record.value !== good[index]?.value);
    expect(records.map((record) => record.key)).toEqual(good.map((record) => record.key));
    expect(changed.length).toBe(generator.spoiled().poisoned);
    near(changed.length, 0.1);
    expect(changed.some((record) => record.value === null)).toBe(true);
    expect(changed.some((record) => record.value instanceof Uint8Array)).toBe(true);
    expect(new Set(changed.map((record) => record.value)).size).toBeGreaterThan(changed.length / 2);
  });

  test("drop loses its fraction", () => {
    const { records, generator } = run({ drop: { fraction: 0.2 } });
    expect(records.length).toBe(COUNT - generator.spoiled().dropped);
    near(generator.spoiled().dropped, 0.2);
  });

  test("all together: the accounts add up, and the same seed gives the same bytes", () => {
    const all = {
      late: { fraction: 0.05, byMs: 60_000 },
      outOfOrder: { jitterMs: 500 },
      duplicate: { fraction: 0.05 },
      poison: { fraction: 0.02 },
      drop: { fraction: 0.03 },
    };
    const { records, generator } = run(all);
    const counts = generator.spoiled();
    expect(records.length).toBe(COUNT + counts.duplicated - counts.dropped);
    expect(run(all).records).toEqual(records);
  });

  test("a spoiler draws from its own stream: the good messages stay what they are without it", () => {
    const good = run({}).records;
    const { records } = run({ poison: { fraction: 0.5 } });
    const untouched = records.filter((record, index) => record.value === good[index]?.value).length;
    expect(Math.abs(untouched / COUNT - 0.5)).toBeLessThan(0.02);
  });

  test("a fraction outside 0 to 1 is refused", () => {
    expect(() => run({ late: { fraction: 5, byMs: 1 } })).toThrow(/share between 0 and 1/);
  });
});

test("every poison differs from the good message, and several are legal JSON of the wrong shape", () => {
  const good =
    '{"sensor_id":"sensor_0001","sensor_type":"humidity","value":12.34,"location":"office","timestamp":"2026-01-01T00:00:00.000Z","status":"normal"}';
  const random = createRandom(SEED);
  const parses: string[] = [];
  for (const poison of POISON_CORPUS) {
    const bad = poison.make(good, random);
    expect(bad, poison.name).not.toBe(good);
    try {
      JSON.parse(String(bad));
      parses.push(poison.name);
    } catch {
      continue;
    }
  }
  expect(parses).toContain("__proto__ field");
  expect(parses).toContain("wrong type");
  expect(parses).not.toContain("truncated");
  expect(parses).not.toContain("byte order mark");
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
