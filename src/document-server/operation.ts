import type { Clock } from "../base/clock.ts";
import { CommandFailure, type CodeName } from "./failure.ts";

/** How long one operation may keep the event loop before others get their turn. */
const TURN_MS = 8;

const MESSAGES: Partial<Record<CodeName, string>> = {
  MaxTimeMSExpired: "operation exceeded time limit",
  Interrupted: "operation was interrupted",
  CursorKilled: "operation was interrupted because the cursor was killed",
  ClientDisconnect: "operation was interrupted because the client has gone",
  InterruptedAtShutdown: "interrupted at shutdown",
};

/**
 * One command under way: it can be killed (killOp, a client that is gone), it has a deadline (maxTimeMS), and it gives way to others.
 * What loops over many documents calls `isDue` for each and awaits `rest` when it says so.
 */
export class Operation {
  readonly id: number;
  readonly connectionId: number;
  readonly name: string;
  readonly namespace: string;
  readonly command: Readonly<Record<string, unknown>>;
  readonly startedAtMs: number;
  /** Times at which it let others go first. */
  yields: number = 0;
  readonly #clock: Clock;
  readonly #startMs: number;
  #turnMs: number;
  #deadlineMs: number = Infinity;
  #killed: CodeName | undefined;
  readonly #onKill = new Set<() => void>();

  constructor(
    clock: Clock,
    about: Pick<Operation, "id" | "connectionId" | "name" | "namespace" | "command"> & { readonly maxTimeMs: number | undefined },
  ) {
    this.#clock = clock;
    this.id = about.id;
    this.connectionId = about.connectionId;
    this.name = about.name;
    this.namespace = about.namespace;
    this.command = about.command;
    this.startedAtMs = clock.nowMs();
    this.#startMs = clock.monotonicMs();
    this.#turnMs = this.#startMs;
    if (about.maxTimeMs) this.#deadlineMs = this.#startMs + about.maxTimeMs;
  }

  get runningMs(): number {
    return this.#clock.monotonicMs() - this.#startMs;
  }

  /** What is left of maxTimeMS; undefined without one. */
  get leftMs(): number | undefined {
    return this.#deadlineMs === Infinity ? undefined : Math.max(1, this.#deadlineMs - this.#clock.monotonicMs());
  }

  set leftMs(ms: number | undefined) {
    this.#deadlineMs = ms === undefined ? Infinity : this.#clock.monotonicMs() + ms;
  }

  get isKilled(): boolean {
    return this.#killed !== undefined;
  }

  kill(why: CodeName): void {
    this.#killed ??= why;
    for (const wake of this.#onKill) wake();
    this.#onKill.clear();
  }

  /** Calls `wake` when the operation is killed; gives what takes it back. */
  onKill(wake: () => void): () => void {
    if (this.#killed) wake();
    else this.#onKill.add(wake);
    return () => this.#onKill.delete(wake);
  }

  /** Whether its turn is over, or it must not go on. Cheap: a look at the clock. */
  get isDue(): boolean {
    const now = this.#clock.monotonicMs();
    return now - this.#turnMs >= TURN_MS || now > this.#deadlineMs || this.#killed !== undefined;
  }

  /** Throws when it was killed or its time is up. */
  check(): void {
    const why = this.#killed ?? (this.#clock.monotonicMs() > this.#deadlineMs ? "MaxTimeMSExpired" : undefined);
    if (why) throw new CommandFailure(why, MESSAGES[why] ?? "operation was interrupted");
  }

  /** Lets others go first. @throws CommandFailure when it was killed or its time is up */
  async rest(): Promise<void> {
    this.check();
    this.yields++;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.check();
    this.#turnMs = this.#clock.monotonicMs();
  }
}

/** All of a generator's results; where it yields undefined there is nothing yet. Others get their turns. */
export async function collect<T>(steps: Iterable<T | undefined>, operation: Operation, each: (item: T) => void): Promise<void> {
  for (const step of steps) {
    if (step !== undefined) each(step);
    if (operation.isDue) await operation.rest();
  }
}
