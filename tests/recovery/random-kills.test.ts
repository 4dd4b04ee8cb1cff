import { afterAll, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createRandom } from "../../src/base/random.ts";
import { runGenerator } from "../../src/generators/run-generator.ts";
import { createSensorRecords } from "../../src/generators/sensors.ts";
import { superviseService } from "../../src/stack/supervisor.ts";
import {
  Ledger,
  type RecoveryStack,
  engineService,
  preparePipeline,
  readLog,
  startStack,
  storedDifferences,
  victimOf,
  watchEngine,
} from "./harness.ts";

const RATE = 2000;
const SECONDS = 1.5;
/** A kill comes up to so long after the acknowledgement that it was drawn for, so that it hits any moment of an append, a batch or a write. */
const JITTER_MS = 30;
/** A query that starts again just while a server is away ends with this, and is started once more. */
const SERVER_AWAY = /Cannot reach (Kafka|MongoDB) at/;
const seeds = process.env.STREAMLAB_SEED ? [Number(process.env.STREAMLAB_SEED)] : Array.from({ length: 20 }, (_, i) => i + 1);

const open = new Set<RecoveryStack>();
afterAll(async () => {
  for (const stack of open) await stack.close();
});

/** Each service once and up to two more, at seeded counts of acknowledged messages; in order. */
function drawKills<T>(seed: number, services: readonly T[]): { readonly service: T; readonly after: number; readonly delayMs: number }[] {
  const random = createRandom(seed).fork("kills");
  const drawn = [...services, ...Array.from({ length: random.below(3) }, () => random.pick(services))];
  return drawn
    .map((service) => ({ service, after: random.below(RATE * SECONDS), delayMs: random.between(0, JITTER_MS) }))
    .sort((a, b) => a.after - b.after);
}

test.each(seeds)(
  "seed %i: engine, broker and document server are killed while messages come; nothing is lost, nothing doubled",
  async (seed) => {
    const again = `run again with STREAMLAB_SEED=${seed}`;
    const stack = await startStack();
    open.add(stack);
    const pipeline = await preparePipeline(stack, `kills-${seed}`);
    const engine = await superviseService(engineService(pipeline));
    stack.onClose(() => engine.stop());
    const watch = watchEngine(pipeline);
    engine.onMessage(watch.listen);
    const victims = [engine, stack.broker, stack.documentServer].map(victimOf);
    const kills = drawKills(seed, victims);
    const producer = await stack.kafka.producer();
    const ledger = new Ledger();
    const killing: Promise<void>[] = [];

    const totals = await runGenerator({
      generator: createSensorRecords({ seed }),
      ratePerSecond: RATE,
      seconds: SECONDS,
      clock: systemClock,
      send: async (records) => {
        await ledger.send(producer, pipeline.topic, records);
        while (kills[0] && ledger.acknowledged >= kills[0].after) {
          const { service, delayMs } = kills.shift() as (typeof kills)[number];
          killing.push(systemClock.sleep(delayMs).then(() => service.kill()));
        }
      },
    });
    await Promise.all(killing);
    await Promise.all(victims.map((victim) => victim.up()));

    expect(totals, again).toMatchObject({ sent: RATE * SECONDS, acknowledged: RATE * SECONDS, failed: 0, firstFailure: null });
    expect(kills, again).toEqual([]);
    for (const service of [engine, stack.broker, stack.documentServer])
      expect(service.restarts, `${service.name}, ${again}`).toBeGreaterThan(0);
    await watch.drained();
    const failures = watch.failures.filter((failure) => !SERVER_AWAY.test(failure));
    expect(failures, again).toEqual([]);
    const log = await readLog(stack.kafka, pipeline.topic);
    expect(ledger.differences(log), again).toEqual([]);
    expect(log.length, again).toBe(totals.acknowledged);
    expect(await storedDifferences(pipeline, log), again).toEqual([]);
    await stack.close();
    open.delete(stack);
  },
);
