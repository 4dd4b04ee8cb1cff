import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { projectRoot } from "../src/base/project.ts";

const folder = mkdtempSync(path.join(os.tmpdir(), "bench-drain-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Report {
  readonly queries: readonly { readonly query: string; readonly counted: readonly number[]; readonly faults: readonly string[] }[];
  readonly load: { readonly anomalies: number };
}

const drain = (...args: readonly string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, [path.join(projectRoot, "bin/streamlab.mjs"), "--module", "bench/drain.ts", ...args]);

test("a drain finds every reading in one tumbling window, in two sliding ones, and every anomaly once", { timeout: 120_000 }, async () => {
  const json = path.join(folder, "drain.json");
  const { stdout } = await drain("--messages", "20000", "--batch", "7000", "--repeat", "1", "--json", json);
  const { queries, load } = JSON.parse(readFileSync(json, "utf8")) as Report;
  expect(load.anomalies).toBeGreaterThan(900);
  expect(load.anomalies).toBeLessThan(1100);
  expect(queries.map(({ query, counted, faults }) => ({ query, counted, faults }))).toEqual([
    { query: "Q1", counted: [20_000], faults: [] },
    { query: "Q2", counted: [40_000], faults: [] },
    { query: "Q3", counted: [load.anomalies], faults: [] },
  ]);
  expect(stdout).toContain("naive msg/s");
});

test("an option that makes no sense is refused before anything starts", async () => {
  await expect(drain("--queries", "Q9")).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/some of Q1, Q2, Q3/) as unknown });
});
