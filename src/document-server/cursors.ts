import { randomBytes } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { MAX_DOCUMENT_BYTES } from "./bson/raw.ts";
import { CommandFailure } from "./failure.ts";
import type { Operation } from "./operation.ts";
import { AT_END } from "./query/scan.ts";
import type { Held } from "./query/sort.ts";
import type { Collection } from "./storage/collection.ts";

const MAX_CURSORS = 10_000;
/** What all open cursors together may hold of results that are in memory (sorted, grouped). */
const MAX_HELD_BYTES = 256 * 1024 * 1024;
const IDLE_MS = 10 * 60_000;
const DEFAULT_FIRST_BATCH = 101;
/** How long a tailable cursor waits for more when the client does not say. */
const AWAIT_MS = 1_000;

/** A document, undefined where there is none yet and others may have their turn, or AT_END of a tailable cursor's collection. */
export type CursorStep = Buffer | undefined | typeof AT_END;

/** What a command opens a cursor on. */
export type CursorSource = {
  readonly namespace: string;
  readonly steps: Iterator<CursorStep>;
  /** What it reads; a cursor ends when that is dropped. */
  readonly collection?: Collection | undefined;
  readonly held?: Held;
  readonly tailable?: "no" | "tail" | "await";
  readonly noTimeout?: boolean;
  /** The session that opened it, with whose end it ends. */
  readonly session?: string | undefined;
  /** The user that opened it, who alone may read on. */
  readonly user?: string | undefined;
};

type Cursor = CursorSource & {
  readonly id: bigint;
  heldBack: Buffer | undefined;
  usedMs: number;
  leftMs: number | undefined;
  /** Who reads it now. */
  reader: Operation | undefined;
  killed: boolean;
};

export type Batch = { readonly documents: Buffer[]; readonly cursorId: bigint };

export type Reading = {
  readonly operation: Operation;
  readonly batchSize: number | undefined;
  /** How long a tailable cursor may wait. */
  readonly awaitMs?: number | undefined;
  readonly session?: string | undefined;
  readonly user?: string | undefined;
};

/**
 * The cursors of a server, whichever connection reads them. They end when read out, killed, left alone for ten minutes (as MongoDB's), when their
 * collection goes, or, those that were used least recently first, beyond 10 000 of them or 256 MiB of results in memory.
 */
export class Cursors {
  readonly #clock: Clock;
  readonly #open = new Map<bigint, Cursor>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Open ones that no time limit ends, and those that a command reads now. */
  counts(): { readonly total: number; readonly noTimeout: number; readonly pinned: number } {
    const all = [...this.#open.values()];
    return {
      total: all.length,
      noTimeout: all.filter((cursor) => cursor.noTimeout).length,
      pinned: all.filter((cursor) => cursor.reader).length,
    };
  }

  /** The first batch: `batchSize` documents, 101 by default, at most 16 MiB; the rest stays behind a cursor unless `single`. */
  async open(source: CursorSource, reading: Reading, single: boolean = false): Promise<Batch> {
    const { operation } = reading;
    const cursor: Cursor = {
      ...source,
      id: newId(),
      heldBack: undefined,
      usedMs: this.#clock.monotonicMs(),
      leftMs: undefined,
      reader: undefined,
      killed: false,
    };
    const { batch, done } = await take(cursor, reading.batchSize ?? DEFAULT_FIRST_BATCH, operation);
    if (done || single) {
      cursor.steps.return?.();
      return { documents: batch, cursorId: 0n };
    }
    cursor.usedMs = this.#clock.monotonicMs();
    cursor.leftMs = operation.leftMs;
    this.#open.set(cursor.id, cursor);
    this.expire();
    return { documents: batch, cursorId: cursor.id };
  }

  /** Reads on. Codes 43 for a cursor that is not there, 12051 for one that another command reads, 175 where its collection has gone. */
  async next(id: bigint, namespace: string, reading: Reading): Promise<Batch> {
    const { operation, batchSize } = reading;
    const cursor = this.#open.get(id);
    if (!cursor) throw new CommandFailure("CursorNotFound", `cursor id ${id} not found`);
    checkReader(cursor, namespace, reading);
    if (cursor.reader) throw new CommandFailure("CursorInUse", `cursor id ${id} is already in use`);
    cursor.reader = operation;
    this.#open.delete(id);
    this.#open.set(id, cursor);
    let goesOn = false;
    try {
      checkThere(cursor);
      if (cursor.tailable === undefined || cursor.tailable === "no") operation.leftMs ??= cursor.leftMs;
      const limit = batchSize === undefined || batchSize === 0 ? Infinity : batchSize;
      let taken = await take(cursor, limit, operation);
      if (taken.batch.length === 0 && !taken.done && cursor.tailable === "await") {
        await this.#insertOrTime(cursor, reading.awaitMs ?? AWAIT_MS);
        checkThere(cursor);
        taken = await take(cursor, limit, operation);
      }
      goesOn = !taken.done && !cursor.killed;
      return { documents: taken.batch, cursorId: goesOn ? id : 0n };
    } catch (thrown) {
      if (cursor.collection?.gone && !(thrown instanceof CommandFailure)) checkThere(cursor);
      throw thrown;
    } finally {
      cursor.reader = undefined;
      cursor.usedMs = this.#clock.monotonicMs();
      cursor.leftMs = operation.leftMs;
      if (!goesOn) this.#open.delete(id);
    }
  }

  /** Waits for an insert into the collection, the end of the time, or whoever kills the operation. */
  async #insertOrTime(cursor: Cursor, ms: number): Promise<void> {
    const waiting = new AbortController();
    const stop = (): void => waiting.abort();
    const takeBack = [cursor.collection?.onInsert(stop), cursor.reader?.onKill(stop)];
    await this.#clock.sleep(ms, waiting.signal).catch(() => undefined);
    for (const one of takeBack) one?.();
    cursor.reader?.check();
  }

