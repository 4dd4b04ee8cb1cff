import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { Marked } from "marked";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireOracle } from "../../tests/oracle.ts";
import { svgToPng } from "../charts/render.ts";
import { analyse } from "./analysis.ts";
import { codeBlock, inlineCode, plainText } from "./markdown-text.ts";
import { ReportError } from "./report-error.ts";
import { readRunRecord, runRecordSchema, writeRunRecord, type RunRecord } from "./run-record.ts";
import { simulateRecord } from "./simulated-record.ts";
import { writeReport, type WrittenReport } from "./write-report.ts";

const HOSTILE = `<img src=x onerror="alert(1)"> [a](javascript:alert(1)) | \`x\` **b** ![i](http://evil.example/p.png) http://evil.example\n\n# h`;

let folder: string;
let good: RunRecord;
let report: WrittenReport;
let html: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "report-"));
  good = await simulateRecord();
  await writeRunRecord(path.join(folder, "data"), good);
  report = await writeReport({ data: path.join(folder, "data"), out: folder });
  html = await readFile(report.html, "utf8");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The tags of a page outside its drawings, attribute values emptied. */
function tagsOf(page: string): string[] {
  const outside = page.replace(/<svg[\s\S]*?<\/svg>/g, "").replace(/<style>[\s\S]*?<\/style>/, "");
  return [...outside.matchAll(/<\/?[a-z!][^>]*>/gi)].map((match) => match[0].replace(/="[^"]*"/g, ""));
}

async function reportOf(record: RunRecord, name: string): Promise<{ markdown: string; html: string; out: string }> {
  const out = path.join(folder, name);
  await writeRunRecord(path.join(out, "data"), record);
  const written = await writeReport({ data: path.join(out, "data"), out });
  return { out, markdown: await readFile(written.markdown, "utf8"), html: await readFile(written.html, "utf8") };
}

describe("the record", () => {
  test("comes back from its file as it was", async () => {
    expect(await readRunRecord(path.join(folder, "data"))).toEqual(good);
    expect((await readdir(path.join(folder, "data"))).sort()).toEqual(["run.json", "series.csv", "series.json"]);
  });

  test("that is missing, damaged or of another shape is refused with file, place and remedy", async () => {
    const data = path.join(folder, "damaged");
    await mkdir(data, { recursive: true });
    await expect(readRunRecord(data)).rejects.toMatchObject({ code: "NO_RUN_RECORD" });
    await writeFile(path.join(data, "run.json"), '{"version": 1');
    await expect(readRunRecord(data)).rejects.toThrow(/run\.json.*streamlab lab/s);
    await writeFile(path.join(data, "run.json"), JSON.stringify({ ...good, totals: { ...good.totals, late: -1 } }));
    await expect(readRunRecord(data)).rejects.toThrow(/totals\.late/);
    await expect(writeRunRecord(data, { ...good, endedAt: "yesterday" })).rejects.toThrow(ReportError);
  });

  test("never holds the password of an address (S7)", async () => {
    const secret = path.join(folder, "secret");
    const address = "mongodb://student:canary%40secret@db.example:27017/?tls=true";
    await writeRunRecord(secret, { ...good, backends: { ...good.backends, mongo: { name: "MongoDB", address } } });
    expect(await readFile(path.join(secret, "run.json"), "utf8")).not.toContain("canary");
    expect((await readRunRecord(secret)).backends.mongo.address).toBe("mongodb://student:***@db.example:27017/?tls=true");
  });

  test("allows nothing that is not in its type", () => {
    expect(runRecordSchema.safeParse({ ...good, extra: 1 }).success).toBe(false);
    expect(runRecordSchema.safeParse(good).success).toBe(true);
  });
});

describe("the report", () => {
  test("has the sections that the lab asks for (A12), in order", async () => {
    const markdown = await readFile(report.markdown, "utf8");
    expect([...markdown.matchAll(/^#+ (.*)$/gm)].map((match) => match[1])).toEqual([
      "Lab report: a real-time pipeline for IoT sensors",
      "1. Architecture",
      "2. Performance",
      "Throughput",
      "Latency",
      "Resources",
      "3. Analysis at 1,000 messages/s",
      "4. Data at every stage",
      "5. Visualisation and monitoring",
      "6. Nothing lost: accounting and checks",
      "7. Grade: 5",
    ]);
  });

  test("names machine, backends, versions, seed, parameters and date in its head", async () => {
    const head = (await readFile(report.markdown, "utf8")).split("## 1.")[0] ?? "";
    for (const text of [
      "Simulated processor",
      "Kafka-protocol development broker (embedded)",
      "kafkajs 2.2.4",
      "seed 7",
      "1,000 messages/s",
      "2026-01-15",
    ])
      expect(head).toContain(text);
  });

  test("shows a sample of every stage, and every figure that its Markdown names lies in its folder", async () => {
    const markdown = await readFile(report.markdown, "utf8");
    for (const sample of good.samples) expect(markdown).toContain(`**${sample.title}** (${sample.stage})`);
    const images = [...markdown.matchAll(/\]\((figures\/[^)]+)\)/g)].map((match) => match[1] ?? "");
    expect(images).toHaveLength(9);
    for (const image of images) expect(await readFile(path.join(folder, image), "utf8")).toContain("</svg>");
    expect(html.match(/<svg /g)).toHaveLength(9);
  });

  test("is one offline page: no script, no link, nothing to load", () => {
    expect(html).not.toMatch(/<script|<link|<iframe|<object|<base|@import/i);
    expect(html).not.toMatch(/\b(?:src|href|action|data|poster|srcset)\s*=\s*["']?(?!data:)(?:https?:)?\/\//i);
    expect(html.replace(/url\(#[^)]+\)/g, "")).not.toMatch(/url\(/);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"`);
    expect(tagsOf(html).filter((tag) => /\son\w+/i.test(tag))).toEqual([]);
  });

  test("the analysis is made of the run's numbers", () => {
    const text = analyse(good)
      .map((finding) => finding.text)
      .join("\n");
    for (const number of [
      "60,000 messages in 60.0 s",
      "1,000.0/s or 100.0\u00a0%",
      "301 batches",
      "p95 16\u00a0ms",
      "60,000 acknowledged = 60,000 counted",
      "64 rows of state",
    ])
      expect(text).toContain(number);
    expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  test("names what limits the rate: the machine, a process, a query, or nothing", async () => {
    const limit = (record: RunRecord): string => analyse(record).find((finding) => finding.topic === "What limits the rate")?.text ?? "";
    const cpu = (percents: readonly number[]): RunRecord => ({
      ...good,
      series: good.series.map((one) => ({
        ...one,
        resources: percents.map((cpuPercent, index) => ({ process: `p${index}`, pid: index + 1, cpuPercent, rssMb: 9 })),
      })),
    });
    expect(limit(good)).toContain("Nothing in the pipeline");
    expect(limit(cpu([95, 90]))).toContain("The machine");
    expect(limit(cpu([95, 5]))).toContain("The process p0");
    const pauseless = {
      ...good,
      queries: good.queries.map((query) => ({ ...query, stepsMs: { ...query.stepsMs, triggerExecution: 59_000 } })),
    };
    expect(limit(pauseless)).toContain("Nothing in the pipeline");
    expect(limit(await simulateRecord({ readShare: 0.5 }))).toContain("The query metrics: it fell behind");
    expect(limit(await simulateRecord({ reachedRate: 700 }))).toContain("The producing side");
  });
});

describe("what is missing is said", () => {
  test("no screenshots: the report says so; with some it shows them", async () => {
    expect(html).toContain("This run left no screenshots");
    const out = path.join(folder, "screens");
    await mkdir(path.join(out, "figures"), { recursive: true });
    const png = await svgToPng('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>');
    await writeFile(path.join(out, "figures", "screenshot-dashboard-dark.png"), png);
    await writeFile(path.join(out, "figures", "screenshot-earlier.png"), png);
    const before = new Date(Date.parse(good.startedAt) - 1000);
    await utimes(path.join(out, "figures", "screenshot-earlier.png"), before, before);
    const shown = await reportOf(good, "screens");
    expect(shown.markdown).toContain("![Screenshot: dashboard dark](figures/screenshot-dashboard-dark.png)");
    expect(shown.html).toContain(`src="data:image/png;base64,${Buffer.from(png).toString("base64")}"`);
    expect(shown.html).not.toContain("no screenshots");
    expect(shown.html.match(/<img /g), "only the screenshot of this run").toHaveLength(1);
  });

  test("a run in which nothing happened still has a report", async () => {
    const nothing: RunRecord = {
      ...good,
      interrupted: true,
      producing: null,
      backends: { ...good.backends, dashboard: null },
      series: [],
      queries: [],
      accounting: [],
      checks: [],
      samples: [],
      windows: [],
      alerts: {},
      latency: { storedUs: null, estimateUs: null, screenUs: null },
      totals: { produced: 0, acknowledged: 0, consumed: {}, windowsStored: 0, alertsStored: 0, deadLetters: 0, late: 0 },
    };
    const empty = await reportOf(nothing, "nothing");
    expect(empty.markdown).toContain("broken off by its user");
    expect(empty.html).toContain("7. Grade: 2");
    expect(empty.html).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe("hostile data (S5)", () => {
  const everywhere = (): RunRecord => ({
    ...good,
    parameters: { ...good.parameters, topic: HOSTILE, others: { [HOSTILE]: HOSTILE } },
    machine: { ...good.machine, cpu: HOSTILE, os: HOSTILE },
    backends: {
      kafka: { name: HOSTILE, address: HOSTILE },
      mongo: { name: HOSTILE, address: HOSTILE },
      engine: { name: HOSTILE, address: HOSTILE },
      dashboard: { name: HOSTILE, address: HOSTILE },
    },
    versions: { [HOSTILE]: HOSTILE },
    queries: good.queries.map((query) => ({ ...query, name: HOSTILE, sink: HOSTILE, stepsMs: { triggerExecution: 5, [HOSTILE]: 4 } })),
    series: good.series.map((one) => ({
      ...one,
      queries: one.queries.map((query) => ({ ...query, name: HOSTILE })),
      resources: one.resources.map((resource) => ({ ...resource, process: HOSTILE })),
    })),
    accounting: good.accounting.map((line) => ({ ...line, query: HOSTILE, how: HOSTILE, counted: 1 })),
    windows: good.windows.map((window) => ({ ...window, sensorType: HOSTILE })),
    alerts: { [HOSTILE]: 4 },
    samples: [{ stage: "storage", title: HOSTILE, text: `{"sensor_id": "</code></pre>\n\`\`\`\n${HOSTILE}` }],
    checks: good.checks.map((check) => ({ ...check, name: HOSTILE, evidence: HOSTILE, passed: false })),
  });

  test("shows as text wherever it stands, and brings no tag, link or image into the page", async () => {
    const hostile = await reportOf(everywhere(), "hostile");
    const own = new Set(tagsOf(html).map((tag) => tag.toLowerCase()));
    expect(tagsOf(hostile.html).filter((tag) => !own.has(tag.toLowerCase()) && !/^<\/?(?:pre|code|strong)(?: class)?>$/.test(tag))).toEqual(
      [],
    );
    expect(hostile.html.replace(/="[^"]*"/g, "")).not.toMatch(/<[a-z][^>]*\son\w+/i);
    expect(hostile.html).not.toMatch(/<img|<a[ >]|<script/i);
    expect(hostile.html).toContain("&lt;img src=x onerror=");
    expect(hostile.html.match(/<h[12][ >]/g)).toHaveLength(html.match(/<h[12][ >]/g)?.length ?? 0);
  });

  const rendered = (markdown: string): string =>
    (new Marked({ gfm: true }).parse(markdown, { async: false }) as string)
      .replace(/&#58;/g, ":")
      .replace(/&#46;/g, ".")
      .replace(/&#64;/g, "@")
      .replace(/&lt;/g, "<")
      .replace(/&gt;/g, ">")
      .replace(/&quot;/g, '"')
      .replace(/&#39;/g, "'")
      .replace(/&amp;/g, "&");
  const oneLine = (text: string): string => text.replace(/[^\S\u00a0]+/g, " ");
  const hostileText = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."ab_*`[]()<>|\\#!~-+.&;:@1\"'= /\nhtpsw") }),
    fc.constantFrom(
      "http://a.b",
      "www.a.bc",
      "a@b.cd",
      "&lt;",
      "&#60;",
      "1. x",
      "- x",
      "<b>x</b>",
      "__a__",
      "a_b_c",
      "~~x~~",
      "![a](b)",
      "***",
    ),
  );

  test("any text in a table cell comes out as itself", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const cell = /<td>([\s\S]*?)<\/td>/.exec(rendered(`| h | k |\n| --- | --- |\n| x${plainText(text)}x | y |`))?.[1];
        expect(cell).toBe(oneLine(`x${text}x`));
      }),
      { numRuns: 2000 },
    );
  });

  test("any text in a code span or block stays inside it", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const html = new Marked({ gfm: true }).parse(`${inlineCode(`x${text}x`)}\n\n${codeBlock(text)}\n\nend`, { async: false }) as string;
        expect(html.replace(/<code[^>]*>[\s\S]*?<\/code>/g, "").replace(/\s+/g, "")).toBe("<p></p><pre></pre><p>end</p>");
      }),
      { numRuns: 1000 },
    );
  });
});

describe("in a browser", () => {
  const chromium = requireOracle("chromium", "The report's page in a browser");

  test.runIf(chromium)("the page makes no request, fits 400 and 1280 pixels, and shows hostile text as text", async () => {
    const { chromium: browsers } = await import("playwright-core");
    const hostile = await reportOf({ ...good, samples: [{ stage: "generator", title: "raw message", text: HOSTILE }] }, "browser");
    const browser = await browsers.launch({ executablePath: chromium ?? "", args: ["--no-sandbox"] });
    try {
      for (const [width, colorScheme] of [
        [400, "dark"],
        [1280, "light"],
      ] as const) {
        const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
        const requests: string[] = [];
        const complaints: string[] = [];
        page.on("request", (request) => requests.push(request.url()));
        page.on("console", (message) => complaints.push(message.text()));
        await page.goto(`file://${path.join(hostile.out, "report.html")}`);
        expect(requests).toHaveLength(1);
        expect(complaints).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
        expect(await page.locator("svg").count()).toBe(9);
        expect(await page.getByText("<img src=x onerror=").count()).toBeGreaterThan(0);
        await page.close();
      }
    } finally {
      await browser.close();
    }
  });
});
