import path from "node:path";
import type { Clock } from "../../base/clock.ts";
import { failpoint } from "../../base/failpoint.ts";
import { CheckpointError, RESTORE_OR_RENEW } from "../checkpoint/checkpoint-error.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { DeadLetterBatch } from "../operators/dead-letters.ts";
import type { OutputMode } from "../plan/plan.ts";
import { schemaOf } from "../plan/node.ts";
import type { Sink } from "../sinks/sink.ts";
import type { Offset, Source } from "../sources/source.ts";
import type { Row } from "../types/data-type.ts";
import type { Batch } from "./batch.ts";
import { sameOffset } from "./offsets.ts";
import { PartitionProgress } from "./partition-progress.ts";
import { batchNumbers, ProgressBuilder, TriggerTimes } from "./progress-builder.ts";
import type { QueryRuntime, QuerySettings } from "./query-runtime.ts";
import { confOf, settingsOf, streamLeaves } from "./query-runtime.ts";
import type { StreamingQueryProgress } from "./progress.ts";
import type { Outlook } from "./why.ts";
import { WatermarkTracker } from "./watermark-tracker.ts";

/** How many batches back a restart may be asked for; older entries and state are removed. */
const RETAINED_BATCHES = 100;

/** A batch that has read so many rows is followed by another one soon: it is read while the sink writes. */
const READ_AHEAD_FROM_ROWS = 10_000;

/** What an execution works with; whoever made the parts closes them. */
export interface ExecutionParts {
  readonly clock: Clock;
  /** Whether a batch may be read before the one before it is committed: not where a trigger says when batches begin. */
  readonly readsAhead: boolean;
  readonly checkpoint: Checkpoint;
  readonly settings: QuerySettings;
  readonly mode: OutputMode;
  /** See QueryDefinition. */
  readonly maxFutureMs: number | undefined;
  readonly sink: Sink;
  readonly deadLetters: Sink | undefined;
  /** In the order of the plan's streaming leaves. */
  readonly sources: readonly Source[];
  /** Tables that are read anew for each batch, with the leaves that they feed. */
  readTables(runtime: QueryRuntime, signal: AbortSignal): Promise<void>;
  /** Compiles the plan under these settings, over fresh state. */
  compile(settings: QuerySettings): QueryRuntime;
  onProgress(progress: StreamingQueryProgress): void;
  readonly identity: { readonly id: string; readonly runId: string; readonly name: string | null };
}

/** A batch whose range has been read through the stages. */
interface ReadBatch {
  readonly batch: Batch;
  readonly times: TriggerTimes;
  readonly rows: Row[];
}

/**
 * The life of a query's batches, one at a time:
 *
 * - W1 `offsets/N` says what batch N reads; then the range is processed
 * - W2 the state becomes version N+1; one sync makes it and W1 durable before any result leaves
 * - W3 the sink gets the rows of N
 * - W4 `commits/N` says that N is done, and the next watermark
 * - W5 sources publish how far the query is, for lag tools only
 *
 * Where much is waiting, the range of batch N+1 is read while the sink writes N: in memory only, W1 of N+1 comes after W4 of N. A trigger's times
 * begin with its range, so those of two such batches overlap.
 *
 * A batch with W1 but without W4 is run again at the next start: same range, time, watermark and settings, over state version N.
 */
export class Execution {
  readonly #parts: ExecutionParts;
  #runtime: QueryRuntime;
  #settings: QuerySettings;
  #watermarks: WatermarkTracker;
  #next = 0;
  #committed: Offset[] = [];
  #lateWatermarkMs = 0;
  /** The watermark of the last batch that this run has executed; undefined before the first, when no batch without data may run. */
  #lastWatermarkMs: number | undefined;
  #repeat: Batch | undefined;
  #ahead: Promise<ReadBatch | undefined> | undefined;
  readonly #progress: ProgressBuilder;
  readonly #partitions = new PartitionProgress();

  constructor(parts: ExecutionParts, runtime: QueryRuntime) {
    this.#parts = parts;
    this.#runtime = runtime;
    this.#settings = parts.settings;
    this.#watermarks = new WatermarkTracker(parts.settings.multipleWatermarkPolicy, 0);
    this.#progress = new ProgressBuilder(parts.clock, parts.identity);
  }

  /** Where the next batch begins, one offset per source. */
  get committed(): readonly Offset[] {
    return this.#committed;
  }

