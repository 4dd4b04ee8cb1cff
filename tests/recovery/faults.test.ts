import { existsSync } from "node:fs";
import { readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { StreamingQueryProgress } from "../../src/engine/query/progress.ts";
import { runGenerator } from "../../src/generators/run-generator.ts";
import { createSensorRecords } from "../../src/generators/sensors.ts";
import { spoil } from "../../src/generators/spoil.ts";
import type { KafkaProducer } from "../../src/kafka/producer.ts";
import { IOT } from "../../src/labs/iot/names.ts";
import type { EngineMessage } from "../../src/labs/iot/process-messages.ts";
import { recountReadings } from "../../src/labs/iot/recount.ts";
import { embeddedService } from "../../src/stack/servers.ts";
import { startService } from "../../src/stack/service-process.ts";
import { superviseService } from "../../src/stack/supervisor.ts";
import {
  Ledger,
  type Pipeline,
  type RecoveryStack,
  batchLog,
  engineService,
  lastBatch,
  preparePipeline,
  readLog,
  seededReadings,
  startStack,
  storedDifferences,
  watchEngine,
} from "./harness.ts";

const QUERIES = [IOT.metricsQuery, IOT.alertsQuery] as const;
const NOON = Date.UTC(2026, 0, 1, 12);

let stack: RecoveryStack;
let producer: KafkaProducer;
beforeAll(async () => {
  stack = await startStack();
  producer = await stack.kafka.producer();
});
afterAll(() => stack.close());

/** Starts an engine, which ends with the stack at the latest. */
async function startEngine(pipeline: Pipeline, onMessage: (message: EngineMessage) => void = () => {}) {
  const engine = await startService(engineService(pipeline));
  stack.onClose(() => engine.stop());
  const watch = watchEngine(pipeline);
  engine.onMessage((message) => {
    onMessage(message as unknown as EngineMessage);
    watch.listen(message);
  });
  return { engine, watch };
}

describe("F10: two engines on one checkpoint", () => {
  test("the second is refused at once with a message that names the folder and the holder; the first goes on", async () => {
    const pipeline = await preparePipeline(stack, "two-engines");
    const ledger = new Ledger();
    const next = seededReadings(10, NOON, 100);
    const { engine, watch } = await startEngine(pipeline);
    const startedAt = performance.now();
    const second = startService(engineService(pipeline));
    await expect(second).rejects.toThrow(
      new RegExp(`Cannot use the checkpoint .*process ${engine.pid} is writing to it.*Stop that query first`),
    );
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    await ledger.send(producer, pipeline.topic, next(500));
    await watch.drained();
    await engine.stop();
    expect(watch.failures).toEqual([]);
    expect(await storedDifferences(pipeline, await readLog(stack.kafka, pipeline.topic))).toEqual([]);
  });

  test("the lock of an engine that was killed is taken over", async () => {
    const pipeline = await preparePipeline(stack, "stale-lock");
    const first = await startEngine(pipeline);
    const lock = path.join(pipeline.checkpointDir, IOT.metricsQuery, "lock");
    process.kill(first.engine.pid, "SIGKILL");
    expect(await first.engine.ended).toBe("SIGKILL");
    expect(await readFile(lock, "utf8")).toContain(`"pid":${first.engine.pid}`);
    const second = await startEngine(pipeline);
    expect(await readFile(lock, "utf8")).toContain(`"pid":${second.engine.pid}`);
    await second.engine.stop();
    expect(existsSync(lock)).toBe(false);
  });
});

describe("F13: the document server is away for two seconds", () => {
  test("no batch is committed in that time, and nothing is lost", async () => {
    const own = await startStack();
    try {
      const pipeline = await preparePipeline(own, "server-away");
      const { engine, watch } = await (async () => {
        const service = await superviseService(engineService(pipeline));
        own.onClose(() => service.stop());
        const watched = watchEngine(pipeline);
        service.onMessage(watched.listen);
        return { engine: service, watch: watched };
      })();
      const ledger = new Ledger();
      const sender = await own.kafka.producer();
      const produced = runGenerator({
        generator: createSensorRecords({ seed: 13 }),
        ratePerSecond: 1000,
        seconds: 4.5,
        clock: systemClock,
        send: (records) => ledger.send(sender, pipeline.topic, records),
      });
      const acknowledged = async (count: number): Promise<void> => {
        while (ledger.acknowledged < count) await systemClock.sleep(5);
      };
      const logs = () =>
        Promise.all(
          QUERIES.flatMap((query) => (["offsets", "commits"] as const).map(async (log) => lastBatch(await batchLog(pipeline, query, log)))),
        );

      await acknowledged(500);
      await own.documentServer.stop();
      await acknowledged(ledger.acknowledged + 1000);
      const before = await logs();
      expect(before[0], "metrics has begun a batch that waits").toBe((before[1] ?? 0) + 1);
      expect(before[2], "anomalies has begun a batch that waits").toBe((before[3] ?? 0) + 1);
      await acknowledged(ledger.acknowledged + 2000);
      expect(await logs(), "no step is done while the server is away").toEqual(before);

      const again = await superviseService(embeddedService("mongo", Number(own.documentServer.ready.port), own.folder));
      own.onClose(() => again.stop());
      expect(await produced).toMatchObject({ failed: 0 });
      await watch.drained();
      expect(engine.restarts).toBe(0);
      expect(watch.failures).toEqual([]);
      const log = await readLog(own.kafka, pipeline.topic);
      expect(ledger.differences(log)).toEqual([]);
      expect(await storedDifferences(pipeline, log)).toEqual([]);
    } finally {
      await own.close();
    }
  });
});

/** A dead letter as the engine's folder keeps it. */
interface KeptLetter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number | string;
  readonly reason: string;
  readonly value?: string | null;
}

