import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../base/clock.ts";
import { messageOf, StreamlabError } from "../../base/errors.ts";
import { openCheckpoint } from "../checkpoint/checkpoint.ts";
import { passingFiles, type DurableFiles } from "../checkpoint/durable-files.ts";
import { FileJournal } from "../checkpoint/file-journal.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { Format } from "../formats.ts";
import type { OutputMode, Plan } from "../plan/plan.ts";
import type { AnalysisContext } from "../plan/scope.ts";
import type { Sink } from "../sinks/sink.ts";
import type { Offset, Source } from "../sources/source.ts";
import { Execution } from "./execution.ts";
import type { StreamingQueryListener } from "./listener.ts";
import { StreamingQueryError } from "./query-error.ts";
import { pastOutlook } from "./past-outlook.ts";
import type { StreamingQueryProgress } from "./progress.ts";
import { closeAll, openSource, Tables } from "./query-inputs.ts";
import type { QueryRuntime, QuerySettings } from "./query-runtime.ts";
import { openRuntime, shapeOf, streamLeaves } from "./query-runtime.ts";
import type { DriftReport } from "../functions/json/drift.ts";
import type { JsonValue } from "../types/json-value.ts";
import { fromJsonValue } from "../types/json-value.ts";
import type { WhyNextBatch, WhyRow, WhyWindow } from "./why.ts";
import { whyNextBatch, whyRow, whyWindow } from "./why.ts";
import type { Trigger } from "./trigger.ts";
import type { Wait } from "./wait.ts";
import { waitOptions, within } from "./wait.ts";

/** What a query is doing now, as Spark's StreamingQueryStatus. */
export type StreamingQueryStatus = { readonly message: string; readonly isDataAvailable: boolean; readonly isTriggerActive: boolean };

/** What a query is started with. */
export interface QueryDefinition {
  readonly plan: Plan;
  readonly mode: OutputMode;
  readonly context: AnalysisContext;
  readonly settings: QuerySettings;
  readonly name: string | undefined;
  readonly checkpointLocation: string | undefined;
  readonly trigger: Trigger;
  /** Rows whose event time lies further ahead of their batch's time do not move the watermark and are counted; undefined: all rows move it, as in Spark. */
  readonly maxFutureMs?: number;
  /** How often a query without new data says so. */
  readonly idleEventMs: number;
  readonly clock: Clock;
  formatOf(name: string): Format;
  openSink(): Promise<Sink>;
  openDeadLetters(): Promise<Sink | undefined>;
  readonly listeners: ReadonlySet<StreamingQueryListener>;
}

const KEPT_PROGRESS = 100;
/** How long `stop` lets the running batch finish before it is rolled back. */
const STOP_GRACE_MS = 10_000;

/** A running query. Made by `start`; ends by `stop`, by its trigger, or by an error, and gives back everything that it opened. */
export class StreamingQuery {
  readonly id: string;
  readonly runId: string = randomUUID();
  readonly name: string | null;
  readonly #definition: QueryDefinition;
  readonly #execution: Execution;
  readonly #resources: { close(): Promise<void> }[];
  readonly #sources: readonly Source[];
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
  #recent: StreamingQueryProgress[] = [];
  #status: StreamingQueryStatus = { message: "Initializing sources", isDataAvailable: false, isTriggerActive: false };
  #exception: StreamingQueryError | undefined;
  #active = true;
  #waiters: { resolve(): void; reject(error: Error): void }[] = [];
  #wake: (() => void) | undefined;
  /** When listeners last heard of a batch or of idleness. */
  #heardMs = -Infinity;
  #ended: Promise<void> = Promise.resolve();

