import type { Format } from "../formats.ts";
import type { Row, StructType } from "../types/data-type.ts";
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

  get rows(): Row[] {
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
    const truncate = options.truncate === "false" ? 0 : /^\d+$/.test(options.truncate ?? "") ? Number(options.truncate) : 20;
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

/** Takes everything and keeps nothing, for measurements. */
export const noopFormat: Format = {
  name: "noop",
  openSink: () => Promise.resolve({ description: "NoopTable", write: done, close: done }),
};

/** Hands every batch to a function; at least once, the function makes it idempotent by the batch's number. */
export function foreachBatchSink(write: (batch: SinkBatch) => void | Promise<void>): Sink {
  return { description: "ForeachBatchSink", write: async (batch) => write(batch), close: done };
}

/** Hands every row to a function, one after the other. */
export function foreachSink(write: (row: Row, batch: SinkBatch) => void | Promise<void>): Sink {
  return {
    description: "ForeachWriterTable",
    write: async (batch, signal) => {
      for (const [i, row] of batch.rows.entries()) {
        signal.throwIfAborted();
        await write(row, batch);
        failpoint("w3.mid", batch.batchId, undefined, i + 1);
      }
    },
    close: done,
  };
}
