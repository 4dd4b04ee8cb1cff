import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeLatencyHistogram, latencyDistribution } from "../monitor/latency.ts";
import { simulateRun, type SimulatedRun } from "../monitor/simulated-run.ts";
import { alertsFigure } from "./alerts.ts";
import { architectureSvg, architectureText, drawArchitecture, type Architecture } from "./architecture.ts";
import { batchDurationFigure } from "./batch-duration.ts";
import { drawFigure, figureToSvg, rowsToCsv, type Figure } from "./figure.ts";
import { latencyDistributionFigure, latencyFigure } from "./latency.ts";
import { svgToPng } from "./render.ts";
import { resourcesFigure } from "./resources.ts";
import { batchDurationPoints, latencyPoints, resourcePoints, statePoints, throughputPoints } from "./series-points.ts";
import { stateFigure } from "./state.ts";
import { snapshotProblem } from "./svg-snapshot.ts";
import { throughputFigure } from "./throughput.ts";
import { windowsFigure } from "./windows.ts";

const WINDOWS = ["temperature", "humidity", "pressure", "vibration"].flatMap((sensorType, type) =>
  [4, 2, 0, 3, 1].map((index) => ({
    start: new Date(Date.UTC(2026, 0, 15, 9, 59, 30 * index)).toISOString(),
    sensorType,
    avgValue: 50 + ((index * 7 + type * 5) % 11) / 10,
  })),
);

const ARCHITECTURE: Architecture = {
  generator: { title: "Sensor generator", details: ["asked for 1,000 messages/s", "kafkajs, acks=all"] },
  broker: { title: "Kafka-protocol development broker (embedded)", details: ["127.0.0.1:9092"], topic: "sensor-data", partitions: 3 },
  engine: {
    title: "streamlab engine: Structured Streaming",
    details: ["micro-batches, watermark on event time, checkpoint"],
    queries: [
      { title: "metrics", details: ["sliding windows by type and location, update mode"], collection: "sensor_metrics" },
      { title: "alerts", details: ["status = anomaly: CRITICAL, WARNING, INFO; append mode"], collection: "anomaly_alerts" },
    ],
  },
  store: { title: "MongoDB-protocol development server (embedded)", details: ["127.0.0.1:27017, database iot_analytics"] },
  dashboard: { title: "Dashboard", details: ["http://127.0.0.1:8050"] },
  monitor: { title: "Monitor", details: ["rates, latency, lag, CPU and memory, each second"] },
};

const HOSTILE = `<img src=x onerror="alert(1)">&'`;

let run: SimulatedRun;
let figures: Figure[];

function figuresFrom({ series, latencies }: SimulatedRun): Figure[] {
  const distribution = [
    { kind: "documents, measured", encoded: latencies.storedUs },
    { kind: "window readings, estimated", encoded: latencies.estimateUs },
  ].flatMap(({ kind, encoded }) => latencyDistribution(decodeLatencyHistogram(encoded ?? "")).map((step) => ({ kind, ...step })));
  return [
    throughputFigure(throughputPoints(series), 1000),
    latencyFigure(latencyPoints(series)),
    latencyDistributionFigure(distribution, [
      { label: "p50", ms: 8 },
      { label: "p95", ms: 16.4 },
      { label: "p99", ms: 23 },
    ]),
    batchDurationFigure(batchDurationPoints(series)),
    resourcesFigure(resourcePoints(series)),
    stateFigure(statePoints(series)),
    windowsFigure(WINDOWS),
    alertsFigure({ CRITICAL: 291, WARNING: 310, INFO: 2402 }),
  ];
}

beforeAll(async () => {
  run = await simulateRun({ seconds: 20 });
  figures = figuresFrom(run);
});

