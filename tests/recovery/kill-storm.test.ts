import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createRandom } from "../../src/base/random.ts";
import { type TestCluster, startTestCluster } from "../../src/kafka/test-cluster.ts";
import { type StormProcess, startStorm, stormRecount, stormResults } from "./storm-harness.ts";
import { STORM_BATCHES, STORM_JOBS, stormJob, stormSteps } from "./storm-job.ts";

/** 60 seeds, or as many as STREAMLAB_STORM_SEEDS says, or the one of STREAMLAB_SEED. */
const SEEDS = process.env.STREAMLAB_SEED
  ? [Number(process.env.STREAMLAB_SEED)]
  : Array.from({ length: Number(process.env.STREAMLAB_STORM_SEEDS ?? 60) }, (_, i) => i + 1);
const LANES = 2;
/** About what a batch takes, so that a kill hits any moment of one. */
const JITTER_MS = 12;

let folder = "";
const running = new Set<StormProcess>();
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-storm-"));
  expect(await start(folder, []).ended).toBe("0");
});
afterAll(async () => {
  for (const process of running) await process.kill();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

function start(...args: Parameters<typeof startStorm>): StormProcess {
  const started = startStorm(...args);
  running.add(started);
  void started.ended.then(() => running.delete(started));
  return started;
}

/** Runs the jobs of some seeds one after the other, kills each once or more, and lets it end; the differences from the recount by seed. */
async function lane(seeds: readonly number[]): Promise<{ readonly kills: number; readonly wrong: readonly string[] }> {
  let kills = 0;
  const wrong: string[] = [];
  let engine: StormProcess | undefined;
  for (const [i, seed] of seeds.entries()) {
    const random = createRandom(seed).fork("kills");
    for (let left = random.next() < 0.3 ? 2 : 1; left > 0; left--) {
      engine ??= start(folder, seeds.slice(i));
      await engine.reached(random.below(STORM_BATCHES - 1) - 1);
      await systemClock.sleep(random.between(0, JITTER_MS));
      if ((await engine.kill()) === "SIGKILL") kills++;
      engine = undefined;
    }
    engine = start(folder, seeds.slice(i));
    await engine.done();
    const found = await stormResults(path.join(folder, String(seed)), stormJob(seed));
    if (JSON.stringify(found) !== JSON.stringify(stormRecount(seed, stormJob(seed))))
      wrong.push(`STREAMLAB_SEED=${seed} (${stormJob(seed)})`);
    engine.next();
  }
  await engine?.kill();
  return { kills, wrong };
}

test(
  `F8: engines are killed at ${SEEDS.length} seeded moments and more; each ends with what a plain recount of its input gives`,
  { timeout: 60_000 + SEEDS.length * 5000 },
  async () => {
    const lanes = await Promise.all(Array.from({ length: LANES }, (_, i) => lane(SEEDS.filter((_seed, at) => at % LANES === i))));
    expect(lanes.flatMap(({ wrong }) => wrong)).toEqual([]);
    expect(lanes.reduce((sum, { kills }) => sum + kills, 0)).toBeGreaterThanOrEqual(SEEDS.length);
  },
);

describe("F3: killed after W2", () => {
  test.each(["windows", "duplicates"] as const)(
    "the state of batch 4 is written but not acknowledged: %s start from the version before and write the same bytes again",
    { timeout: 60_000 },
    async (job) => {
      const seed = STORM_JOBS.indexOf(job) + STORM_JOBS.length;
      expect(stormJob(seed)).toBe(job);
      const runs = await Promise.all(
        ["", "w2.after:4", "w3.before:4", "w3.after:4", "w4.before:4"].map(async (point) => {
          const own = path.join(folder, `state-${job}-${point}`);
          const state = path.join(own, String(seed), "checkpoint", "state");
          if (point !== "") expect(await start(own, [seed], { env: { LAB_FAIL: point } }).ended).toBe("SIGKILL");
          const left = point === "" ? "" : await checksum(state, 5);
          const engine = start(own, [seed]);
          await engine.done();
          await engine.kill();
          expect(await stormResults(path.join(own, String(seed)), job), point).toEqual(stormRecount(seed, job));
          return { point, left, after: await checksum(state, 5) };
        }),
      );
      const whole = runs[0]?.after ?? "";
      expect(whole).toMatch(/^[0-9a-f]{64}$/);
      for (const { point, left, after } of runs.slice(1)) expect({ left, after }, point).toEqual({ left: whole, after: whole });
    },
  );
});

/** SHA-256 of what a version has changed in the state of the job's one operator. */
async function checksum(state: string, version: number): Promise<string> {
  const content = await readFile(path.join(state, "0", "0", `${version}.delta`));
  return createHash("sha256").update(content).digest("hex");
}

describe("F4: killed in the middle of W3", () => {
  test.each([
    ["duplicates", 1],
    ["filter", 2],
  ] as const)("the file sink has written the file of batch 4 but not said so: readers see each row of %s once", async (job, seed) => {
    const own = path.join(folder, `mid-${job}`);
    expect(stormJob(seed)).toBe(job);
    const engine = start(own, [seed], { env: { LAB_FAIL: "w3.mid:4:1" } });
    expect(await engine.ended).toBe("SIGKILL");
    const files = await readdir(path.join(own, String(seed), "results"));
    expect(files).toContain("part-00000-batch-00000004.json");
    expect(await readdir(path.join(own, String(seed), "results", "_spark_metadata"))).toEqual(["0", "1", "2", "3"]);
    const again = start(own, [seed]);
    await again.done();
    await again.kill();
    expect(await stormResults(path.join(own, String(seed)), job)).toEqual(stormRecount(seed, job));
  });

  describe("the Kafka sink", () => {
    let cluster: TestCluster;
    beforeAll(async () => {
      cluster = await startTestCluster();
    });
    afterAll(() => cluster.close());

    test.each(["w3.mid:4:1", "w3.after:4", "w4.before:4"])(
      "killed at %s: every row is in the topic, those of batch 4 twice: at least once, as it says",
      async (point) => {
        const topic = `results-${point.replaceAll(":", "-")}`;
        await cluster.client.topics.create({ topic, partitions: 1 });
        const own = path.join(folder, topic);
        const env = { STORM_KAFKA: cluster.address, STORM_TOPIC: topic };
        const engine = start(own, [5], { kafka: true, env: { ...env, LAB_FAIL: point } });
        expect(await engine.ended).toBe("SIGKILL");
        const begun = await readFile(path.join(own, "5", "checkpoint", "offsets", "4"), "utf8");
        const again = start(own, [5], { kafka: true, env });
        await again.done();
        await again.kill();
        expect(await readFile(path.join(own, "5", "checkpoint", "offsets", "4"), "utf8")).toBe(begun);
        const steps = stormSteps(5);
        const expected = [...steps.slice(0, 5), ...steps.slice(4)].flat().map((row) => String(row[3]));
        expect(await valuesOf(topic)).toEqual(expected);
      },
    );

    async function valuesOf(topic: string): Promise<string[]> {
      const end = (await cluster.client.topics.offsets(topic))[0]?.latest ?? 0;
      const consumer = await cluster.client.consumer({ groupId: `read-${topic}`, topics: [topic], fromBeginning: true });
      const values: string[] = [];
      try {
        await new Promise<void>((resolve, reject) => {
          consumer
            .run((batch) => {
              for (const { value } of batch) values.push(String(value));
              if (values.length >= end) resolve();
              return Promise.resolve();
            }, reject)
            .catch(reject);
        });
      } finally {
        await consumer.close();
      }
      return values;
    }
  });
});
