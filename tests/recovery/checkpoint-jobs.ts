import { createRandom } from "../../src/base/random.ts";
import { createSession, type Session } from "../../src/engine/api/session.ts";
import { count, max, sum } from "../../src/engine/functions/api/aggregates.ts";
import { interval } from "../../src/engine/functions/api/literals.ts";
import { window } from "../../src/engine/functions/api/windows.ts";
import type { StreamingQuery } from "../../src/engine/query/streaming-query.ts";
import { stepsFormat } from "../../src/engine/query/steps-source.ts";
import type { Sink, SinkBatch } from "../../src/engine/sinks/sink.ts";
import type { Block } from "../../src/engine/sources/source.ts";
import type { Row } from "../../src/engine/types/data-type.ts";
import { double, string, struct, timestamp } from "../../src/engine/types/schema-builder.ts";

const readings = struct({ ts: timestamp(), device: string(), value: double() });

/** The input of every job: six steps, one a batch; some rows late, some without a time, devices that come again. */
export function jobSteps(): Row[][] {
  const random = createRandom(4);
  return Array.from({ length: 6 }, (_, step) =>
    Array.from({ length: 12 }, (): Row => {
      const seconds = step * 8 + random.between(0, 10) - (random.next() < 0.2 ? random.between(10, 60) : 0);
      const device = random.pick(["a", "b", "ü", "d"]);
      return [
        random.next() < 0.05 ? null : Math.floor(seconds * 1e6) + 1_767_225_600_000_000,
        device,
        Math.round(random.between(-50, 150)),
      ];
    }),
  );
}

/** The queries whose checkpoints are kept: without state, windows with a watermark, duplicates by a key, two streams joined. */
export const JOBS = ["stateless", "windows", "duplicates", "join"] as const;
export type Job = (typeof JOBS)[number];

/** Moments of a run at which a test may act. */
export interface JobHooks {
  /** The source has been asked for the end of the batch that begins at this step: before W1. */
  onLatest?(from: number): void;
  /** The batch that begins at this step is being read: after W1, before W2. */
  onRead?(from: number): void;
}

/** Starts a job over `steps`, from its checkpoint on. */
export async function startJob(job: Job, checkpoint: string, sink: Sink, hooks: JobHooks = {}): Promise<StreamingQuery> {
  const session = createSession({ formats: [hooked(hooks)] });
  return writer(session, job).option("checkpointLocation", checkpoint).sink(sink).start();
}

function writer(session: Session, job: Job) {
  const frame = session.readStream.format("steps").schema(readings).load();
  if (job === "stateless") {
    return frame
      .where((row) => row.value.gt(0))
      .select((row) => ({ device: row.device, value: row.value }))
      .writeStream.outputMode("append");
  }
  if (job === "join") {
    const left = frame.withWatermark("ts", "10 seconds").where((row) => row.value.gt(20));
    const right = frame.withWatermark("ts", "20 seconds").select((row) => ({ at: row.ts, name: row.device, other: row.value }));
    return left
      .join(right, (l, r) => l.device.eq(r.name).and(r.at.between(l.ts, l.ts.plus(interval("5 seconds")))), "left")
      .writeStream.outputMode("append");
  }
  if (job === "duplicates") return frame.withWatermark("ts", "20 seconds").dropDuplicates("device", "ts").writeStream.outputMode("append");
  return frame
    .withWatermark("ts", "10 seconds")
    .groupBy((row) => ({ window: window(row.ts, "10 seconds", "5 seconds"), device: row.device }))
    .agg((row) => ({ n: count(), total: sum(row.value), highest: max(row.value) }))
    .writeStream.outputMode("update");
}

function hooked(hooks: JobHooks) {
  const format = stepsFormat(readings, jobSteps());
  return {
    ...format,
    openSource: async (options: Parameters<NonNullable<typeof format.openSource>>[0]) => {
      const source = await format.openSource?.(options);
      if (!source) throw new Error("the steps cannot be read");
      return {
        ...source,
        latest: (from: Parameters<typeof source.latest>[0], signal: AbortSignal) => {
          hooks.onLatest?.(Number(from));
          return source.latest(from, signal);
        },
        read: (
          from: Parameters<typeof source.read>[0],
          to: Parameters<typeof source.read>[1],
          signal: AbortSignal,
        ): AsyncIterable<Block> => {
          hooks.onRead?.(Number(from));
          return source.read(from, to, signal);
        },
      };
    },
  };
}

/** Keeps every batch by its number; a batch that comes again takes the place of the first. */
export class BatchKeeper implements Sink {
  readonly description = "batches";
  readonly batches: Map<number, readonly Row[]> = new Map();
  readonly #failAt: number;

  constructor(failAt: number = -1) {
    this.#failAt = failAt;
  }

  write(batch: SinkBatch): Promise<void> {
    if (batch.batchId === this.#failAt) return Promise.reject(new Error("the sink is away"));
    this.batches.set(batch.batchId, batch.rows);
    return Promise.resolve();
  }

  /** What the sink holds, from a batch on. */
  from(batchId: number): [number, readonly Row[]][] {
    return [...this.batches].filter(([batch]) => batch >= batchId);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
