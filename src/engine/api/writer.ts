import { parseDurationMs } from "../../base/duration.ts";
import { StreamlabError } from "../../base/errors.ts";
import { outputModeOf } from "../plan/check.ts";
import type { StreamingQuery } from "../query/streaming-query.ts";
import type { TriggerOptions } from "../query/trigger.ts";
import { triggerOf } from "../query/trigger.ts";
import type { ForeachWriter } from "../sinks/builtin.ts";
import type { DeadLetterRow } from "../sinks/dead-letter-rows.ts";
import { deadLetterRows } from "../sinks/dead-letter-rows.ts";
import { foreachBatchSink, foreachWriterSink, MemoryTable } from "../sinks/builtin.ts";
import { openDeadLetterFolder } from "../sinks/dead-letter-folder.ts";
import type { Sink } from "../sinks/sink.ts";
import { toJsonValue } from "../types/json-value.ts";
import type { DataFrame } from "./data-frame.ts";
import type { JsonRow } from "./planned-query.ts";
import type { SessionInternals } from "./session.ts";

/** `frame.writeStream`: where the results go, how, and when; `start` runs the query. */
export class DataStreamWriter<R> {
  readonly #session: SessionInternals;
  readonly #frame: DataFrame<R>;
  #mode = "append";
  #name: string | undefined;
  #format: string | undefined;
  #options: Record<string, string> = {};
  #trigger: TriggerOptions = { processingTime: "0 seconds" };
  #sink: (() => Promise<Sink>) | undefined;
  #deadLetters: (() => Promise<Sink>) | undefined;

  constructor(session: SessionInternals, frame: DataFrame<R>) {
    this.#session = session;
    this.#frame = frame;
  }

  /** append (default), update or complete. */
  outputMode(mode: string): this {
    this.#mode = mode;
    return this;
  }

  /** A name, one of its kind among the session's running queries. */
  queryName(name: string): this {
    this.#name = name;
    return this;
  }

  /** console, memory (a table under the query's name), noop, or a format of the session. */
  format(name: string): this {
    this.#format = name;
    return this;
  }

  /**
   * Options of the sink, and of the query: `checkpointLocation`, `deadLetter` (a folder), `maxFutureEventTime` (such as "1 hour"): rows whose event
   * time lies further ahead of their batch's time than that are processed, but do not move the watermark, and are counted as `futureRows` in the
   * progress of the first source. Without it every row moves the watermark, as in Spark, and one wrong clock can make all other rows late.
   */
  option(name: string, value: string | number | boolean): this {
    this.#options[name] = String(value);
    return this;
  }

  options(values: Readonly<Record<string, string | number | boolean | readonly string[]>>): this {
    for (const [name, value] of Object.entries(values)) this.#options[name] = Array.isArray(value) ? value.join(",") : String(value);
    return this;
  }

  trigger(trigger: TriggerOptions): this {
    this.#trigger = trigger;
    return this;
  }

  /** Hands every batch to a function, as rows in JSON form. A batch may come again after a crash, under the same number. */
  foreachBatch(write: (rows: readonly JsonRow[], batchId: number) => void | Promise<void>): this {
    this.#sink = () =>
      Promise.resolve(
        foreachBatchSink((batch) =>
          write(
            batch.rows.map((row) => toJsonValue(row, batch.schema) as JsonRow),
            batch.batchId,
          ),
        ),
      );
    return this;
  }

  /** Hands every row, in JSON form, to a function, or to a writer that is opened and closed for every batch. */
  foreach(write: ((row: JsonRow) => void | Promise<void>) | ForeachWriter<JsonRow>): this {
    const writer: ForeachWriter<JsonRow> = typeof write === "function" ? { process: write } : write;
    this.#sink = () =>
      Promise.resolve(
        foreachWriterSink({
          open: (partitionId, batchId) => writer.open?.(partitionId, batchId),
          process: ({ row, batch }) => writer.process(toJsonValue(row, batch.schema) as JsonRow),
          close: (error) => writer.close?.(error),
        }),
      );
    return this;
  }

  /** Writes to a sink of one's own; the query closes it. */
  sink(sink: Sink): this {
    this.#sink = () => Promise.resolve(sink);
    return this;
  }

  /**
   * Keeps malformed records, batch by batch: in a folder, by a function that gets them by name, or in a sink of one's own (columns topic, partition,
   * offset, reason, value).
   */
  deadLetter(target: string | ((letters: readonly DeadLetterRow[], batchId: number) => void | Promise<void>) | Sink): this {
    this.#deadLetters = () => {
      if (typeof target === "string") return openDeadLetterFolder(target);
      return Promise.resolve(typeof target === "function" ? deadLetterRows(target) : target);
    };
    return this;
  }

  /** Checks the query, takes its checkpoint and runs it. Throws UnsupportedQueryError for what streaming does not do, CheckpointError for a checkpoint that it must not use. `path` stands for the option of that name, for formats of files. */
  async start(path?: string): Promise<StreamingQuery> {
    if (path !== undefined) this.option("path", path);
    const mode = outputModeOf(this.#mode);
    const { checkpointLocation, deadLetter, maxFutureEventTime, ...options } = this.#options;
    const deadLetters = this.#deadLetters ?? (deadLetter === undefined ? undefined : () => openDeadLetterFolder(deadLetter));
    return this.#session.start({
      plan: this.#frame.plan,
      context: this.#frame.context,
      mode,
      name: this.#name,
      checkpointLocation,
      trigger: triggerOf(this.#trigger),
      ...(maxFutureEventTime !== undefined && { maxFutureMs: maxFutureOf(maxFutureEventTime) }),
      openSink: this.#sink ?? (() => this.#openFormat(options, mode)),
      openDeadLetters: () => deadLetters?.() ?? Promise.resolve(undefined),
    });
  }

  #openFormat(options: Readonly<Record<string, string>>, outputMode: "append" | "update" | "complete"): Promise<Sink> {
    if (this.#format === "memory") {
      if (!this.#name)
        throw new StreamlabError("MEMORY_SINK_NEEDS_NAME", {
          failed: "Cannot write to memory",
          found: "the query has no name",
          remedy: "Give it one with queryName.",
        });
      const table = new MemoryTable(this.#frame.schema);
      this.#session.tables.set(this.#name, table);
      return Promise.resolve(table);
    }
    const format = this.#session.formatOf(this.#format ?? "");
    if (!format.openSink)
      throw new StreamlabError("CANNOT_WRITE_FORMAT", {
        failed: `Cannot write the format ${this.#format ?? ""}`,
        found: "it can only be read",
        remedy: "Choose another format.",
      });
    return format.openSink({ options, clock: this.#session.clock, outputMode, ...(this.#name !== undefined && { queryName: this.#name }) });
  }
}

function maxFutureOf(text: string): number {
  const ms = parseDurationMs(text);
  if (ms >= 0) return ms;
  throw new StreamlabError("INVALID_OPTION", {
    failed: "Cannot start the query",
    found: `maxFutureEventTime is "${text}", a time in the past`,
    remedy: 'Give how far ahead of the clock event times may be, such as "1 hour".',
  });
}
