import { createAdaptorServer } from "@hono/node-server";
import { createServer, get, request, type IncomingMessage, type Server } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { alertSample, pipelineSample, type PipelineSample } from "../../tests/browser/pipeline-sample.ts";
import { systemClock } from "../base/clock.ts";
import { createApp } from "./app.ts";
import { serveDashboard, startDashboard, type Dashboard } from "./dashboard.ts";
import { Feed } from "./feed.ts";
import { captureScreenshots } from "./screenshot.ts";
import { CONTENT_SECURITY_POLICY } from "./security.ts";

const ends: (() => unknown)[] = [];
let sample: PipelineSample;

async function serve(): Promise<Dashboard> {
  sample = pipelineSample(5, Date.now(), 5);
  const dashboard = await serveDashboard(sample, "db:1", { port: 0, refreshMs: 10 });
  ends.push(() => dashboard.close());
  return dashboard;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

function ask(dashboard: Dashboard, path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: dashboard.host, port: dashboard.port, path, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    asking.on("error", reject).end();
  });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("not reached in 10 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("routes", () => {
  test("every answer, refusals included, carries the policy, nosniff and no CORS header", async () => {
    const dashboard = await serve();
    for (const path of ["/", "/assets/page.css", "/assets/main.js", "/api/metrics", "/api/metrics?x=1", "/healthz", "/nothing"]) {
      const { headers } = await ask(dashboard, path);
      expect(headers, path).toMatchObject({
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
      });
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("the page has no inline script, style or handler", async () => {
    const page = (await ask(await serve(), "/")).body.toString();
    expect(page).toContain("Real-time IoT Sensor Monitoring");
    expect(page).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=/);
  });

  test("Plotly is compressed, kept for good, and whole", async () => {
    const dashboard = await serve();
    const path = /\/assets\/plotly-[\d.]+\.js/.exec((await ask(dashboard, "/")).body.toString())?.[0] ?? "";
    const small = await ask(dashboard, path, { "accept-encoding": "gzip, br" });
    expect(small.headers).toMatchObject({
      "content-encoding": "gzip",
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
    });
    expect(small.body.length).toBeLessThan(4_000_000);
    const whole = await ask(dashboard, path);
    expect(whole.headers["content-encoding"]).toBeUndefined();
    expect(whole.body.length).toBeGreaterThan(9_000_000);
    expect((await ask(dashboard, path, { "if-none-match": String(small.headers.etag) })).status).toBe(304);
  });

  test("assets are the listed files only", async () => {
    const dashboard = await serve();
    for (const path of ["/assets/../dashboard.ts", "/assets/%2e%2e/dashboard.ts", "/assets/tsconfig.json", "/assets/", "/package.json"]) {
      expect((await ask(dashboard, path)).status, path).toBe(404);
    }
  });

  test("the API answers with rows and reads its filters", async () => {
    const dashboard = await serve();
    const json = async (path: string): Promise<Record<string, unknown>> =>
      JSON.parse((await ask(dashboard, path)).body.toString()) as Record<string, never>;
    expect((await json("/api/metrics?limit=7")).metrics).toHaveLength(7);
    const humid = (await json("/api/metrics?sensor_type=humidity&location=office")).metrics as { sensorType: string }[];
    expect(new Set(humid.map((row) => row.sensorType))).toEqual(new Set(["humidity"]));
    const critical = (await json("/api/alerts?alert_type=CRITICAL")).alerts as { alertType: string }[];
    expect(critical.every((row) => row.alertType === "CRITICAL")).toBe(true);
    expect(await json("/api/snapshot")).toEqual({ snapshot: sample.snapshotRows.at(-1) });
    expect(await json("/healthz")).toMatchObject({ status: "ok", clients: 0 });
  });

  test.each([
    "/api/metrics?limit=0",
    "/api/metrics?limit=501",
    "/api/metrics?limit=1e2",
    "/api/metrics?limit=%205",
    "/api/metrics?limit=5&limit=6",
    "/api/metrics?sensor_type=other",
    "/api/metrics?sensor_type[$ne]=humidity",
    "/api/metrics?location[$gt]=",
    "/api/metrics?$where=1",
    "/api/metrics?__proto__=1",
    "/api/alerts?alert_type=critical",
    "/api/alerts?alert_type=CRITICAL&alert_type=INFO",
    "/api/snapshot?limit=1",
  ])("S3: %s is refused", async (path) => {
    const dashboard = await serve();
    expect((await ask(dashboard, path)).status).toBe(400);
    expect(sample.reads).toBe(0);
  });

  test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("S4: %s is refused", async (method) => {
    const answer = await ask(await serve(), "/api/metrics", {}, method);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
  });

  test("HEAD asks for headers of everything but the stream, where it would hold a place that nobody reads", async () => {
    const dashboard = await serve();
    expect((await ask(dashboard, "/", {}, "HEAD")).status).toBe(200);
    expect((await ask(dashboard, "/events", {}, "HEAD")).status).toBe(405);
    expect(JSON.parse((await ask(dashboard, "/healthz")).body.toString())).toMatchObject({ clients: 0 });
  });

  test.each(["/", "/events", "/api/metrics", "/healthz"])("S4: another host name gets nothing of %s", async (path) => {
    const answer = await ask(await serve(), path, { host: "evil.example:8050" });
    expect(answer.status).toBe(403);
    expect(sample.reads).toBe(0);
  });

  test("S4: another origin gets neither stream nor data", async () => {
    const dashboard = await serve();
    for (const path of ["/events", "/api/metrics"]) {
      expect((await ask(dashboard, path, { origin: "http://evil.example" })).status).toBe(403);
      expect((await ask(dashboard, path, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    }
  });

  test("a database that is away is a 503 without its words", async () => {
    const dashboard = await serve();
    sample.failure = new Error("mongodb://user:secret@db");
    const answer = await ask(dashboard, "/api/metrics");
    expect(answer.status).toBe(503);
    expect(answer.body.toString()).not.toContain("secret");
  });
});

describe("the stream", () => {
  test("is an event stream that opens with the retry time and a whole frame, then follows changes", async () => {
    const dashboard = await serve();
    let text = "";
    const asking = get({ host: dashboard.host, port: dashboard.port, path: "/events", agent: false }, (answer) => {
      expect(answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    });
    asking.on("error", () => {});
    ends.push(() => asking.destroy());
    await until(() => text.includes('"metrics"') && text.endsWith("\n\n"));
    expect(text).toMatch(/^retry: 1000\n\nid: \d+\nevent: frame\ndata: \{/);
    const length = text.length;
    sample.alertRows = [alertSample(99, Date.now(), 77)];
    await until(() => text.length > length && text.endsWith("\n\n"));
    expect(text.slice(length)).not.toContain('"metrics"');
    asking.destroy();
    await until(async () => (JSON.parse((await ask(dashboard, "/healthz")).body.toString()) as { clients: number }).clients === 0);
  });

  test("F30: sockets that never read and a hundred pages leave the others served, and the next page is told to wait", async () => {
    const dashboard = await serve();
    const sockets = Array.from({ length: 100 }, () => {
      const socket = connect(dashboard.port, dashboard.host);
      socket.on("error", () => {});
      socket.pause().write(`GET /events HTTP/1.1\r\nHost: ${dashboard.address}\r\n\r\n`);
      ends.push(() => socket.destroy());
      return socket;
    });
    const clients = async (): Promise<number> =>
      (JSON.parse((await ask(dashboard, "/healthz")).body.toString()) as { clients: number }).clients;
    await until(async () => (await clients()) === 100);
    const refused = await ask(dashboard, "/events");
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
    expect((await ask(dashboard, "/api/metrics")).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await until(async () => (await clients()) === 0);
  });
});

describe("F30: a reader that stops reading", () => {
  test("is cut off with its socket once it has taken nothing for the allowed time", async () => {
    const source = pipelineSample(5, Date.now(), 5);
    const feed = new Feed({ source, clock: systemClock, databaseAddress: "db:1", refreshMs: 5, slowMs: 300 });
    const app = createApp({ feed, source, clock: systemClock, assets: new Map(), hosts: () => new Set(["test"]) });
    const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(
      () => server.close(),
      () => server.closeAllConnections(),
      () => feed.close(),
    );
    const socket = connect((server.address() as { port: number }).port, "127.0.0.1");
    ends.push(() => socket.destroy());
    socket.on("error", () => {});
    socket.pause().write("GET /events HTTP/1.1\r\nHost: test\r\n\r\n");
    await until(() => feed.clients === 1);
    let n = 0;
    await until(() => {
      source.alertRows = [{ ...alertSample(95, n, n++), sensorId: `${n}${"x".repeat(4_000_000)}` }];
      return feed.clients === 0;
    });
    await until(async () => new Promise((resolve) => server.getConnections((_, open) => resolve(open === 0))));
  });
});

describe("ports and ends", () => {
  test("F30: a port that was asked for and is taken is named, with its holder", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    ends.push(() => holder.close());
    const { port } = holder.address() as { port: number };
    const starting = serveDashboard(pipelineSample(1, 0, 1), "db:1", { port });
    await expect(starting).rejects.toMatchObject({
      code: "PORT_IN_USE",
      problem: { failed: `Cannot serve the dashboard on port ${port}` },
    });
    if (process.platform === "linux") await expect(starting).rejects.toThrow(`(pid ${process.pid})`);
  });

  test("without a wish the dashboard finds a port even if 8050 is taken", async () => {
    const first = await serveDashboard(pipelineSample(1, 0, 1), "db:1", {});
    ends.push(() => first.close());
    const second = await serveDashboard(pipelineSample(1, 0, 1), "db:1", {});
    ends.push(() => second.close());
    expect(second.port).not.toBe(first.port);
    expect((await ask(second, "/healthz")).status).toBe(200);
  });

  test("S4: it serves loopback only", async () => {
    await expect(serveDashboard(pipelineSample(1, 0, 1), "db:1", { host: "0.0.0.0", port: 0 })).rejects.toMatchObject({
      code: "NOT_LOOPBACK",
    });
  });

  test("an address that is no URI is refused, and no password is repeated", async () => {
    await expect(startDashboard({ mongoUri: "postgres://me:secret@db/x", port: 0 })).rejects.toMatchObject({ code: "INVALID_URI" });
    await expect(startDashboard({ mongoUri: "postgres://me:secret@db/x", port: 0 })).rejects.not.toThrow("secret");
  });

  test("an aborted signal closes the port with pages still connected", async () => {
    const ending = new AbortController();
    const dashboard = await serveDashboard(pipelineSample(1, 0, 1), "db:1", { port: 0, signal: ending.signal });
    let ended = false;
    get({ host: dashboard.host, port: dashboard.port, path: "/events", agent: false }, (answer) => {
      answer.resume().on("close", () => (ended = true));
    }).on("error", () => (ended = true));
    await until(async () => (JSON.parse((await ask(dashboard, "/healthz")).body.toString()) as { clients: number }).clients === 1);
    ending.abort();
    await dashboard.close();
    await until(() => ended);
    await expect(ask(dashboard, "/healthz")).rejects.toThrow("ECONNREFUSED");
  });

  test("no pictures without a Chromium", async () => {
    expect(await captureScreenshots({ url: "http://127.0.0.1:1/", outDir: "never", chromium: undefined })).toBeUndefined();
  });
});