  /** The numbers that the next batch will run under. Reading them changes nothing. */
  get outlook(): Outlook {
    const repeat = this.#repeat;
    return {
      batchId: this.#next,
      timeMs: repeat?.timestampMs ?? Math.floor(this.#parts.clock.nowMs()),
      maxFutureMs: this.#parts.maxFutureMs,
      lateWatermarkMs: repeat?.lateWatermarkMs ?? this.#lateWatermarkMs,
      watermarkMs: repeat?.watermarkMs ?? this.#watermarks.currentMs,
      runsWithoutData: repeat !== undefined || this.#wantsNoDataBatch(),
      repeats: repeat !== undefined,
      policy: this.#watermarks.policy,
      marks: this.#watermarks.marks(this.#runtime.compiled.watermarks),
      partitions: this.#partitions.reach(),
    };
  }

  get ansi(): boolean {
    return this.#settings.ansi;
  }

  get runtime(): QueryRuntime {
    return this.#runtime;
  }

  /** Finds the last committed batch, and the one that was begun but not committed. */
  async resume(signal: AbortSignal): Promise<void> {
    const { checkpoint, sources, settings } = this.#parts;
    const initial = await Promise.all(sources.map((source, i) => checkpoint.initialOffset(i, () => source.initial(signal))));
    const begun = await checkpoint.latestOffsets();
    const done = await checkpoint.latestCommit();
    checkNoGap(begun?.batchId ?? -1, done?.batchId ?? -1, await checkpoint.newestState(), checkpoint.folder);
    this.#committed = initial;
    if (begun) {
      const saved = settingsOf(begun.entry.conf, settings);
      this.#settings = { ...settings, multipleWatermarkPolicy: saved.multipleWatermarkPolicy };
      const committed = done !== undefined && done.batchId >= begun.batchId;
      const watermarkMs = committed
        ? Math.max(begun.entry.batchWatermarkMs, done.entry.nextBatchWatermarkMs)
        : begun.entry.batchWatermarkMs;
      this.#watermarks = new WatermarkTracker(saved.multipleWatermarkPolicy, watermarkMs);
      if (committed) {
        this.#next = begun.batchId + 1;
        this.#committed = [...begun.entry.offsets];
        this.#lateWatermarkMs = begun.entry.batchWatermarkMs;
      } else {
        const before = begun.batchId === 0 ? undefined : await checkpoint.offsets(begun.batchId - 1);
        this.#next = begun.batchId;
        this.#committed = before ? [...before.offsets] : initial;
        this.#lateWatermarkMs = before?.batchWatermarkMs ?? 0;
        this.#settings = saved;
        this.#repeat = {
          id: begun.batchId,
          timestampMs: begun.entry.batchTimestampMs,
          watermarkMs: begun.entry.batchWatermarkMs,
          lateWatermarkMs: this.#lateWatermarkMs,
          starts: this.#committed,
          ends: begun.entry.offsets,
          hasData: begun.entry.offsets.some((end, i) => !sameOffset(end, this.#committed[i] ?? null)),
        };
      }
    }
    await this.#open(this.#settings);
    await Promise.all(sources.map((source, i) => source.commit(this.#committed[i] ?? null)));
  }

  /** Compiles for these settings, unless that is done, and loads the state that the next batch starts from. */
  async #open(settings: QuerySettings): Promise<void> {
    if (settings.ansi !== this.#parts.settings.ansi || this.#runtime.compiled.operators.some((one) => one.store.version !== 0))
      this.#runtime = this.#parts.compile(settings);
    for (const { store } of this.#runtime.compiled.operators) await store.load(this.#next);
  }

  /** Runs the next batch, if there is reason for one. `withoutData` allows a batch that only moves the watermark. */
  async step(signal: AbortSignal, withoutData: boolean = true): Promise<boolean> {
    const repeat = this.#repeat;
    let read = await this.#ahead;
    this.#ahead = undefined;
    if (read) await this.#begin(read.batch, read.times);
    else {
      const times = new TriggerTimes(this.#parts.clock);
      const batch = repeat ?? (await this.#choose(this.#committed, times, signal, withoutData));
      if (!batch) return false;
      if (!repeat) await this.#begin(batch, times);
      read = { batch, times, rows: await this.#process(batch, times, signal) };
    }
    await this.#deliver(read, signal);
    if (repeat) await this.#backToSessionSettings();
    return true;
  }

  /** Waits for what is being read ahead, which comes to nothing; the signal of the last step, once aborted, ends it. */
  async end(): Promise<void> {
    await this.#ahead?.catch(() => undefined);
  }

  /** The next range from where the last one ends; undefined where there is no reason for a batch. */
  async #choose(
    starts: readonly Offset[],
    times: TriggerTimes,
    signal: AbortSignal,
    withoutData: boolean,
    after?: Batch,
  ): Promise<Batch | undefined> {
    const { clock, sources } = this.#parts;
    const ends = await times.timed("latestOffset", () => Promise.all(sources.map((source, i) => source.latest(starts[i] ?? null, signal))));
    const hasData = ends.some((end, i) => !sameOffset(end, starts[i] ?? null));
    if (!hasData && !(withoutData && this.#wantsNoDataBatch())) return undefined;
    return {
      id: after ? after.id + 1 : this.#next,
      timestampMs: Math.floor(clock.nowMs()),
      watermarkMs: this.#watermarks.currentMs,
      lateWatermarkMs: after ? after.watermarkMs : this.#lateWatermarkMs,
      starts,
      ends,
      hasData,
    };
  }

  /** W1. */
  async #begin(batch: Batch, times: TriggerTimes): Promise<void> {
    const { checkpoint, identity } = this.#parts;
    failpoint("w1.before", batch.id, identity.name);
    await times.timed("walCommit", () =>
      checkpoint.writeOffsets(batch.id, {
        batchWatermarkMs: batch.watermarkMs,
        batchTimestampMs: batch.timestampMs,
        conf: confOf(this.#settings),
        offsets: batch.ends,
      }),
    );
    failpoint("w1.after", batch.id, identity.name);
  }

  /** After new data moved the watermark, one more batch lets stateful operators act on it. */
  #wantsNoDataBatch(): boolean {
    if (!this.#settings.noDataBatches || this.#lastWatermarkMs === undefined) return false;
    const { compiled } = this.#runtime;
    const before = compiled.propagate(this.#lastWatermarkMs * 1000);
    const now = compiled.propagate(this.#watermarks.currentMs * 1000);
    return compiled.operators.some((operator, i) => operator.wantsNoDataBatch && (now[i] ?? 0) > (before[i] ?? 0));
  }

  /** Reads the range through the stages. */
  async #process(batch: Batch, times: TriggerTimes, signal: AbortSignal): Promise<Row[]> {
    const { compiled, run } = this.#runtime;
    run.begin(batch.timestampMs * 1000, new DeadLetterBatch(batch.id));
    this.#partitions.begin();
    compiled.begin(run, compiled.propagate(batch.lateWatermarkMs * 1000), compiled.propagate(batch.watermarkMs * 1000));
    return times.timed("addBatch", async () => {
      await this.#parts.readTables(this.#runtime, signal);
      for (const [i, leaf] of streamLeaves(this.#runtime).entries()) {
        const [from, to] = [batch.starts[i] ?? null, batch.ends[i] ?? null];
        const source = this.#parts.sources[i];
        if (!source || sameOffset(from, to)) continue;
        const before = run.readRows;
        for await (const block of source.read(from, to, signal)) {
          const update = (): void => times.counted("updates", () => compiled.process(leaf, block));
          if (block.kind === "records") this.#partitions.follow(i, block, compiled, run, update);
          else update();
        }
        times.read(i, run.readRows - before);
      }
      return times.counted("removals", () => compiled.finish());
    });
  }

  /** The batch after this one, read while the sink writes; undefined where nothing waits to be read. */
  async #readAhead(after: Batch, signal: AbortSignal): Promise<ReadBatch | undefined> {
    const times = new TriggerTimes(this.#parts.clock);
    const batch = await this.#choose(after.ends, times, signal, false, after);
    return batch && { batch, times, rows: await this.#process(batch, times, signal) };
  }

  /** W2 to W5, and the progress report. */
  async #deliver({ batch, times, rows }: ReadBatch, signal: AbortSignal): Promise<void> {
    const { checkpoint, sources, sink, deadLetters, mode, identity } = this.#parts;
    const { compiled, run, plan } = this.#runtime;
    failpoint("w2.before", batch.id, identity.name);
    checkpoint.verify();
    await times.timed("stateCommit", () =>
      Promise.all(compiled.operators.map(({ store }, i) => times.committing(i, () => store.commit(batch.id + 1)))),
    );
    await times.timed("walCommit", () => checkpoint.sync());
    failpoint("w2.after", batch.id, identity.name);
    const numbers = batchNumbers(batch, times, this.#runtime, this.#partitions, sources);
    this.#watermarks.update(compiled.watermarks);

    failpoint("w3.before", batch.id, identity.name);
    checkpoint.verify();
    await times.timed("addBatch", async () => {
      if (deadLetters && run.letters) await writeDeadLetters(deadLetters, run.letters, batch.id, signal);
      const written = sink.write(
        { batchId: batch.id, schema: schemaOf(plan.columns), rows, outputMode: mode, verify: () => checkpoint.verify() },
        signal,
      );
      if (this.#parts.readsAhead && this.#repeat === undefined && run.readRows >= READ_AHEAD_FROM_ROWS) {
        this.#ahead = this.#readAhead(batch, signal);
        this.#ahead.catch(() => undefined);
      }
      await written;
    });
    failpoint("w3.after", batch.id, identity.name);

    failpoint("w4.before", batch.id, identity.name);
    await times.timed("commitOffsets", () => checkpoint.writeCommit(batch.id, { nextBatchWatermarkMs: this.#watermarks.currentMs }));
    failpoint("w4.after", batch.id, identity.name);
    this.#next = batch.id + 1;
    this.#committed = [...batch.ends];
    this.#lateWatermarkMs = batch.watermarkMs;
    this.#lastWatermarkMs = batch.watermarkMs;
    this.#repeat = undefined;

    failpoint("w5.before", batch.id, identity.name);
    await Promise.all(sources.map((source, i) => source.commit(batch.ends[i] ?? null)));
    for (const [i, source] of sources.entries()) await source.publish?.(batch.ends[i] ?? null).catch(() => undefined);
    if (batch.id >= RETAINED_BATCHES) await this.#purge(batch.id - RETAINED_BATCHES);
    failpoint("w5.after", batch.id, identity.name);
    this.#progress.report(batch, times, numbers, this.#parts, rows.length);
  }

  async #purge(before: number): Promise<void> {
    await this.#parts.checkpoint.purge(before);
    for (const { store } of this.#runtime.compiled.operators) store.purge(before + 1);
  }

  /** A repeated batch ran under its own settings; the following ones run under the session's. */
  async #backToSessionSettings(): Promise<void> {
    const policy = this.#settings.multipleWatermarkPolicy;
    const changed = this.#settings.ansi !== this.#parts.settings.ansi;
    this.#settings = { ...this.#parts.settings, multipleWatermarkPolicy: policy };
    if (!changed) return;
    this.#runtime = this.#parts.compile(this.#settings);
    for (const { store } of this.#runtime.compiled.operators) await store.load(this.#next);
  }
}

/** Batch N begins only after batch N−1 is committed; it is committed, and state version N+1 written, only after it has begun. */
function checkNoGap(begun: number, committed: number, newestState: number, folder: string): void {
  const known = Math.max(committed, newestState - 1);
  if (known <= begun && committed >= begun - 1) return;
  const missing = known > begun ? path.join("offsets", String(known)) : path.join("commits", String(begun - 1));
  throw new CheckpointError("CHECKPOINT_MISSING", {
    failed: `Cannot restart from ${folder}`,
    found: `${path.join(folder, missing)} is missing`,
    remedy: RESTORE_OR_RENEW,
  });
}

const DEAD_LETTER_COLUMNS = [
  { name: "topic", dataType: { type: "string" }, nullable: false },
  { name: "partition", dataType: { type: "int" }, nullable: false },
  { name: "offset", dataType: { type: "bigint" }, nullable: false },
  { name: "reason", dataType: { type: "string" }, nullable: false },
  { name: "value", dataType: { type: "binary" }, nullable: true },
] as const;

async function writeDeadLetters(sink: Sink, batch: DeadLetterBatch, batchId: number, signal: AbortSignal): Promise<void> {
  if (batch.letters.length === 0) return;
  const rows = batch.letters.map((letter): Row => [letter.topic, letter.partition, letter.offset, letter.reason, letter.value]);
  await sink.write({ batchId, schema: { type: "struct", fields: DEAD_LETTER_COLUMNS }, rows, outputMode: "append" }, signal);
}
