import { BatchBuilder } from "../../kafka-protocol/batch-builder.ts";
import type { DispatcherOptions } from "./dispatcher-options.ts";
import type { OutgoingBatch } from "./outgoing-batch.ts";
import type { PartitionQueue } from "./partition-queue.ts";

const SMALL_MEMORY_BYTES = 64 * 1024;
/** Room for the last record of a batch, which may need three bytes a character. */
const SLACK_BYTES = 16 * 1024;
const POOLED = 16;

/** Every batch of a producer of which something may still come, the memory that they take, and who waits for it to become less. */
export class OutgoingBatches {
  readonly #batches = new Set<OutgoingBatch>();
  readonly #pool: Buffer[] = [];
  readonly #fullBytes: number;
  readonly #bufferBytes: number;
  #bufferedBytes = 0;
  #waitingForRoom: (() => void)[] = [];
  #waitingForEnd: (() => void)[] = [];

  constructor({ batchBytes, bufferBytes }: Pick<DispatcherOptions, "batchBytes" | "bufferBytes">) {
    this.#fullBytes = batchBytes + SLACK_BYTES;
    this.#bufferBytes = bufferBytes;
  }

  /** A batch with memory for about as much as the partition's last one, and for a record of so many bytes. */
  begin(queue: PartitionQueue, recordBytes: number, nowMs: number): OutgoingBatch {
    const wanted = Math.min(Math.max(1024, queue.lastBytes * 1.25, recordBytes * 3 + 128), this.#fullBytes);
    const memory =
      wanted <= SMALL_MEMORY_BYTES ? Buffer.allocUnsafe(wanted) : (this.#pool.pop() ?? Buffer.allocUnsafeSlow(this.#fullBytes));
    const batch: OutgoingBatch = {
      queue,
      number: queue.nextNumber(),
      span: 1,
      createdMs: nowMs,
      shares: [],
      builder: new BatchBuilder(memory),
      sealed: undefined,
      isDue: false,
      sequence: -1,
      attempts: 0,
      inDoubt: false,
      isSettled: false,
    };
    this.add(batch);
    return batch;
  }

  add(batch: OutgoingBatch): void {
    this.#batches.add(batch);
    this.#bufferedBytes += batch.builder.bytes;
  }

  /** A batch has grown by so many bytes. */
  grew(bytes: number): void {
    this.#bufferedBytes += bytes;
  }

  /** Nothing more comes of the batch. */
  settle(batch: OutgoingBatch): void {
    batch.isSettled = true;
    batch.sealed = undefined;
    this.#batches.delete(batch);
    this.#bufferedBytes -= batch.builder.bytes;
    if (this.#bufferedBytes <= this.#bufferBytes / 2) this.wake();
    if (this.#batches.size === 0) for (const wake of this.#waitingForEnd.splice(0)) wake();
  }

  /** Nobody reads the batch's memory any more; another one may get it. */
  reuse({ builder: { memory } }: OutgoingBatch): void {
    if (memory.length >= this.#fullBytes && memory.length <= this.#fullBytes * 2 && this.#pool.length < POOLED) this.#pool.push(memory);
  }

  get isFull(): boolean {
    return this.#bufferedBytes >= this.#bufferBytes;
  }

  /** Resolves when half of the memory is free, or with `wake`. */
  room(): Promise<void> {
    return new Promise((resolve) => this.#waitingForRoom.push(resolve));
  }

  /** Lets everyone go on who waits for room. */
  wake(): void {
    for (const wake of this.#waitingForRoom.splice(0)) wake();
  }

  all(): readonly OutgoingBatch[] {
    return [...this.#batches];
  }

  /** Resolves when nothing is to come of any batch. */
  async ended(): Promise<void> {
    if (this.#batches.size > 0) await new Promise<void>((resolve) => this.#waitingForEnd.push(resolve));
  }
}
