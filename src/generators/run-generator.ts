import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { createPacer } from "./pacer.ts";
import type { GeneratedRecord, RecordGenerator, SendRecords, SpoilCounts } from "./record.ts";

export type GeneratorRun = {
  readonly generator: RecordGenerator;
  readonly send: SendRecords;
  /** Moments per second, each of which brings a message (spoilers may add and drop some); Infinity for as fast as they are acknowledged. */
  readonly ratePerSecond: number;
  /** End after so many moments, or after `ratePerSecond` × `seconds` of them; whichever comes first. Without both: until the signal. */
  readonly count?: number;
  readonly seconds?: number;
  /** Ends the run in good order: what is in flight is still waited for. */
  readonly signal?: AbortSignal;
  readonly clock: Clock;
  /** How often a batch is sent; 2 ms if not given. */
  readonly tickMs?: number;
  /** The most messages that wait for an acknowledgement; one second's worth, at least 2000, if not given. */
  readonly maxInFlight?: number;
  /** The most batches that wait for an acknowledgement; 4 if not given, 16 without a rate. A slow broker so gets fewer and larger batches. */
  readonly maxBatchesInFlight?: number;
  /** The event time of message 0, milliseconds since the epoch; the clock's now if not given. */
  readonly startMs?: number;
  /** Called about once per `progressEveryMs` (1000) and at the end. */
  readonly onProgress?: (progress: GeneratorProgress) => void;
  readonly progressEveryMs?: number;
};

export type GeneratorProgress = {
  readonly sent: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly inFlight: number;
  readonly elapsedMs: number;
  /** Acknowledged per second since the last report; in the last one, since the start. */
  readonly perSecond: number;
  readonly askedPerSecond: number;
};

export type GeneratorTotals = {
  readonly sent: number;
  readonly acknowledged: number;
  readonly failed: number;
  /** Why the first batch failed that failed. */
  readonly firstFailure: string | null;
  readonly elapsedMs: number;
  /** Acknowledged per second of the whole run. */
  readonly perSecond: number;
  readonly maxInFlight: number;
  readonly spoiled: SpoilCounts;
  /** The run ended by its signal. */
  readonly interrupted: boolean;
};

/**
 * Runs a generator at a rate and accounts for every message: sent = acknowledged + failed at the end. A moment's event time and timestamp are
 * the time at which it was due, so that a stall of the sender shows in the latency instead of hiding in it. A batch that cannot be sent is
 * counted as failed and the run goes on; `send` does its own retries.
 */
export async function runGenerator(run: GeneratorRun): Promise<GeneratorTotals> {
  const { clock, ratePerSecond, signal } = run;
  const tickMs = ratePerSecond === Infinity ? 0 : (run.tickMs ?? 2);
  const reportEveryMs = run.progressEveryMs ?? 1000;
  const moments = Math.min(
    run.count ?? Infinity,
    run.seconds === undefined ? Infinity : Math.max(1, Math.round(run.seconds * ratePerSecond)),
  );
  const limitInFlight = run.maxInFlight ?? Math.max(2000, ratePerSecond === Infinity ? 50_000 : Math.ceil(ratePerSecond));
  const limitBatches = run.maxBatchesInFlight ?? (ratePerSecond === Infinity ? 16 : 4);
  const account = new Account();
  const onAbort = (): void => account.wake();
  signal?.addEventListener("abort", onAbort, { once: true });
  const startMs = run.startMs ?? clock.nowMs();
  const startedAt = clock.monotonicMs();
  const pacer = createPacer({ clock, ratePerSecond, ...(ratePerSecond === Infinity ? { maxBatch: UNPACED_BATCH } : {}) });
  let unpaced = 0;
  let reportedAt = startedAt;
  let reportedAcknowledged = 0;
  const report = (sinceMs: number = reportedAt, sinceAcknowledged: number = reportedAcknowledged): void => {
    const now = clock.monotonicMs();
    const seconds = (now - sinceMs) / 1000;
    run.onProgress?.({
      sent: account.sent,
      acknowledged: account.acknowledged,
      failed: account.failed,
      inFlight: account.inFlight,
      elapsedMs: now - startedAt,
      perSecond: seconds > 0 ? (account.acknowledged - sinceAcknowledged) / seconds : 0,
      askedPerSecond: ratePerSecond,
    });
    reportedAt = now;
    reportedAcknowledged = account.acknowledged;
  };

  while (pacer.taken < moments && !signal?.aborted) {
    if (run.seconds !== undefined && ratePerSecond === Infinity && clock.monotonicMs() - startedAt >= run.seconds * 1000) break;
    const first = pacer.taken;
    const free = account.batches < limitBatches ? limitInFlight - account.inFlight : 0;
    const count = pacer.take(Math.min(moments - first, free));
    if (count > 0) {
      const records: GeneratedRecord[] = [];
      for (let i = 0; i < count; i++) {
        const dueMs = Math.floor(startMs + pacer.dueAfterMs(first + i));
        run.generator.next(dueMs, dueMs, records);
      }
      if (records.length > 0) account.send(run.send, records);
    }
    if (clock.monotonicMs() - reportedAt >= reportEveryMs) report();
    if (pacer.taken >= moments) break;
    if (signal?.aborted) break;
    if (account.inFlight >= limitInFlight || account.batches >= limitBatches) await account.anyDone();
    else if (ratePerSecond === Infinity && ++unpaced % UNPACED_TURNS !== 0) continue;
    else await clock.sleep(Math.min(reportEveryMs, Math.max(tickMs, pacer.untilNextMs())), signal).catch(() => undefined);
  }
  await account.allDone();
  signal?.removeEventListener("abort", onAbort);
  const elapsedMs = clock.monotonicMs() - startedAt;
  report(startedAt, 0);
  return {
    sent: account.sent,
    acknowledged: account.acknowledged,
    failed: account.failed,
    firstFailure: account.firstFailure,
    elapsedMs,
    perSecond: elapsedMs > 0 ? (account.acknowledged * 1000) / elapsedMs : 0,
    maxInFlight: account.maxInFlight,
    spoiled: run.generator.spoiled(),
    interrupted: signal?.aborted ?? false,
  };
}

/** Without a rate: few enough that their texts are still in the processor's cache when the producer encodes them. */
const UNPACED_BATCH = 1000;
/** Without a rate: so many batches come one after the other before timers and signals get a turn, where acknowledgements give them none. */
const UNPACED_TURNS = 32;

/** What was sent and what came of it. */
class Account {
  sent: number = 0;
  acknowledged: number = 0;
  failed: number = 0;
  /** Batches in flight. */
  batches: number = 0;
  maxInFlight: number = 0;
  firstFailure: string | null = null;
  #waiting: (() => void) | undefined;

  get inFlight(): number {
    return this.sent - this.acknowledged - this.failed;
  }

  send(send: SendRecords, records: readonly GeneratedRecord[]): void {
    this.batches++;
    this.sent += records.length;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    void send(records)
      .then(
        () => void (this.acknowledged += records.length),
        (thrown: unknown) => {
          this.failed += records.length;
          this.firstFailure ??= messageOf(thrown);
        },
      )
      .finally(() => {
        this.batches--;
        this.wake();
      });
  }

  wake(): void {
    this.#waiting?.();
  }

  /** Resolves when some batch has been answered, or somebody calls `wake`. */
  async anyDone(): Promise<void> {
    await new Promise<void>((resolve) => (this.#waiting = resolve));
    this.#waiting = undefined;
  }

  async allDone(): Promise<void> {
    while (this.inFlight > 0) await this.anyDone();
  }
}