describe("figures", () => {
  test("are drawn as they were when somebody last looked at them", async () => {
    const problems: string[] = [];
    for (const figure of figures) problems.push(snapshotProblem(figure.name, await figureToSvg(figure)) ?? "");
    problems.push(snapshotProblem("architecture", architectureSvg(ARCHITECTURE)) ?? "");
    expect(problems.filter(Boolean)).toEqual([]);
  });

  test("say in their titles what they show, and have units on their axes", () => {
    for (const { name, spec, data, description } of figures) {
      const text = JSON.stringify(spec);
      expect(text, name).toMatch(/"title":\{[^}]*"text":"[A-Z][^"]{8,}"/);
      if (!["windows", "alerts"].includes(name)) expect(text, name).toMatch(/\((s|ms|MB|% of one core)[^)]*\)/);
      expect(data.length, name).toBeGreaterThan(0);
      expect(description, name).toMatch(/^[A-Z].*\.$/);
    }
  });

  test("need nothing from outside: data inside, no URL to load", () => {
    for (const { name, spec } of figures)
      expect(JSON.stringify(spec).replace(/"\$schema":"[^"]*"/, ""), name).not.toMatch(/https?:|"url":/);
  });

  test("can be drawn from hostile names: they stay text", async () => {
    const hostile = [
      throughputFigure(
        [
          { seconds: 0, flow: HOSTILE, perSecond: 5 },
          { seconds: 1, flow: HOSTILE, perSecond: 6 },
        ],
        10,
      ),
      resourcesFigure([{ seconds: 0, process: HOSTILE, cpuPercent: 5, rssMb: 10 }]),
      windowsFigure([{ start: "2026-01-01T00:00:00Z", sensorType: HOSTILE, avgValue: 1 }]),
      alertsFigure({ [HOSTILE]: 3 }),
    ];
    const architecture = architectureSvg({ ...ARCHITECTURE, broker: { ...ARCHITECTURE.broker, title: HOSTILE, topic: HOSTILE } });
    for (const svg of [...(await Promise.all(hostile.map(figureToSvg))), architecture]) {
      expect(svg).not.toContain("<img");
      expect(svg.replace(/="[^"]*"/g, "")).not.toMatch(/<[^>]*\son\w+/);
      expect(svg).toContain("&lt;img");
    }
  });

  test("can be drawn from little: one point, zeros, no alerts", async () => {
    for (const figure of [
      throughputFigure([{ seconds: 0, flow: "in", perSecond: 0 }], 1000),
      latencyFigure([{ seconds: 0, p50: 0, p95: 0, p99: 0 }]),
      latencyFigure([{ seconds: 0, p50: 5000, p95: 90_000, p99: 3_000_000 }]),
      latencyDistributionFigure([{ kind: "a", share: 1, ms: 0 }], []),
      alertsFigure({}),
      stateFigure([{ seconds: 0, query: "q", stateRows: 0, watermarkLagSeconds: null, lag: 0 }]),
    ]) {
      const svg = await figureToSvg(figure);
      expect(svg, figure.name).toContain("</svg>");
      expect(svg, figure.name).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  test("can stand in one page: identifiers of two figures never meet", async () => {
    const ids = (svg: string): string[] => [...svg.matchAll(/\bid="([^"]+)"/g)].map((match) => match[1] ?? "");
    const all = (await Promise.all(figures.map(figureToSvg))).flatMap((svg) => [...new Set(ids(svg))]);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("a drawn figure", () => {
  test("lies in its folder as SVG, PNG, CSV and JSON, and comes back as one MIME bundle", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "figures-"));
    try {
      const figure = alertsFigure({ CRITICAL: 1, WARNING: 2, INFO: 17 });
      const drawn = await drawFigure(figure, path.join(folder, "deep"));
      expect((await readdir(path.join(folder, "deep"))).sort()).toEqual(["alerts.csv", "alerts.json", "alerts.png", "alerts.svg"]);
      expect(drawn.bundle["application/vnd.vegalite.v5+json"]).toBe(figure.spec);
      expect(drawn.bundle["image/svg+xml"]).toBe(await readFile(drawn.files.svg, "utf8"));
      expect(drawn.bundle["text/plain"]).toBe("Stored alerts by type: CRITICAL 1 (5.0 %), WARNING 2 (10.0 %), INFO 17 (85.0 %).");
      expect(await readFile(drawn.files.csv, "utf8")).toBe(
        "type,alerts,share,expectedShare\nCRITICAL,1,0.05,0.1\nWARNING,2,0.1,0.1\nINFO,17,0.85,0.8\n",
      );
      const png = await readFile(drawn.files.png);
      expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1600, 560]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("has its text in the PNG, without any font of the system", async () => {
    const svg = await figureToSvg(alertsFigure({ CRITICAL: 1, WARNING: 2, INFO: 17 }));
    const [withText, without] = [await svgToPng(svg), await svgToPng(svg.replace(/<text[\s\S]*?<\/text>/g, ""))];
    expect(withText.length).toBeGreaterThan(without.length * 1.5);
  });

  test("keeps its numbers in the CSV, quoted where they must be", () => {
    expect(
      rowsToCsv([
        { a: 'x, "y"', b: 1.5 },
        { a: "=2+2", b: null },
      ]),
    ).toBe('a,b\n"x, ""y""",1.5\n\'=2+2,\n');
    expect(rowsToCsv([])).toBe("\n");
  });
});

describe("points from the series", () => {
  test("throughput comes from totals, so that it adds up to what was acknowledged", () => {
    const points = throughputPoints(run.series).filter((point) => point.flow.startsWith("acknowledged"));
    expect(points.reduce((sum, point) => sum + point.perSecond, 0)).toBeCloseTo(run.acknowledged, 3);
  });

  test("a process that is missing in a sample used nothing then", () => {
    const [first] = run.series;
    if (!first) throw new Error("no series");
    const later = { ...first, elapsedMs: 1000, resources: [{ process: "late", pid: 9, cpuPercent: 5, rssMb: 7 }] };
    expect(resourcePoints([first, later]).filter((point) => point.process === "late")).toEqual([
      { seconds: 0, process: "late", cpuPercent: 0, rssMb: 0 },
      { seconds: 1, process: "late", cpuPercent: 5, rssMb: 7 },
    ]);
  });
});

describe("the architecture", () => {
  test("names every part, with its address", () => {
    const svg = architectureSvg(ARCHITECTURE);
    for (const text of [
      "127.0.0.1:9092",
      "127.0.0.1:27017",
      "127.0.0.1:8050",
      "sensor_metrics",
      "anomaly_alerts",
      "P0",
      "P1",
      "P2",
      "metrics",
      "alerts",
    ])
      expect(svg).toContain(text);
    expect(architectureText(ARCHITECTURE)).toContain("topic sensor-data with 3 partitions");
  });

  test("stays drawable without a dashboard, with many partitions, with one query", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "architecture-"));
    try {
      const [query] = ARCHITECTURE.engine.queries;
      const drawn = await drawArchitecture(
        {
          ...ARCHITECTURE,
          dashboard: null,
          broker: { ...ARCHITECTURE.broker, partitions: 64 },
          engine: { ...ARCHITECTURE.engine, queries: query ? [query] : [] },
        },
        folder,
      );
      expect(drawn.svg).toContain("… 63");
      expect(drawn.svg).not.toMatch(/NaN|Infinity|undefined|Dashboard/);
      expect(drawn.bundle["application/vnd.vegalite.v5+json"]).toBeUndefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test("windows of several locations become one point for each start and type", () => {
  const start = "2026-01-15T10:00:00Z";
  const figure = windowsFigure([
    { start, sensorType: "humidity", avgValue: 40 },
    { start, sensorType: "humidity", avgValue: 60 },
    { start, sensorType: "pressure", avgValue: 10 },
  ]);
  expect(figure.data).toEqual([
    { start, sensorType: "humidity", avgValue: 50 },
    { start, sensorType: "pressure", avgValue: 10 },
  ]);
});
