import { createSensorRecords } from "../src/generators/sensors.ts";
import type { GeneratedRecord } from "../src/generators/record.ts";
import { createRandom } from "../src/base/random.ts";
import { WORKLOAD_START_MS } from "./workload.ts";

/** One format, and a query over the view `records` (columns as Kafka's) that needs some of its columns. */
export type ScanCase = {
  readonly name: string;
  /** What is read, for the table. */
  readonly reads: string;
  readonly sql: string;
  /** The values of `count` records, the same for the same count. */
  values(count: number): string[];
};

const SCHEMA = "sensor_id string, sensor_type string, value double, location string, timestamp timestamp, status string";
const USED = "count(*) AS n, sum(r.value) AS s, sum(CASE WHEN r.sensor_type = r.location THEN 1 ELSE 0 END) AS e, max(r.timestamp) AS t";

export const SCAN_CASES: readonly ScanCase[] = [
  {
    name: "json",
    reads: "4 of 6 fields",
    sql: `SELECT ${USED} FROM (SELECT from_json(CAST(value AS STRING), '${SCHEMA}') AS r FROM records)`,
    values: readings,
  },
  {
    name: "json-window",
    reads: "4 of 6 fields, into windows of 10 s by type and location",
    sql: `SELECT window(r.timestamp, '10 seconds') AS w, r.sensor_type, r.location, avg(r.value) AS a, max(r.value) AS b, min(r.value) AS c, count(*) AS n
      FROM (SELECT from_json(CAST(value AS STRING), '${SCHEMA}') AS r FROM records) GROUP BY window(r.timestamp, '10 seconds'), r.sensor_type, r.location`,
    values: readings,
  },
  {
    name: "json-nested",
    reads: "2 of 6 fields, one in a struct; a struct, an array and escapes passed over",
    sql: `SELECT count(*) AS n, sum(r.reading.value) AS s, max(r.timestamp) AS t FROM (SELECT from_json(CAST(value AS STRING),
      'sensor_id string, reading struct<value: double, unit: string>, timestamp timestamp') AS r FROM records)`,
    values: (count) =>
      readings(count).map((text) => {
        const { sensor_id, value, timestamp, location } = JSON.parse(text) as Record<string, unknown>;
        return JSON.stringify({
          sensor_id,
          reading: { value, unit: "°C" },
          timestamp,
          place: { location, at: [1.5, -2] },
          tags: ["a", "b"],
          note: 'say "x"',
        });
      }),
  },
  {
    name: "csv",
    reads: "4 of 6 columns",
    sql: `SELECT ${USED} FROM (SELECT from_csv(CAST(value AS STRING), '${SCHEMA}') AS r FROM records)`,
    values: (count) => readings(count).map((text) => Object.values(JSON.parse(text) as Record<string, unknown>).join(",")),
  },
  {
    name: "word-count",
    reads: "explode(split(value, ' ')), by word",
    sql: "SELECT word, count(*) AS n FROM (SELECT explode(split(CAST(value AS STRING), ' ')) AS word FROM records) WHERE word <> '' GROUP BY word",
    values: lines,
  },
  {
    name: "cast",
    reads: "a double, and a condition on the text",
    sql: `SELECT count(*) AS n, sum(CAST(CAST(value AS STRING) AS DOUBLE)) AS s FROM records WHERE NOT startswith(CAST(value AS STRING), '-')`,
    values: (count) => readings(count).map((text) => String((JSON.parse(text) as { value: number }).value)),
  },
  {
    name: "split",
    reads: "2 of 6 parts, cast to double and timestamp",
    sql: `SELECT count(*) AS n, sum(CAST(parts[2] AS DOUBLE)) AS s, max(CAST(parts[4] AS TIMESTAMP)) AS t
      FROM (SELECT split(CAST(value AS STRING), ',') AS parts FROM records)`,
    values: (count) => readings(count).map((text) => Object.values(JSON.parse(text) as Record<string, unknown>).join(",")),
  },
];

/** Workload W without its disorder. */
function readings(count: number): string[] {
  const generator = createSensorRecords({ seed: 1 });
  const out: GeneratedRecord[] = [];
  for (let i = 0; i < count; i++) generator.next(WORKLOAD_START_MS + i, WORKLOAD_START_MS + i, out);
  return out.map((one) => String(one.value));
}

/** Lines of eight words out of 2000. */
function lines(count: number): string[] {
  const random = createRandom(1);
  const words = Array.from({ length: 2000 }, (_, i) => `${"abcdefghij".charAt(i % 10)}word${i}`);
  return Array.from({ length: count }, () => Array.from({ length: 8 }, () => words[Math.floor(random.next() * 2000)]).join(" "));
}
