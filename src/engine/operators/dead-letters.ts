import type { RecordBlock } from "../sources/source.ts";
import type { Row } from "../types/data-type.ts";

/** A record that could not be read, as it came. */
export interface DeadLetter {
  readonly batchId: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  /** The raw bytes of the record's value; null for a null. */
  readonly value: Uint8Array | null;
}

/** What generated code calls for a malformed record. */
export interface DeadLetterSink {
  record(block: RecordBlock, index: number, reason: string): void;
  row(row: Row, reason: string): void;
}

/** Collects the dead letters of one batch, in order, and counts them by reason. */
export class DeadLetterBatch implements DeadLetterSink {
  readonly letters: DeadLetter[] = [];
  readonly counts: Map<string, number> = new Map();
  readonly #batchId: number;

  constructor(batchId: number) {
    this.#batchId = batchId;
  }

  record(block: RecordBlock, index: number, reason: string): void {
    const start = block.positions[index * 4 + 2] ?? -1;
    const value = start < 0 ? null : Uint8Array.prototype.slice.call(block.buffer, start, block.positions[index * 4 + 3]);
    this.#add(block.topic, block.partition, block.offsets[index] ?? -1, reason, value);
  }

  row(row: Row, reason: string): void {
    const text = row.find((value) => typeof value === "string" || value instanceof Uint8Array);
    const value = typeof text === "string" ? Buffer.from(text) : text instanceof Uint8Array ? text : null;
    this.#add("", 0, this.letters.length, reason, value);
  }

  #add(topic: string, partition: number, offset: number, reason: string, value: Uint8Array | null): void {
    this.letters.push({ batchId: this.#batchId, topic, partition, offset, reason, value });
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }
}
