import { StreamlabError } from "../../base/errors.ts";
import type { Format } from "../formats.ts";
import type { Row, StructType } from "../types/data-type.ts";
import type { JsonValue } from "../types/json-value.ts";
import { toJsonValue } from "../types/json-value.ts";
import { failpoint } from "../../base/failpoint.ts";
import type { Sink, SinkBatch } from "./sink.ts";
import { tableText } from "./table-text.ts";

const done = (): Promise<void> => Promise.resolve();

/** Rows kept in memory under the query's name; complete mode replaces them, a repeated batch is taken once. */
export class MemoryTable implements Sink {
  readonly description = "MemorySink";
  #schema: StructType;
  #batches: Map<number, readonly Row[]> = new Map();

  constructor(schema: StructType = { type: "struct", fields: [] }) {
    this.#schema = schema;
  }

  get schema(): StructType {
    return this.#schema;
  }

  /** The rows in JSON form, by column, as foreachBatch gives them: instants as ISO text, decimals as text. */
  get rows(): Readonly<Record<string, JsonValue>>[] {
    return this.engineRows.map((row) => toJsonValue(row, this.#schema) as Readonly<Record<string, JsonValue>>);
  }

  /** The rows in the engine's representation. */
  get engineRows(): Row[] {
    return [...this.#batches.values()].flat();
  }

  write(batch: SinkBatch): Promise<void> {
    this.#schema = batch.schema;
    if (batch.outputMode === "complete") this.#batches.clear();
    this.#batches.set(batch.batchId, batch.rows);
    return done();
  }

  close(): Promise<void> {
    return done();
  }
}

/** Prints every batch as Spark's console sink does. Options: `numRows` (20), `truncate` (true, false or a number of characters). */
export const consoleFormat: Format = {
  name: "console",
  openSink: ({ options }) => {
    const numRows = Number(options.numRows ?? 20);
    if (!Number.isInteger(numRows) || numRows < 0) throw consoleOption("numRows", options.numRows, "a whole number");
    const cut = (options.truncate ?? "true").toLowerCase();
    if (!/^(true|false|\d+)$/.test(cut)) throw consoleOption("truncate", options.truncate, "true, false or a number of characters");
    const truncate = cut === "false" ? 0 : cut === "true" ? 20 : Number(cut);
    return Promise.resolve({
      description: "org.apache.spark.sql.execution.streaming.ConsoleTable$",
      write: (batch) => {
        const rule = "-------------------------------------------";
        process.stdout.write(`${rule}\nBatch: ${batch.batchId}\n${rule}\n${tableText(batch.schema, batch.rows, { numRows, truncate })}\n`);
        return done();
      },
      close: done,
    });
  },
};

function consoleOption(name: string, value: string | undefined, expected: string): StreamlabError {
  return new StreamlabError("CONSOLE_OPTION", {
    failed: `Cannot print with the option ${name}`,
    found: String(value),
    remedy: `Give ${expected}.`,
  });
}

/** Takes everything and keeps nothing, for measurements. */
export const noopFormat: Format = {
  name: "noop",
  openSink: () => Promise.resolve({ description: "NoopTable", write: done, close: done }),
};

/** Hands every batch to a function; at least once, the function makes it idempotent by the batch's number. */
export function foreachBatchSink(write: (batch: SinkBatch) => void | Promise<void>): Sink {
  return { description: "ForeachBatchSink", countsRows: false, write: async (batch) => write(batch), close: done };
}

/**
 * What is told of every row of every batch (Spark's ForeachWriter). `open` may answer false: the batch was written before, its rows are left out. `close`
 * follows every `open` that did not fail, with the error that ended the batch, if one did. There is one partition, number 0.
 */
export interface ForeachWriter<R> {
  open?(partitionId: number, batchId: number): boolean | void | Promise<boolean | void>;
  process(row: R): void | Promise<void>;
  close?(error: Error | null): void | Promise<void>;
}

/** Hands every row to a function, one after the other. */
export function foreachSink(write: (row: Row, batch: SinkBatch) => void | Promise<void>): Sink {
  return foreachWriterSink({ process: ({ row, batch }) => write(row, batch) });
}

/** Hands every row to a writer, one after the other. */
export function foreachWriterSink(writer: ForeachWriter<{ readonly row: Row; readonly batch: SinkBatch }>): Sink {
  return {
    description: "ForeachWriterTable",
    write: async (batch, signal) => {
      const opened = await writer.open?.(0, batch.batchId);
      let error: Error | null = null;
      try {
        if (opened === false) return;
        for (const [i, row] of batch.rows.entries()) {
          signal.throwIfAborted();
          await writer.process({ row, batch });
          failpoint("w3.mid", batch.batchId, undefined, i + 1);
        }
      } catch (thrown) {
        error = thrown instanceof Error ? thrown : new Error(String(thrown));
        throw thrown;
      } finally {
        await writer.close?.(error);
      }
    },
    close: done,
  };
}
