import type { Sink } from "./sink.ts";

/** A record that could not be read: where it came from, why, and its raw bytes (null for a record without a value). */
export type DeadLetterRow = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly value: Uint8Array | null;
};

/** Hands the dead letters of a batch to a function, by name. A batch may come again after a crash, under the same number; one without any does not come. */
export function deadLetterRows(write: (letters: readonly DeadLetterRow[], batchId: number) => void | Promise<void>): Sink {
  return {
    description: "DeadLetters",
    write: async ({ batchId, rows, schema }) => {
      const names = schema.fields.map((one) => one.name);
      await write(
        rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])) as DeadLetterRow),
        batchId,
      );
    },
    close: () => Promise.resolve(),
  };
}
