import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";

/** The files that `captureScreenshots` wrote. */
export interface Screenshots {
  /** The head of the page with both graphs. */
  readonly dashboard: string;
  /** The monitoring below it: throughput, latency, batches, queries, lag, processes, services. */
  readonly monitoring: string;
  /** Event → screen of the alerts that arrived meanwhile, milliseconds each, as the page measured them. */
  readonly arrivalsMs: readonly number[];
}

export interface ScreenshotOptions {
  readonly url: string;
  /** The two files are written there: screenshot-dashboard.png, screenshot-monitoring.png. */
  readonly outDir: string;
  /** The path of a Chromium, or undefined where the machine has none. */
  readonly chromium: string | undefined;
  /** CSS pixels, 1280 by default. */
  readonly width?: number;
  /** Milliseconds to wait for the page to draw, 15 000 by default. */
  readonly timeoutMs?: number;
  /** Ends the browser; the pictures are then given up. */
  readonly signal?: AbortSignal;
}

/** How long a picture waits for a first alert to arrive and be timed; in a run that is over none will. */
const ARRIVAL_MS = 3_000;

/** Pixels around the monitoring section. */
const MARGIN = 14;

/** The flags under which Chromium runs without a display, a sandbox (root, containers) or a network. */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Pictures of a running dashboard for the report (A12.5). Undefined where Chromium or playwright-core is missing: the report then says so.
 * A page that does not draw in time throws, as does an abort. Signals to this process are left to it: playwright would end it by itself.
 */
export async function captureScreenshots(options: ScreenshotOptions): Promise<Screenshots | undefined> {
  const { url, outDir, chromium, width = 1280, timeoutMs = 15_000, signal } = options;
  const playwright = chromium === undefined ? undefined : await import("playwright-core").catch(() => undefined);
  if (chromium === undefined || playwright === undefined) return undefined;
  await mkdir(outDir, { recursive: true });
  const files = { dashboard: path.join(outDir, "screenshot-dashboard.png"), monitoring: path.join(outDir, "screenshot-monitoring.png") };
  let arrivalsMs: number[] = [];
  const patient = await patientChromium(chromium);
  let browser: Browser | undefined;
  const end = (): void => void browser?.close().catch(() => undefined);
  signal?.addEventListener("abort", end, { once: true });
  try {
    browser = await playwright.chromium.launch({
      executablePath: patient.path,
      args: [...CHROMIUM_FLAGS],
      env: { ...definedEnvironment(), ...patient.env },
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    signal?.throwIfAborted();
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: "light", reducedMotion: "reduce" });
    page.setDefaultTimeout(timeoutMs);
    await page.goto(url, { waitUntil: "load" });
    await page.waitForSelector("html[data-painted]");
    await page.waitForSelector("#event-screen:not([data-empty])", { timeout: ARRIVAL_MS }).catch(() => undefined);
    for (const [section, file] of [
      ["#overview", files.dashboard],
      ["#monitoring", files.monitoring],
    ] as const) {
      const box = (await page.locator(section).boundingBox()) ?? { y: 0, height: 900 };
      const top = section === "#overview" ? 0 : Math.floor(box.y - MARGIN);
      const clip = { x: 0, y: top, width, height: Math.ceil(box.y + box.height + MARGIN) - top };
      await page.screenshot({ path: file, fullPage: true, clip });
    }
    const samples = await page.locator("#event-screen").getAttribute("data-samples-ms");
    arrivalsMs = (samples ?? "").split(" ").filter(Boolean).map(Number);
  } finally {
    signal?.removeEventListener("abort", end);
    await browser?.close();
    await patient.remove();
  }
  return { ...files, arrivalsMs };
}

/**
 * The browser at the lowest priority: a picture of a running pipeline must not slow the pipeline down. Linux shares the processor among sessions
 * before it looks at `nice`, so the browser's own session gets the lowest share as well.
 */
const PATIENTLY = `#!/bin/sh
[ "$(ps -o sid= -p $$ 2>/dev/null | tr -d ' ')" = "$$" ] && echo 19 2>/dev/null > /proc/$$/autogroup
exec nice -n 19 "$STREAMLAB_CHROMIUM" "$@"
`;

async function patientChromium(
  chromium: string,
): Promise<{ readonly path: string; readonly env: Record<string, string>; remove(): Promise<void> }> {
  if (process.platform === "win32") return { path: chromium, env: {}, remove: () => Promise.resolve() };
  const folder = await mkdtemp(path.join(tmpdir(), "streamlab-chromium-"));
  const script = path.join(folder, "chromium");
  await writeFile(script, PATIENTLY, { mode: 0o755 });
  return { path: script, env: { STREAMLAB_CHROMIUM: chromium }, remove: () => rm(folder, { recursive: true, force: true }) };
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
