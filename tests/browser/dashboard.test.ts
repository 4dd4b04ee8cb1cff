import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { serveDashboard, type Dashboard } from "../../src/dashboard/dashboard.ts";
import { CHROMIUM_FLAGS, captureScreenshots } from "../../src/dashboard/screenshot.ts";
import { requireOracle } from "../oracle.ts";
import { alertSample, pipelineSample, snapshotSample, type PipelineSample } from "./pipeline-sample.ts";

const chromium = requireOracle("chromium", "the dashboard in a browser");

/** Everything that must never happen on the page, as text. */
interface Watched {
  readonly page: Page;
  readonly faults: string[];
}

describe.runIf(chromium)("A10: the dashboard in Chromium", () => {
  let browser: Browser;
  let sample: PipelineSample;
  let dashboard: Dashboard;
  const pages: Page[] = [];

  beforeAll(async () => {
    const playwright = await import("playwright-core");
    browser = await playwright.chromium.launch({ executablePath: chromium ?? "", args: [...CHROMIUM_FLAGS] });
  });
  afterAll(() => browser?.close());

  afterEach(async () => {
    for (const page of pages.splice(0)) await page.context().close();
    await dashboard.close();
  });

  async function serve(port = 0): Promise<void> {
    sample = pipelineSample(11, Date.now(), 60);
    dashboard = await serveDashboard(sample, "127.0.0.1:27017", { port });
  }

  async function open(options: BrowserContextOptions = {}): Promise<Watched> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    pages.push(page);
    const faults: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) faults.push(message.text());
    });
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("dialog", (dialog) => {
      faults.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(dashboard.url)) faults.push(`left the origin: ${request.url()}`);
    });
    await page.addInitScript(`
      window.shift = 0;
      new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shift += entry.value; }).observe({ type: "layout-shift", buffered: true });
      document.addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective + " " + event.blockedURI));
    `);
    await page.goto(dashboard.url);
    await page.waitForSelector("html[data-painted]");
    return { page, faults };
  }

  const count = (page: Page, selector: string): Promise<number> => page.locator(selector).count();
  const painted = async (page: Page): Promise<number> => Number(await page.locator("html").getAttribute("data-painted"));
  const statusText = (page: Page, text: RegExp): Promise<void> =>
    page.locator("#connection-text").filter({ hasText: text }).waitFor({ timeout: 15_000 });

  test("shows its title, both graphs' titles, every figure of the snapshot, and draws what the database holds", async () => {
    await serve();
    const { page, faults } = await open();
    expect(await page.title()).toBe("Real-time IoT Sensor Monitoring");
    const text = await page.locator("body").innerText();
    for (const part of [
      "Real-time IoT Sensor Monitoring",
      "Real-time Sensor Metrics",
      "Anomaly Detection Alerts",
      "sensor-data-2",
      "document server",
      "generator",
    ]) {
      expect(text).toContain(part);
    }
    // 100 rows are six whole window starts and four rows of a seventh, which is left out; one point for each of four types.
    expect(await count(page, "#live-metrics .scatterlayer .point")).toBe(6 * 4);
    expect(await count(page, "#live-metrics .scatterlayer .js-line")).toBe(4);
    expect(await count(page, "#anomaly-chart .barlayer .point")).toBe(50);
    expect(await count(page, "#trends svg.lines path[d^=M]")).toBe(3 + 3 + 2);
    expect(await count(page, "#lag progress")).toBe(6);
    expect(await page.locator("#rate-in .value").innerText()).toMatch(/^(99\d|1,00\d|1,010)/);
    expect(faults).toEqual([]);
  });

  test("bars of irregular timestamps are wide enough to see, and lie over one another instead of stacking", async () => {
    await serve();
    const now = Date.now();
    sample.alertRows = Array.from({ length: 50 }, (_, i) => alertSample(60 + (i % 40), now - Math.floor(i / 2) ** 2 - (i % 2), i));
    const { page } = await open();
    const boxes = (await page.evaluate(
      `[...document.querySelectorAll("#anomaly-chart .barlayer .point path")].map((one) => one.getBoundingClientRect().toJSON())`,
    )) as { width: number; bottom: number }[];
    expect(boxes).toHaveLength(50);
    expect(Math.min(...boxes.map((box) => box.width))).toBeGreaterThan(2);
    const plot = await page.locator("#anomaly-chart").boundingBox();
    for (const box of boxes) expect(box.bottom).toBeGreaterThan((plot?.y ?? 0) + 200);
  });

  test("what changes in the database arrives, is timed from event to screen, and a location can be chosen", async () => {
    await serve();
    const { page, faults } = await open();
    expect(await page.locator("#event-screen .value").innerText()).toMatch(/^–/);
    const eventMs = Date.now();
    sample.alertRows = [{ ...alertSample(97.31, eventMs, 500), sensorId: "sensor_newest" }, ...sample.alertRows.slice(1)];
    await page.locator("#latest-alerts", { hasText: "sensor_newest" }).waitFor();
    await page.waitForSelector("#event-screen:not([data-empty])");
    const shownMs = Number((await page.locator("#event-screen .value span").first().innerText()).replace(",", ""));
    expect(shownMs).toBeGreaterThan(0);
    expect(shownMs).toBeLessThanOrEqual(Date.now() - eventMs);
    await page.selectOption("#location", "office");
    await page.locator("#live-metrics-note", { hasText: "office" }).waitFor();
    await page.locator("#live-metrics-legend button", { hasText: "humidity" }).click();
    await expect.poll(() => count(page, "#live-metrics .scatterlayer .js-line")).toBe(3);
    expect(faults).toEqual([]);
  });

  test("the lab's refresh of 5 s holds what arrives until it is due", async () => {
    await serve();
    const { page } = await open();
    await page.selectOption("#refresh", { label: "5 s" });
    const before = await painted(page);
    sample.snapshotRows = [...sample.snapshotRows, snapshotSample(0.2, Date.now(), 61)];
    await expect.poll(() => painted(page), { timeout: 10_000 }).toBeGreaterThan(before);
    const after = await painted(page);
    sample.snapshotRows = [...sample.snapshotRows, snapshotSample(0.9, Date.now(), 62)];
    await expect.poll(() => painted(page), { timeout: 10_000 }).toBeGreaterThan(after);
    expect((await painted(page)) - after).toBeGreaterThan(4_000);
  });

  test("F13: without the database the page says since when, keeps the data, and is fresh again after", async () => {
    await serve();
    const { page, faults } = await open();
    sample.failure = Object.assign(new Error("away"), { code: "ECONNREFUSED" });
    await statusText(page, /^Stale since \d\d:\d\d:\d\d: MongoDB unreachable$/);
    expect(await count(page, "#anomaly-chart .barlayer .point")).toBe(50);
    expect(await page.locator("#services .down").innerText()).toBe("down");
    sample.failure = undefined;
    sample.snapshotRows = [...sample.snapshotRows, snapshotSample(0.5, Date.now(), 70)];
    await statusText(page, /^Live, /);
    expect(faults).toEqual([]);
  });

  test("snapshots that stop make the page stale", async () => {
    await serve();
    sample.snapshotRows = [snapshotSample(0.5, Date.now() - 60_000, 1)];
    const { page } = await open();
    await statusText(page, /^Stale since \d\d:\d\d:\d\d: no snapshots$/);
  });

  test("a restart of the server: the page says that it is stale, reconnects by itself and shows new data", async () => {
    await serve();
    const { page } = await open();
    const { port } = dashboard;
    await dashboard.close();
    await statusText(page, /^Stale since \d\d:\d\d:\d\d: reconnecting$/);
    await serve(port);
    sample.alertRows = [{ ...alertSample(97, Date.now(), 500), sensorId: "sensor_after_restart" }];
    await statusText(page, /^Live, /);
    await page.locator("#latest-alerts", { hasText: "sensor_after_restart" }).waitFor();
    expect(await count(page, "#anomaly-chart .barlayer .point")).toBe(1);
  });

  test("S5: hostile text from a topic is shown as text, in tables, legends, options and labels, and nothing runs", async () => {
    await serve();
    const image = '<img src=x onerror="alert(1)">';
    const link = '<a href="https://evil.example/">click</a>';
    sample.alertRows = sample.alertRows.map((row) => ({ ...row, sensorId: image, location: link, alertType: "<script>alert(2)</script>" }));
    sample.metricRows = sample.metricRows.map((row) => ({
      ...row,
      location: `${image}${link}`,
      sensorType: row.sensorType === "humidity" ? link : row.sensorType,
    }));
    sample.snapshotRows = [
      { ...snapshotSample(0.5, Date.now(), 1), services: [{ name: image, address: link, state: "down", sinceMs: 0 }] },
    ];
    const { page, faults } = await open();
    await page.locator("#latest-alerts", { hasText: image }).waitFor();
    expect(await page.locator("#services").innerText()).toContain(link);
    expect(await page.locator("#live-metrics-legend").innerText()).toContain(link);
    expect(await page.locator("#location").innerText()).toContain(image);
    await page.locator("#anomaly-chart").scrollIntoViewIfNeeded();
    const bar = await page.locator("#anomaly-chart .barlayer .point").nth(20).boundingBox();
    await page.mouse.move((bar?.x ?? 0) + 3, (bar?.y ?? 0) + (bar?.height ?? 0) - 2, { steps: 3 });
    await page.locator("#anomaly-chart .hoverlayer .hovertext", { hasText: "<img src=x" }).waitFor();
    await page.locator("#live-metrics .scatterlayer .point").first().scrollIntoViewIfNeeded();
    const point = await page.locator("#live-metrics .scatterlayer .point").first().boundingBox();
    await page.mouse.move((point?.x ?? 0) + 3, (point?.y ?? 0) + 3, { steps: 3 });
    await page.locator("#live-metrics .hoverlayer .hovertext", { hasText: "<img src=x" }).waitFor();
    expect(await count(page, "main img, main a, main script, main iframe, main [onerror]")).toBe(0);
    expect(faults).toEqual([]);
  });

  test("before the first batch every part says what it waits for, and data that come move nothing", async () => {
    await serve();
    const { metricRows, alertRows, snapshotRows } = sample;
    Object.assign(sample, { metricRows: [], alertRows: [], snapshotRows: [] });
    const { page, faults } = await open();
    const text = await page.locator("main").innerText();
    for (const part of [
      "No windows yet: waiting for the first batch",
      "No alerts yet: waiting for the first anomaly",
      "No query yet",
      "Waiting for the generator",
    ]) {
      expect(text).toContain(part);
    }
    Object.assign(sample, { metricRows, alertRows, snapshotRows });
    await page.waitForSelector("#anomaly-chart .barlayer .point");
    await statusText(page, /^Live, /);
    expect(await page.evaluate("window.shift")).toBeLessThan(0.02);
    expect(faults).toEqual([]);
  });

  test.each([
    [1280, "light"],
    [400, "light"],
    [400, "dark"],
  ] as const)("at %i pixels, %s, nothing scrolls sideways and every control is reached by keyboard", async (width, colorScheme) => {
    await serve();
    const { page, faults } = await open({ viewport: { width, height: 800 }, colorScheme });
    expect(await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBe(0);
    const reached = new Set<string>();
    for (let i = 0; i < 20; i++) {
      await page.keyboard.press("Tab");
      reached.add(
        String(await page.evaluate("document.activeElement.id || document.activeElement.dataset.key || document.activeElement.className")),
      );
    }
    expect([...reached]).toEqual(expect.arrayContaining(["skip", "refresh", "location", "temperature", "CRITICAL", "scroll"]));
    const ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    expect(ground).toBe(colorScheme === "dark" ? "rgb(14, 19, 25)" : "rgb(245, 246, 248)");
    expect(faults).toEqual([]);
  });

  test("A12.5: pictures of dashboard and monitoring are taken", async () => {
    await serve();
    const outDir = await mkdtemp(path.join(tmpdir(), "streamlab-pictures-"));
    try {
      const pictures = await captureScreenshots({ url: dashboard.url, outDir, chromium });
      for (const file of [pictures?.dashboard, pictures?.monitoring]) expect((await stat(file ?? "")).size).toBeGreaterThan(20_000);
    } finally {
      await rm(outDir, { recursive: true });
    }
  });
});
