import type { Row, StructType } from "../types/data-type.ts";
import type { Block, Offset, RawBlock, RecordBlock, Source } from "./source.ts";

/**
 * A stream that is fed by hand, as Spark's MemoryStream: every `add` is one step of its offset, also one without rows. The data belong to this
 * object, so that a query which is started again reads on.
 */
export class MemoryInput {
  readonly schema: StructType;
  readonly name: string;
  readonly #adds: Block[] = [];
  #waiting: (() => void)[] = [];

  constructor(name: string, schema: StructType) {
    this.name = name;
    this.schema = schema;
  }

  /** Adds rows in the engine's representation (data-type.ts). */
  add(rows: readonly Row[]): void {
    this.#push({ kind: "rows", rows });
  }

  /** Adds raw records, for tests of what reads bytes. */
  addRecords(block: RecordBlock | RawBlock): void {
    this.#push(block);
  }

  #push(block: Block): void {
    this.#adds.push(block);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** A source over this input, for one query. */
  open(): Source {
    let frozen: number | undefined;
    const end = (): number => frozen ?? this.#adds.length;
    return {
      schema: this.schema,
      description: `MemoryStream[${this.schema.fields.map((field) => field.name).join(",")}]`,
      initial: () => Promise.resolve(0),
      latest: () => Promise.resolve(end()),
      read: (from, to) => blocks(this.#adds.slice(at(from), at(to))),
      changed: (from, signal) => this.#changed(at(from), signal),
      commit: () => Promise.resolve(),
      freeze: () => {
        frozen = this.#adds.length;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
  }

  #changed(from: number, signal: AbortSignal): Promise<void> {
    if (this.#adds.length > from) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.push(() => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
    });
  }
}

/** The rows of a table that is kept in memory, read as a whole. */
export function tableSource(table: { readonly schema: StructType; readonly engineRows: readonly Row[] }): Source {
  return {
    schema: table.schema,
    description: "MemoryTable",
    initial: () => Promise.resolve(0),
    latest: () => Promise.resolve(1),
    read: () => blocks([{ kind: "rows", rows: table.engineRows }]),
    changed: () => Promise.resolve(),
    commit: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function at(offset: Offset): number {
  return typeof offset === "number" ? offset : 0;
}

async function* blocks(adds: readonly Block[]): AsyncIterable<Block> {
  yield* adds;
}
