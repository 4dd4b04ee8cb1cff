import type { BatchBuilder } from "../../kafka-protocol/batch-builder.ts";
import type { KafkaError } from "../kafka-error.ts";
import type { PartitionQueue } from "./partition-queue.ts";

/** Who is told what becomes of a stretch of a batch's records. */
export interface Recipient {
  /** The batch is stored; `offset` is that of the stretch's first record, −1 where the broker did not say. */
  stored(topic: string, partition: number, offset: number): void;
  failed(error: KafkaError): void;
  /** One more stretch is to be waited for; `batch` is where it lies. */
  expect(batch: OutgoingBatch): void;
}

/** Records of a batch, one after the other, that came from one `send`. */
export interface Share {
  readonly recipient: Recipient;
  /** The place of its first record in the batch. */
  first: number;
  count: number;
}

/** Records on their way to one partition: first being filled, then sealed and sent, perhaps several times. */
export interface OutgoingBatch {
  readonly queue: PartitionQueue;
  /** Orders the batches of a partition. Halves of a batch have numbers within its `span`. */
  readonly number: number;
  readonly span: number;
  readonly createdMs: number;
  shares: Share[];
  builder: BatchBuilder;
  /** What is sent; undefined until it is sealed. */
  sealed: Buffer | undefined;
  /** Its sender has asked for it to be sent; a full batch is sent without. */
  isDue: boolean;
  /** The number of its first record among those of the producer; −1 before it is sent, and without idempotence. */
  sequence: number;
  attempts: number;
  /** An attempt has ended without a word on whether the batch is stored. */
  inDoubt: boolean;
  /** Nothing comes of it any more. */
  isSettled: boolean;
}
