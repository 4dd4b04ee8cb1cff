import { mkdirSync, statfsSync } from "node:fs";
import path from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { systemClock, type Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { CommandFailure, DocumentServerError } from "../failure.ts";

/** What SQLite takes and gives for a column here. */
export type Cell = string | number | bigint | Uint8Array | null;

type WriteJob = {
  readonly run: () => unknown;
  readonly sync: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
};

const ON_DISK: readonly string[] = [
  "locking_mode = EXCLUSIVE",
  "journal_mode = WAL",
  "synchronous = NORMAL",
  "wal_autocheckpoint = 4000",
  "journal_size_limit = 67108864",
  "cache_size = -16000",
];

/**
 * The one SQLite file behind a server: WAL, one owner. Writes are queued and run together, all that arrive in one turn of the event loop in
 * one transaction; a write's promise resolves after its COMMIT, so that a kill −9 loses nothing that was acknowledged. When one of them asks
 * for `sync` the whole transaction commits with synchronous=FULL and survives a power cut too.
 */
export class DocumentFile {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #queue: WriteJob[] = [];
  #scheduled = false;
  #closed = false;
  #full = false;
  readonly clock: Clock;
  /** Nothing is on a disk: what is written is gone with the process. */
  readonly inMemory: boolean;
  readonly #onRollback: (() => void)[] = [];
  #afterCommit: (() => void)[] = [];

  /** `dataDir` undefined keeps everything in memory. Throws DocumentServerError when the folder cannot be used or another process owns the file. */
  constructor(dataDir: string | undefined, clock: Clock = systemClock) {
    this.clock = clock;
    this.inMemory = dataDir === undefined;
    this.path = dataDir === undefined ? ":memory:" : path.join(dataDir, "documents.sqlite");
    try {
      if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true });
      this.#database = new DatabaseSync(this.path, { timeout: 200 });
      for (const pragma of [
        ...(dataDir === undefined ? ["journal_mode = MEMORY"] : ON_DISK),
        "temp_store = MEMORY",
        "trusted_schema = OFF",
      ])
        this.#database.exec(`PRAGMA ${pragma}`);
      this.#database.exec("BEGIN IMMEDIATE; COMMIT");
    } catch (thrown) {
      const locked = /locked|busy/i.test(messageOf(thrown));
      throw new DocumentServerError(locked ? "DATA_IN_USE" : "DATA_UNUSABLE", {
        failed: `Cannot open the document server's data in ${dataDir ?? "memory"}`,
        found: locked ? "another process has it open" : messageOf(thrown),
        remedy: locked
          ? "Stop the other server, or choose another folder with --data."
          : "Choose a folder that can be written to, with --data.",
        cause: thrown,
      });
    }
  }

  /** Called after a transaction was rolled back as a whole: what memory knows of the catalog must be read again. */
  onRollback(reread: () => void): void {
    this.#onRollback.push(reread);
  }

  /** Calls `then` once, after the transaction under way has committed; never where it is rolled back. */
  afterCommit(then: () => void): void {
    this.#afterCommit.push(then);
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /** A statement by its text, prepared once. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      if (this.#statements.size > 2000) this.#statements.clear();
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Forgets prepared statements, before a table goes. */
  forgetStatements(): void {
    this.#statements.clear();
  }

  /**
   * Runs `job` inside the next transaction and resolves with its result after the commit. A CommandFailure of a job is its own; any other
   * error (disk full, I/O) rolls the transaction back and fails every job in it.
   */
  write<T>(job: () => T, options: { readonly sync?: boolean } = {}): Promise<T> {
    if (this.#closed) return Promise.reject(new CommandFailure("InterruptedAtShutdown", "the server is shutting down"));
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run: job, sync: options.sync === true, resolve: resolve as (value: unknown) => void, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#drain());
    });
  }

  #drain(): void {
    this.#scheduled = false;
    const jobs = this.#queue;
    this.#queue = [];
    if (jobs.length === 0) return;
    const settle: (() => void)[] = [];
    try {
      this.#setFull(jobs.some((job) => job.sync));
      this.#database.exec("BEGIN IMMEDIATE");
      for (const job of jobs) {
        try {
          const result = job.run();
          settle.push(() => job.resolve(result));
        } catch (thrown) {
          if (!(thrown instanceof CommandFailure)) throw thrown;
          settle.push(() => job.reject(thrown));
        }
      }
      this.#database.exec("COMMIT");
    } catch (thrown) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#afterCommit = [];
      for (const reread of this.#onRollback) reread();
      const full = /full/i.test(messageOf(thrown));
      const failure = new CommandFailure(full ? "OutOfDiskSpace" : "InternalError", `the write was rolled back: ${messageOf(thrown)}`);
      for (const job of jobs) job.reject(failure);
      return;
    }
    for (const done of settle) done();
    const then = this.#afterCommit;
    this.#afterCommit = [];
    for (const one of then) one();
  }

  #setFull(full: boolean): void {
    if (full === this.#full) return;
    this.#database.exec(`PRAGMA synchronous = ${full ? "FULL" : "NORMAL"}`);
    this.#full = full;
  }

  /** The file system that holds the file; undefined in memory. */
  diskUse(): { readonly used: number; readonly total: number } | undefined {
    if (this.inMemory) return undefined;
    const { blocks, bfree, bsize } = statfsSync(path.dirname(this.path));
    return { used: (blocks - bfree) * bsize, total: blocks * bsize };
  }

  /** Commits what is queued and closes the file. */
  close(): void {
    if (this.#closed) return;
    this.#drain();
    this.#closed = true;
    this.#statements.clear();
    this.#database.close();
  }
}
