import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { planRuns } from "./all.ts";
import { isSound, newestFigures, readReports } from "./performance-figures.ts";
import { blocksOf, fillPage, markdownOf, writePage } from "./performance-page.ts";
import { amount, performanceTables } from "./performance-tables.ts";

const folder = await mkdtemp(path.join(os.tmpdir(), "bench-page-test-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const machine = { cpu: "x", cores: 2, memoryGiB: 8, system: "linux", node: "24.0.0", v8: "13", load: { before: 0.1, after: 0.2 } };
const once = (median: number): object => ({ median, min: median, max: median });
const start = (time: string, firstRowMs: number, faults: readonly string[] = []): object => ({
  benchmark: "start",
  time,
  broker: "development broker (embedded, a process of its own)",
  machine,
  repeat: 2,
  faults,
  firstRowMs: once(firstRowMs),
  dashboardMs: once(1200),
  firstDocumentMs: { median: 2000, min: 1900, max: 3500 },
  idleSeconds: 5,
  idle: [{ process: "engine", cpuPercent: 0.26, rssMiB: 99.6 }],
});

test("the newest sound report of each benchmark counts; what is no report is passed over", async () => {
  const files: Record<string, object> = {
    "start-1.json": start("2026-01-01T00:00:00Z", 100),
    "start-2.json": start("2026-01-03T00:00:00Z", 200),
    "start-3.json": start("2026-01-04T00:00:00Z", 300, ["something is missing"]),
    "growth-1.json": { benchmark: "growth", machine, figures: [], overlapped: [], drained: [{ counted: 5, expected: 5 }] },
    "growth-2.json": { benchmark: "growth", machine, figures: [], overlapped: [], drained: [{ counted: 4, expected: 5 }] },
    "other.json": { figures: 1 },
  };
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), JSON.stringify(content));
  await utimes(path.join(folder, "growth-1.json"), 1, 1);
  await writeFile(path.join(folder, "broken.json"), "{");
  const figures = newestFigures(await readReports(folder));
  expect(figures.start?.firstRowMs.median).toBe(200);
  expect(figures.growth?.drained[0]?.counted).toBe(5);
  expect(figures.drain).toEqual({ embedded: undefined, jvm: undefined });
});

test("a report that lacks a query or a case of the page is not used", () => {
  const query = { faults: [] };
  expect(isSound({ benchmark: "drain", sink: "kafka", queries: [query, query, query] })).toBe(true);
  expect(isSound({ benchmark: "drain", sink: "kafka", queries: [query] })).toBe(false);
  expect(isSound({ benchmark: "drain", sink: "noop", queries: [query, query, query] })).toBe(false);
  expect(isSound({ benchmark: "drain", sink: "kafka", queries: [query, query, { faults: ["late"] }] })).toBe(false);
  expect(isSound({ benchmark: "latency", faults: [], cases: Array.from({ length: 8 }, () => ({ together: false })) })).toBe(true);
  expect(isSound({ benchmark: "latency", faults: [], cases: [{ together: false }] })).toBe(false);
});

test("blocks are filled with figures, those without figures and all other text stay", async () => {
  const file = path.join(folder, "page.md");
  const block = (name: string, text: string): string => `<!-- figures: ${name} -->\n${text}<!-- end of figures -->`;
  const page = `# Title\n\n${block("start", "old\n")}\n\ntext\n\n${block("docserver", "kept\n")}\n`;
  await writeFile(file, page);
  await writePage(folder, file);
  const written = await readFile(file, "utf8");
  expect(written).toMatch(/\| query process\s*\| first row committed\s*\| 0\.20 /);
  expect(written).toMatch(/first stored document\s*\| 2\.00 \(1\.90 – 3\.50\) \|/);
  expect(written).toContain("Starts: 2026-01-03, 2 cores (x), 8 GiB, Node 24.0.0, load 0.1 – 0.2, 2 runs.");
  expect(written).not.toContain("old");
  expect(written).toContain("kept");
  expect([...blocksOf(written).keys()]).toEqual(["start", "docserver"]);
  await writePage(folder, file);
  expect(await readFile(file, "utf8")).toBe(written);
});

test("a block that no table is for is an error", () => {
  const tables = performanceTables({ drain: {}, latency: {}, broker: {} });
  expect(() => fillPage("<!-- figures: nonsense -->\n<!-- end of figures -->", tables)).toThrow('a block for "nonsense"');
});

test("tables are Markdown; numbers are short", () => {
  expect(markdownOf({ header: ["a", "b"], rows: [["1", "x|y"]], notes: ["note"] })).toBe(
    "| a | b |\n| --- | --- |\n| 1 | x\\|y |\n\nnote\n",
  );
  expect([2_450_000, 268_400, 9_870, 12.4, Number.NaN].map(amount)).toEqual(["2.45 M", "268 k", "9870", "12", "–"]);
});

test("targets are judged by the figures", () => {
  const figures = newestFigures([{ report: start("2026-01-01T00:00:00Z", 701) as never, atMs: 1 }]);
  const rows = performanceTables(figures).targets.rows;
  expect(rows.find(([what]) => what === "query process to first row")).toEqual(["query process to first row", "≤ 0.7 s", "0.70 ✗", ""]);
  expect(rows.find(([what]) => what === "whole lab to first document")).toEqual(["whole lab to first document", "≤ 3 s", "2.00 ✓", ""]);
  expect(rows.find(([what]) => what === "Q1 drain, msg/s")).toEqual(["Q1 drain, msg/s", "≥ 2.4 M", "–", "–"]);
});

test("all benchmarks are planned, three of them on either broker, each with a file of its own", () => {
  const planned = planRuns(["drain", "growth"], ["embedded", "jvm"], false, "/f", new Date("2026-01-02T03:04:05Z"));
  expect(planned).toEqual([
    { benchmark: "drain", args: ["--kafka", "embedded", "--json", path.join("/f", "drain-embedded-20260102030405.json")] },
    { benchmark: "drain", args: ["--kafka", "jvm", "--json", path.join("/f", "drain-jvm-20260102030405.json")] },
    { benchmark: "growth", args: ["--json", path.join("/f", "growth-20260102030405.json")] },
  ]);
  expect(planRuns(["start"], ["embedded"], true, "/f")[0]?.args).toContain("--repeat");
});
