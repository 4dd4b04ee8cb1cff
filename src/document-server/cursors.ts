import { randomBytes } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { MAX_DOCUMENT_BYTES } from "./bson/raw.ts";
import { CommandFailure } from "./failure.ts";

const MAX_CURSORS = 10_000;
const IDLE_MS = 10 * 60_000;
const DEFAULT_FIRST_BATCH = 101;

/** An open cursor: documents still to come, of one namespace. */
type Cursor = {
  readonly id: bigint;
  readonly namespace: string;
  readonly documents: Iterator<Buffer>;
  held: Buffer | undefined;
  usedMs: number;
};

export type Batch = { readonly documents: Buffer[]; readonly cursorId: bigint };

/** The cursors of a server. They end when read out, killed, left alone for ten minutes (as MongoDB's), or, the oldest first, beyond 10 000. */
export class Cursors {
  readonly #clock: Clock;
  readonly #open = new Map<bigint, Cursor>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The first batch: `batchSize` documents, 101 by default, at most 16 MiB; the rest stays behind a cursor unless `single`. */
  open(namespace: string, documents: Iterator<Buffer>, batchSize: number | undefined, single: boolean): Batch {
    const cursor: Cursor = { id: newId(), namespace, documents, held: undefined, usedMs: this.#clock.monotonicMs() };
    const { batch, done } = take(cursor, batchSize ?? DEFAULT_FIRST_BATCH);
    if (done || single) {
      documents.return?.();
      return { documents: batch, cursorId: 0n };
    }
    this.#expire();
    this.#open.set(cursor.id, cursor);
    return { documents: batch, cursorId: cursor.id };
  }

  next(id: bigint, namespace: string, batchSize: number | undefined): Batch {
    const cursor = this.#open.get(id);
    if (!cursor || cursor.namespace !== namespace) throw new CommandFailure("CursorNotFound", `cursor id ${id} not found`);
    this.#open.delete(id);
    const { batch, done } = take(cursor, batchSize === undefined || batchSize === 0 ? Infinity : batchSize);
    if (done) return { documents: batch, cursorId: 0n };
    cursor.usedMs = this.#clock.monotonicMs();
    this.#open.set(id, cursor);
    return { documents: batch, cursorId: id };
  }

  kill(id: bigint): boolean {
    return this.#open.delete(id);
  }

  /** The map is in order of last use: the idle ones and those too many stand in front. */
  #expire(): void {
    const now = this.#clock.monotonicMs();
    for (const [id, cursor] of this.#open) {
      if (this.#open.size < MAX_CURSORS && now - cursor.usedMs < IDLE_MS) return;
      this.#open.delete(id);
    }
  }
}

function newId(): bigint {
  return (randomBytes(8).readBigUInt64LE() >> 1n) | 1n;
}

function take(cursor: Cursor, limit: number): { readonly batch: Buffer[]; readonly done: boolean } {
  const batch: Buffer[] = [];
  let bytes = 0;
  while (batch.length < limit) {
    const document = cursor.held ?? pull(cursor);
    cursor.held = undefined;
    if (document === undefined) return { batch, done: true };
    if (batch.length > 0 && bytes + document.length > MAX_DOCUMENT_BYTES) {
      cursor.held = document;
      return { batch, done: false };
    }
    batch.push(document);
    bytes += document.length;
  }
  if (limit === 0) return { batch, done: false };
  cursor.held = pull(cursor);
  return { batch, done: cursor.held === undefined };
}

function pull(cursor: Cursor): Buffer | undefined {
  const next = cursor.documents.next();
  return next.done ? undefined : next.value;
}
