import { BATCH_HEADER_BYTES, encodeBatch, type BatchHeader } from "./record-batch.ts";
import { appendRecords, createRecordArrays } from "./record-iteration.ts";

/** How a transaction ended in a partition. */
export type ControlMarker = "abort" | "commit";

/** The control batch that ends a transaction: its record's key is version 0 and 0 for abort, 1 for commit (KIP-98). */
export function encodeControlMarker(
  marker: ControlMarker,
  producer: { readonly id: number; readonly epoch: number },
  coordinatorEpoch: number,
  timestampMs: number,
): Buffer {
  const key = Buffer.alloc(4);
  key.writeInt16BE(marker === "commit" ? 1 : 0, 2);
  const value = Buffer.alloc(6);
  value.writeInt32BE(coordinatorEpoch, 2);
  return encodeBatch([{ key, value, timestampMs }], {
    producerId: producer.id,
    producerEpoch: producer.epoch,
    isTransactional: true,
    isControl: true,
  });
}

/** What the key of a control record says; undefined for kinds that concern no consumer. */
export function readControlMarker(key: Uint8Array): ControlMarker | undefined {
  if (key.length < 4) return undefined;
  const type = ((key[2] as number) << 8) | (key[3] as number);
  return type === 0 ? "abort" : type === 1 ? "commit" : undefined;
}

/** The end of a transaction, as its control batch says it. */
export interface TransactionEnd {
  readonly marker: ControlMarker;
  readonly coordinatorEpoch: number;
}

/** Reads a control batch, which lies at `batch.at` of `buffer`; undefined for control batches that end no transaction. */
export function readTransactionEnd(batch: BatchHeader, buffer: Buffer): TransactionEnd | undefined {
  const arrays = createRecordArrays(1);
  appendRecords(arrays, batch, buffer, batch.at + BATCH_HEADER_BYTES, batch.end, 0, Infinity);
  const [keyStart = -1, keyEnd = -1, valueStart = -1, valueEnd = -1] = arrays.positions;
  const marker = arrays.count === 0 || keyStart < 0 ? undefined : readControlMarker(buffer.subarray(keyStart, keyEnd));
  if (!marker) return undefined;
  return { marker, coordinatorEpoch: valueStart >= 0 && valueEnd - valueStart >= 6 ? buffer.readInt32BE(valueStart + 2) : 0 };
}