  kill(id: bigint): boolean {
    const cursor = this.#open.get(id);
    if (!cursor) return false;
    this.#end(cursor);
    return true;
  }

  /** The user that opened a cursor; undefined where there is no such cursor. */
  ownerOf(id: bigint): { readonly user: string | undefined; readonly namespace: string } | undefined {
    const cursor = this.#open.get(id);
    return cursor && { user: cursor.user, namespace: cursor.namespace };
  }

  /** Ends the cursors of sessions that are ended. */
  killSessions(sessions: ReadonlySet<string>): void {
    for (const cursor of [...this.#open.values()]) if (cursor.session !== undefined && sessions.has(cursor.session)) this.#end(cursor);
  }

  #end(cursor: Cursor): void {
    cursor.killed = true;
    cursor.reader?.kill("CursorKilled");
    if (!cursor.reader) cursor.steps.return?.();
    this.#open.delete(cursor.id);
  }

  /** Ends those that were left alone too long, and the least recently used of too many. The map is in order of last use. */
  expire(): void {
    const now = this.#clock.monotonicMs();
    let held = 0;
    for (const cursor of this.#open.values()) held += cursor.held?.bytes ?? 0;
    for (const cursor of [...this.#open.values()]) {
      if (cursor.reader) continue;
      const isIdle = !cursor.noTimeout && now - cursor.usedMs >= IDLE_MS;
      const isHeavy = held > MAX_HELD_BYTES && (cursor.held?.bytes ?? 0) > 0;
      if (!isIdle && !isHeavy && this.#open.size <= MAX_CURSORS) continue;
      held -= cursor.held?.bytes ?? 0;
      this.#end(cursor);
    }
  }
}

function checkReader(cursor: Cursor, namespace: string, reading: Reading): void {
  if (cursor.namespace !== namespace)
    throw new CommandFailure(
      "Unauthorized",
      `Requested getMore on namespace '${namespace}', but cursor belongs to a different namespace ${cursor.namespace}`,
    );
  if (cursor.user !== reading.user)
    throw new CommandFailure("Unauthorized", `cursor id ${cursor.id} was not created by the authenticated user`);
}

function checkThere(cursor: Cursor): void {
  if (cursor.collection?.gone)
    throw new CommandFailure("QueryPlanKilled", `collection ${cursor.collection.gone} while the cursor was open: ${cursor.namespace}`);
}

function newId(): bigint {
  return (randomBytes(8).readBigUInt64LE() >> 1n) | 1n;
}

async function take(cursor: Cursor, limit: number, operation: Operation): Promise<{ readonly batch: Buffer[]; readonly done: boolean }> {
  const batch: Buffer[] = [];
  let bytes = 0;
  let isAtEnd = false;
  const pull = async (): Promise<Buffer | undefined> => {
    for (;;) {
      if (operation.isDue) await operation.rest();
      const next = cursor.steps.next();
      if (next.done) return undefined;
      if (next.value === AT_END) {
        isAtEnd = true;
        return undefined;
      }
      if (next.value !== undefined) return next.value;
    }
  };
  while (batch.length < limit) {
    const document = cursor.heldBack ?? (await pull());
    cursor.heldBack = undefined;
    if (document === undefined) return { batch, done: !isAtEnd };
    if (batch.length > 0 && bytes + document.length > MAX_DOCUMENT_BYTES) {
      cursor.heldBack = document;
      return { batch, done: false };
    }
    batch.push(document);
    bytes += document.length;
  }
  if (limit === 0 || (cursor.tailable !== undefined && cursor.tailable !== "no")) return { batch, done: false };
  cursor.heldBack = await pull();
  return { batch, done: cursor.heldBack === undefined && !isAtEnd };
}
