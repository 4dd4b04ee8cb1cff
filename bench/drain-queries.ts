import type { DataFrame } from "../src/engine/api/data-frame.ts";
import { avg, count, max, min } from "../src/engine/functions/api/aggregates.ts";
import { when } from "../src/engine/functions/api/conditionals.ts";
import { toJson } from "../src/engine/functions/api/json.ts";
import { namedStruct } from "../src/engine/functions/api/maps.ts";
import { window } from "../src/engine/functions/api/windows.ts";
import type { LocatedReading } from "../src/labs/iot/queries.ts";

/** Tumbling 10 s by type and location; sliding 1 minute / 30 s by the same; anomalies with their grade. */
export const DRAIN_QUERIES = ["Q1", "Q2", "Q3"] as const;
export type DrainQuery = (typeof DRAIN_QUERIES)[number];

/** How a query is run, and in how many results each reading has a part. */
export interface DrainShape {
  readonly mode: "update" | "append";
  readonly windowMs: number;
  readonly slideMs: number;
}

export const SHAPES: Readonly<Record<DrainQuery, DrainShape>> = {
  Q1: { mode: "update", windowMs: 10_000, slideMs: 10_000 },
  Q2: { mode: "update", windowMs: 60_000, slideMs: 30_000 },
  Q3: { mode: "append", windowMs: 0, slideMs: 0 },
};

/** How many readings the final results of a query have to hold. */
export function expectedReadings(query: DrainQuery, loaded: { readonly count: number; readonly anomalies: number }): number {
  const { windowMs, slideMs } = SHAPES[query];
  return query === "Q3" ? loaded.anomalies : loaded.count * (windowMs / slideMs);
}

/** The rows of a query over the readings. */
export function drainQuery(query: DrainQuery, readings: DataFrame<LocatedReading>): DataFrame {
  return query === "Q3"
    ? alerts(readings)
    : windows(readings, query === "Q1" ? ["10 seconds", "10 seconds", "10 seconds"] : ["5 minutes", "1 minute", "30 seconds"]);
}

/** The rows of a query as messages: one column `value` of JSON. */
export function drainMessages(query: DrainQuery, rows: DataFrame): DataFrame {
  const columns =
    query === "Q3"
      ? ["sensor_id", "location", "value", "timestamp", "alert_type"]
      : ["window", "sensor_type", "location", "avg_value", "max_value", "min_value", "message_count"];
  return rows.select((r) => ({
    value: toJson(namedStruct(Object.fromEntries(columns.map((name) => [name, r[name] as never])))),
  })) as unknown as DataFrame;
}

function windows(readings: DataFrame<LocatedReading>, [watermark, size, slide]: readonly [string, string, string]): DataFrame {
  return readings
    .withWatermark("timestamp", watermark)
    .groupBy((r) => ({ window: window(r.timestamp, size, slide), sensor_type: r.sensor_type, location: r.location }))
    .agg((r) => ({
      avg_value: avg(r.value),
      max_value: max(r.value),
      min_value: min(r.value),
      message_count: count(),
    })) as unknown as DataFrame;
}

function alerts(readings: DataFrame<LocatedReading>): DataFrame {
  return readings
    .filter((r) => r.status.eq("anomaly"))
    .select((r) => ({
      sensor_id: r.sensor_id,
      location: r.location,
      value: r.value,
      timestamp: r.timestamp,
      alert_type: when(r.value.gt(90), "CRITICAL").when(r.value.gt(80), "WARNING").otherwise("INFO"),
    })) as unknown as DataFrame;
}

/** The final state of results that may come again and again: the last count of every group. */
export class ReadingCount {
  readonly #byGroup = new Map<string, number>();

  add(group: string, readings: number): void {
    this.#byGroup.set(group, readings);
  }

  get total(): number {
    let sum = 0;
    for (const readings of this.#byGroup.values()) sum += readings;
    return sum;
  }
}