  private constructor(
    definition: QueryDefinition,
    parts: {
      checkpoint: Checkpoint;
      files: DurableFiles;
      sink: Sink;
      deadLetters: Sink | undefined;
      sources: Source[];
      tables: Tables;
      runtime: QueryRuntime;
      resources: { close(): Promise<void> }[];
    },
  ) {
    this.#definition = definition;
    this.id = parts.checkpoint.queryId;
    this.name = definition.name ?? null;
    this.#resources = parts.resources;
    this.#sources = parts.sources;
    this.#execution = new Execution(
      {
        clock: definition.clock,
        readsAhead: definition.trigger.kind === "availableNow" || (definition.trigger.kind === "interval" && definition.trigger.ms === 0),
        checkpoint: parts.checkpoint,
        settings: definition.settings,
        mode: definition.mode,
        maxFutureMs: definition.maxFutureMs,
        sink: parts.sink,
        deadLetters: parts.deadLetters,
        sources: parts.sources,
        readTables: (runtime, signal) => parts.tables.read(runtime, signal),
        compile: (settings) => runtimeOf(definition, settings, parts.checkpoint.stateFolder, parts.files, parts.deadLetters !== undefined),
        onProgress: (progress) => this.#tell(progress),
        identity: { id: this.id, runId: this.runId, name: this.name },
      },
      parts.runtime,
    );
  }

  /** Checks the plan, opens what it needs, finds the last committed batch and starts the loop. Whatever was opened is closed again if that fails. */
  static async start(definition: QueryDefinition): Promise<StreamingQuery> {
    const temporary =
      definition.checkpointLocation === undefined ? await mkdtemp(path.join(os.tmpdir(), "streamlab-checkpoint-")) : undefined;
    const folder = definition.checkpointLocation ?? temporary ?? "";
    const resources: { close(): Promise<void> }[] = [];
    if (temporary) resources.push({ close: () => rm(temporary, { recursive: true, force: true }) });
    try {
      const files = temporary === undefined ? new FileJournal(folder) : passingFiles;
      const draft = runtimeOf(definition, definition.settings, path.join(folder, "state"), files, false);
      const checkpoint = await openCheckpoint(folder, shapeOf(draft), files);
      resources.push(checkpoint);
      const keep = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
        const opened = await opening;
        resources.push(opened);
        return opened;
      };
      const deadLetters = await definition.openDeadLetters();
      if (deadLetters) resources.push(deadLetters);
      const runtime = deadLetters ? runtimeOf(definition, definition.settings, checkpoint.stateFolder, files, true) : draft;
      const sources: Source[] = [];
      for (const [i, leaf] of streamLeaves(runtime).entries())
        sources.push(await keep(openSource(definition, leaf, checkpoint.sourceFolder(i))));
      const tables = new Tables();
      resources.push(tables);
      for (const leaf of runtime.compiled.leaves) if (!leaf.node.streaming) await tables.add(openSource(definition, leaf, undefined));
      const sink = await keep(definition.openSink());
      const query = new StreamingQuery(definition, { checkpoint, files, sink, deadLetters, sources, tables, runtime, resources });
      if (definition.trigger.kind === "availableNow") for (const source of sources) await source.freeze?.(query.#kill.signal);
      await query.#execution.resume(query.#kill.signal);
      query.#begin();
      return query;
    } catch (thrown) {
      await closeAll(resources);
      throw thrown;
    }
  }

  get isActive(): boolean {
    return this.#active;
  }

  get status(): StreamingQueryStatus {
    return this.#status;
  }

  get exception(): StreamingQueryError | undefined {
    return this.#exception;
  }

  get lastProgress(): StreamingQueryProgress | undefined {
    return this.#recent.at(-1);
  }

  /** The last 100 batches, the oldest first. */
  get recentProgress(): readonly StreamingQueryProgress[] {
    return this.#recent;
  }

  /** Where the next batch begins, one offset per source: everything before has been committed, by this run or by earlier ones. */
  get committed(): readonly Offset[] {
    return this.#execution.committed;
  }

  /**
   * Why a row is kept or dropped: by the next batch, or by one of the recent ones (`batchId`). `values` names columns of the stream below its watermark,
   * timestamps as ISO text.
   */
  whyRow(values: Readonly<Record<string, JsonValue>>, batchId?: number): WhyRow {
    const { runtime, outlook, ansi } = this.#execution;
    const { compiled, plan } = runtime;
    return whyRow(values, batchId === undefined || batchId === outlook.batchId ? outlook : pastOutlook(outlook, batchId, this.#recent), {
      plan,
      mode: this.#definition.mode,
      settings: { ansi },
      watermarkOf: (node, us) => compiled.propagate(us)[compiled.operatorNodes.indexOf(node)] ?? us,
    });
  }

  /** Why the window that ends at `end` (ISO text) is still open, and what has to arrive before it closes. */
  whyWindow(end: string): WhyWindow {
    const endUs = fromJsonValue(end, { type: "timestamp" });
    const { runtime, outlook } = this.#execution;
    const { compiled } = runtime;
    const marks = compiled.propagate(outlook.watermarkMs * 1000);
    const windows = compiled.operators.flatMap((operator, i) => {
      const node = compiled.operatorNodes[i];
      if (node?.op !== "aggregate" && node?.op !== "session") return [];
      if (!node.keyColumns.some((column) => column.eventTimeDelayMs !== undefined)) return [];
      return [{ name: operator.name, watermarkMs: Math.floor((marks[i] ?? 0) / 1000) }];
    });
    return whyWindow(Number(endUs), outlook, this.#definition.mode, windows);
  }

  /** What the next batch will do. */
  whyNextBatch(): WhyNextBatch {
    return whyNextBatch(this.#execution.outlook);
  }

  /**
   * How the records read so far by this run differ from the schemas of those from_json calls that have the option `driftReport: "true"`: new, missing
   * and changed fields, with counts. `text` is for printing.
   */
  driftReport(): DriftReport {
    return this.#execution.runtime.run.drift.report();
  }

  /** The generated code. */
  explain(): string {
    return this.#execution.runtime.compiled.stages.flatMap((stage) => stage.code).join("\n\n");
  }

  #begin(): void {
    for (const listener of this.#definition.listeners) {
      listener.onQueryStarted?.({ id: this.id, runId: this.runId, name: this.name, timestamp: this.#now() });
    }
    this.#ended = this.#run();
  }

  #now(): string {
    return new Date(Math.floor(this.#definition.clock.nowMs())).toISOString();
  }

  async #run(): Promise<void> {
    try {
      await this.#loop();
    } catch (thrown) {
      if (!this.#stop.signal.aborted) this.#exception = new StreamingQueryError(this.id, this.name, thrown);
    }
    this.#active = false;
    this.#status = {
      message: this.#exception ? `Terminated with exception: ${messageOf(this.#exception.cause)}` : "Stopped",
      isDataAvailable: false,
      isTriggerActive: false,
    };
    this.#kill.abort(new Error("the query has ended"));
    await this.#execution.end();
    await closeAll(this.#resources);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.#exception) waiter.reject(this.#exception);
      else waiter.resolve();
    }
    for (const listener of this.#definition.listeners) {
      const exception = this.#exception?.message ?? null;
      listener.onQueryTerminated?.({ id: this.id, runId: this.runId, exception, errorClassOnException: this.#exception?.code ?? null });
    }
  }

  /**
   * One trigger after the other: a batch when there is reason for one, then the pause that the trigger asks for. Timers, sockets and `stop` get a turn
   * between two batches, also where neither source, checkpoint nor sink ever waits.
   */
  async #loop(): Promise<void> {
    const { trigger, clock } = this.#definition;
    for (;;) {
      if (this.#stop.signal.aborted) return;
      const waiters = this.#waiters;
      this.#waiters = [];
      const startedMs = clock.monotonicMs();
      this.#status = { message: "Processing new data", isDataAvailable: true, isTriggerActive: true };
      let ran: boolean;
      try {
        ran = await this.#execution.step(this.#kill.signal);
      } finally {
        this.#waiters = [...waiters, ...this.#waiters];
      }
      if (trigger.kind === "once" || (trigger.kind === "availableNow" && !ran)) return;
      if (ran) await nextTurn();
      else this.#idle(waiters);
      if (trigger.kind === "interval" && trigger.ms > 0) await this.#pause(trigger.ms - ((clock.monotonicMs() - startedMs) % trigger.ms));
      else if (!ran) await this.#changed();
    }
  }

  #idle(waiters: readonly { resolve(): void }[]): void {
    this.#status = { message: "Waiting for data to arrive", isDataAvailable: false, isTriggerActive: false };
    this.#waiters = this.#waiters.filter((waiter) => !waiters.includes(waiter));
    for (const waiter of waiters) waiter.resolve();
    this.#tellIdle();
  }

  /** Idleness is told at once where no batch has run before it, then at intervals (Spark's noDataProgressEventInterval). */
  #tellIdle(): void {
    const { clock, idleEventMs, listeners } = this.#definition;
    if (clock.monotonicMs() - this.#heardMs < idleEventMs) return;
    this.#heardMs = clock.monotonicMs();
    for (const listener of listeners) listener.onQueryIdle?.({ id: this.id, runId: this.runId, timestamp: this.#now() });
  }

  async #tellIdleWhile(signal: AbortSignal): Promise<void> {
    const { clock, idleEventMs } = this.#definition;
    while (!signal.aborted) {
      await clock.sleep(Math.max(1, idleEventMs - (clock.monotonicMs() - this.#heardMs)), signal);
      this.#tellIdle();
    }
  }

  /** Waits until some source has news, somebody waits for the query, or it is stopped. */
  async #changed(): Promise<void> {
    await this.#until((signal) => [
      ...this.#sources.map((source, i) => source.changed(this.#execution.committed[i] ?? null, signal)),
      this.#tellIdleWhile(signal),
    ]);
  }

  async #pause(ms: number): Promise<void> {
    if (this.#waiters.length > 0) return;
    await this.#until((signal) => [this.#definition.clock.sleep(ms, signal)]);
  }

  async #until(start: (signal: AbortSignal) => readonly Promise<void>[]): Promise<void> {
    if (this.#waiters.length > 0 || this.#stop.signal.aborted) return;
    const over = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const waits = start(over.signal);
    try {
      await Promise.race([woken, ...waits]);
    } finally {
      this.#wake = undefined;
      over.abort(new Error("no longer waited for"));
      await Promise.allSettled(waits);
    }
  }

  #tell(progress: StreamingQueryProgress): void {
    this.#recent.push(progress);
    this.#heardMs = this.#definition.clock.monotonicMs();
    if (this.#recent.length > KEPT_PROGRESS) this.#recent.shift();
    for (const listener of this.#definition.listeners) listener.onQueryProgress?.({ progress });
  }

  /**
   * Resolves when everything that was there at the call has been processed and committed; rejects with the query's error, with the reason of an aborted
   * signal, and when it takes longer than allowed (the query goes on then). For tests.
   */
  async processAllAvailable(wait?: Wait): Promise<void> {
    if (!this.#active) {
      if (this.#exception) throw this.#exception;
      return;
    }
    const options = waitOptions(wait);
    options.signal?.throwIfAborted();
    const done = new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject }));
    this.#wake?.();
    if (await within(done, this.#definition.clock, options)) return;
    throw new StreamlabError("QUERY_STILL_PROCESSING", {
      failed: `Query ${this.name ?? this.id} has not processed all that was available within ${options.timeoutMs} ms`,
      found: this.#status.message,
      remedy: "Wait longer, or look at lastProgress: a source that always has more never comes to an end.",
    });
  }

  /** Resolves with true when the query has ended, with false after the time given; rejects if it ended by an error, or the signal is aborted. */
  async awaitTermination(wait?: Wait): Promise<boolean> {
    if (!(await within(this.#ended, this.#definition.clock, waitOptions(wait)))) return false;
    if (this.#exception) throw this.#exception;
    return true;
  }

  /**
   * Ends the query after the batch that is running. One that does not end within the time given (ten seconds), or before the signal is aborted, is
   * rolled back and will be run again by the next start.
   */
  async stop(wait?: Wait): Promise<void> {
    const options = waitOptions(wait);
    this.#stop.abort(new Error("the query is stopped"));
    this.#wake?.();
    const inTime = await within(this.#ended, this.#definition.clock, { timeoutMs: STOP_GRACE_MS, ...options }).catch(() => false);
    if (inTime) return;
    this.#kill.abort(new Error("the query is stopped"));
    await this.#ended;
  }
}

function runtimeOf(
  definition: QueryDefinition,
  settings: QuerySettings,
  stateFolder: string,
  files: DurableFiles,
  keepDeadLetters: boolean,
): QueryRuntime {
  const context = { ...definition.context, settings: { ...definition.context.settings, ansi: settings.ansi } };
  return openRuntime({
    plan: definition.plan,
    mode: definition.mode,
    context,
    stateFolder,
    files,
    keepDeadLetters,
    maxFutureMs: definition.maxFutureMs,
  });
}
