import { encodeBatch } from "./record-batch.ts";

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
