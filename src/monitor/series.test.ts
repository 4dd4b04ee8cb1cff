import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { PipelineSnapshot } from "./snapshot.ts";
import { csvCell, seriesToCsv, writeSeries } from "./series.ts";

const first: PipelineSnapshot = {
  atMs: Date.parse("2026-01-01T00:00:00Z"),
  elapsedMs: 0,
  producer: null,
  queries: [],
  latency: null,
  resources: [],
  services: [],
};
const second: PipelineSnapshot = {
  ...first,
  atMs: first.atMs + 1000,
  elapsedMs: 1000.2,
  producer: { acknowledged: 1000, perSecond: 999.99966, askedPerSecond: 1000 },
  queries: [
    {
      name: "metrics",
      batchId: 3,
      rowsIn: 990,
      rowsPerSecond: 990,
      batchDurationMs: 8,
      watermark: null,
      stateRows: 32,
      lateRows: 0,
      deadLetters: 0,
      lag: { "t-0": 4, "t-1": 6 },
    },
  ],
  resources: [{ process: "broker", pid: 7, cpuPercent: 12.5, rssMb: 80 }],
};

test("the table has every column of every snapshot, empty where one lacks it", () => {
  const [head, ...rows] = seriesToCsv([first, second]).trimEnd().split("\n");
  expect(head).toBe(
    "at,elapsedMs,producer.acknowledged,producer.perSecond,producer.askedPerSecond,metrics.batchId,metrics.rowsIn,metrics.rowsPerSecond," +
      "metrics.batchDurationMs,metrics.stateRows,metrics.lateRows,metrics.deadLetters,metrics.lag,broker.cpuPercent,broker.rssMb",
  );
  expect(rows).toEqual([
    "2026-01-01T00:00:00.000Z,0,,,,,,,,,,,,,",
    "2026-01-01T00:00:01.000Z,1000,1000,1000,1000,3,990,990,8,32,0,0,10,12.5,80",
  ]);
});

test("cells are quoted, and never start a formula", () => {
  expect(csvCell('a "b", c')).toBe('"a ""b"", c"');
  expect(csvCell("=1+1")).toBe("'=1+1");
  expect(csvCell(-5)).toBe("-5");
});

test("both files are written and nothing else is left", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "series-"));
  try {
    await writeSeries(path.join(folder, "data"), [first, second]);
    expect((await readdir(path.join(folder, "data"))).sort()).toEqual(["series.csv", "series.json"]);
    expect(JSON.parse(await readFile(path.join(folder, "data", "series.json"), "utf8"))).toEqual([first, second]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
