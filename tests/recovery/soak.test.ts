import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { type TestCluster, startTestCluster } from "../../src/kafka/test-cluster.ts";
import type { SoakLine } from "./soak-job.ts";
import { CODE_CACHE } from "./storm-harness.ts";

/** How long the flood lasts; STREAMLAB_SOAK_SECONDS makes it longer. */
const SECONDS = Number(process.env.STREAMLAB_SOAK_SECONDS ?? 8);
/** Before this part of the time has passed, compilers and heaps still grow to their size. */
const WARM_UP = 0.4;
const MOST_ROWS = 500;
const SINK_MS = 60;
/** What memory may grow by after the warm-up. A batch that is kept is 0.5 MiB, and a free machine makes 25 in a second: 40 MiB in 8 s, far more in a longer soak. */
const MOST_GROWTH = 30 * 2 ** 20;
const MOST_RSS = 400 * 2 ** 20;

let cluster: TestCluster;
let job: ChildProcess | undefined;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(async () => {
  job?.kill("SIGKILL");
  await cluster.close();
});

test(
  `F27: a slow sink and a fast producer for ${SECONDS} s: every batch is capped, nothing is lost, the memory of the process stays flat`,
  { timeout: 60_000 + SECONDS * 2000 },
  async () => {
    const topic = "flood";
    await cluster.client.topics.create({ topic, partitions: 1 });
    const args = [path.join(import.meta.dirname, "soak-job.ts"), cluster.address, topic, String(MOST_ROWS), String(SINK_MS)];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...CODE_CACHE } });
    job = child;
    const lines: (SoakLine & { readonly atMs: number })[] = [];
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    let told = (): void => {};
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push({ ...(JSON.parse(line) as SoakLine), atMs: performance.now() });
      told();
    });
    const news = (): Promise<unknown> => Promise.race([new Promise<void>((resolve) => (told = resolve)), ended]);

    const filler = "x".repeat(1000);
    let sent = 0;
    const send = (): Promise<void> =>
      cluster.append(
        topic,
        0,
        Array.from({ length: MOST_ROWS }, () => `${sent++} ${filler}`),
      );
    await send();
    while (lines.length === 0 && child.exitCode === null) await news();
    const began = performance.now();
    const behind: number[] = [];
    while (performance.now() - began < SECONDS * 1000 && child.exitCode === null) {
      const seen = lines.at(-1)?.next ?? 0;
      behind.push(sent - seen);
      if (sent - seen < 20 * MOST_ROWS) await send();
      else await systemClock.sleep(5);
    }
    const over = performance.now();
    child.stdin.end();
    expect(await ended).toBe(0);

    expect(lines.every((line) => line.inOrder)).toBe(true);
    expect(Math.max(...lines.map((line) => line.rows))).toBe(MOST_ROWS);
    expect(Math.max(...behind), "the producer is ahead of the sink").toBeGreaterThan(5 * MOST_ROWS);
    const flood = lines.filter((line) => line.atMs <= over);
    const warm = flood.filter((line) => line.atMs > began + SECONDS * 1000 * WARM_UP);
    expect(warm.length, "batches after the warm-up").toBeGreaterThan(SECONDS);
    const third = Math.ceil(warm.length / 3);
    const most = (part: typeof warm): number => Math.max(...part.map((line) => line.rssBytes));
    const [early, late] = [most(warm.slice(0, third)), most(warm.slice(-third))];
    process.stdout.write(
      `${lines.length} batches, ${lines.at(-1)?.next} rows; after the warm-up ${Math.round(early / 2 ** 20)} MiB, at the end ${Math.round(late / 2 ** 20)} MiB\n`,
    );
    expect(late - early).toBeLessThan(MOST_GROWTH);
    expect(late).toBeLessThan(MOST_RSS);
  },
);
