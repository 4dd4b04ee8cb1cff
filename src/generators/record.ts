/** One message as it goes to Kafka: plain values, no client's own types. */
export type GeneratedRecord = {
  readonly key: string | null;
  readonly value: string | Uint8Array | null;
  /** CreateTime of the record: when it was due, milliseconds since the epoch. */
  readonly timestampMs: number;
};

/**
 * Makes messages, one moment at a time. Who calls: a pacer or a preloader, with moments that do not fall. The same seed and the same
 * sequence of moments give the same bytes on every machine.
 */
export interface RecordGenerator {
  /**
   * Appends what the moment `dueMs` brings to `out`: one record, none where it was dropped, two where one was duplicated. `eventTimeMs` is the
   * time inside the message; spoilers move it, the record's own timestamp stays `dueMs`. Both milliseconds since the epoch.
   */
  next(dueMs: number, eventTimeMs: number, out: GeneratedRecord[]): void;
  /** What spoilers have done so far, by kind, for the accounts at the end of a run. */
  spoiled(): SpoilCounts;
}

/** How many messages each spoiler touched. */
export type SpoilCounts = {
  readonly late: number;
  readonly outOfOrder: number;
  readonly duplicated: number;
  readonly poisoned: number;
  readonly dropped: number;
};

/** The counts of a generator that nobody spoils. */
export const UNSPOILED: SpoilCounts = { late: 0, outOfOrder: 0, duplicated: 0, poisoned: 0, dropped: 0 };

/** Sends one batch and resolves when the broker has acknowledged it. A generator knows Kafka only as this function. */
export type SendRecords = (records: readonly GeneratedRecord[]) => Promise<void>;