async function keptLetters(pipeline: Pipeline, query: string): Promise<KeptLetter[]> {
  const folder = path.join(pipeline.checkpointDir, `${query}-dead-letters`);
  const texts = await Promise.all((await readdir(folder)).map((name) => readFile(path.join(folder, name), "utf8")));
  return texts.flatMap((text) => text.split("\n").filter(Boolean)).map((line) => JSON.parse(line) as KeptLetter);
}

describe("F20: poison in the topic", () => {
  test("the queries go on; every message is stored, filtered or kept as a dead letter with its bytes, and the counts say so", async () => {
    const seed = 20;
    const pipeline = await preparePipeline(stack, "poison", { maxOffsetsPerTrigger: 500 });
    const generator = spoil(createSensorRecords({ seed }), { seed, poison: { fraction: 0.2 } });
    const ledger = new Ledger();
    for (let i = 0; i < 10; i++) {
      const records: Parameters<typeof generator.next>[2] = [];
      for (let at = 0; at < 300; at++) generator.next(NOON + (i * 300 + at) * 60, NOON + (i * 300 + at) * 60, records);
      await ledger.send(producer, pipeline.topic, records);
    }
    const progress = new Map<string, StreamingQueryProgress[]>(QUERIES.map((query) => [query, []]));
    const { engine, watch } = await startEngine(pipeline, (said) => {
      if (said.type === "progress") progress.get(said.progress.name ?? "")?.push(said.progress);
    });
    await watch.drained();
    await engine.stop();
    expect(watch.failures).toEqual([]);

    const log = await readLog(stack.kafka, pipeline.topic);
    expect(ledger.differences(log)).toEqual([]);
    const bytes = new Map(log.map(({ partition, offset, value }) => [`${partition}-${offset}`, value]));
    for (const query of QUERIES) {
      const letters = await keptLetters(pipeline, query);
      const ids = letters.map(({ partition, offset }) => `${partition}-${offset}`);
      expect(new Set(ids).size, query).toBe(ids.length);
      for (const [i, { topic, value, reason }] of letters.entries()) {
        const raw = bytes.get(ids[i] ?? "") ?? null;
        expect(topic).toBe(pipeline.topic);
        expect(reason).not.toBe("");
        expect(value ?? null, ids[i]).toBe(raw === null ? null : raw.toString("base64"));
      }
      const rest = log.filter(({ partition, offset }) => !ids.includes(`${partition}-${offset}`));
      expect(ids.length, `${query}: what is no reading`).toBe(recountReadings(log.map(({ value }) => value)).malformed);
      expect(recountReadings(rest.map(({ value }) => value)).malformed, query).toBe(0);

      const rows = rowsOf(progress.get(query) ?? []);
      expect(rows.read, query).toBe(log.length);
      expect(rows.kept + rows.filtered + rows.late + rows.dead, query).toBe(rows.read);
      expect(rows.dead, query).toBe(ids.length);
      expect(rows.byReason, query).toEqual(countByReason(letters));
    }
    expect(await storedDifferences(pipeline, log)).toEqual([]);
  });
});

/** What became of the rows of some batches, as progress tells it. */
function rowsOf(progress: readonly StreamingQueryProgress[]) {
  const rows = { read: 0, kept: 0, filtered: 0, late: 0, dead: 0, byReason: {} as Record<string, number> };
  for (const { numInputRows, sources } of progress) {
    const metrics = sources[0]?.metrics ?? {};
    rows.read += numInputRows;
    rows.kept += Number(metrics.keptRows);
    rows.filtered += Number(metrics.filteredRows);
    rows.late += Number(metrics.lateRows);
    rows.dead += Number(metrics.deadLetterRows);
    for (const [name, count] of Object.entries(metrics)) {
      const reason = /^deadLetters\.(.*)$/s.exec(name)?.[1];
      if (reason !== undefined) rows.byReason[reason] = (rows.byReason[reason] ?? 0) + Number(count);
    }
  }
  return rows;
}

function countByReason(letters: readonly KeptLetter[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of letters) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

describe("F25: a checkpoint that was damaged", () => {
  test.each(["offsets", "commits", "state"])(
    "in %s: the start is refused, the message names the file and what to do, nothing is read again",
    async (part) => {
      const pipeline = await preparePipeline(stack, `damaged-${part}`, { maxOffsetsPerTrigger: 100 });
      const ledger = new Ledger();
      await ledger.send(producer, pipeline.topic, seededReadings(25, NOON, 100)(400));
      const first = await startEngine(pipeline);
      await first.watch.drained();
      await first.engine.stop();
      const folder = path.join(pipeline.checkpointDir, IOT.metricsQuery, part);
      const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath, entry.name));
      const newest = files.sort((a, b) => Number.parseInt(path.basename(a), 10) - Number.parseInt(path.basename(b), 10)).at(-1) ?? "";
      const content = await readFile(newest);
      content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1;
      await writeFile(newest, content);
      await ledger.send(producer, pipeline.topic, seededReadings(26, NOON, 100)(100));
      const started = startService(engineService(pipeline));
      await expect(started).rejects.toThrow("its process ended with exit 1");
      await expect(started).rejects.toThrow(newest);
      await expect(started).rejects.toThrow(/Put the file back from a copy; or start over with a new checkpointLocation/);
      expect(await readFile(newest)).toEqual(content);
    },
  );
});
