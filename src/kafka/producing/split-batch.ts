import { BatchBuilder } from "../../kafka-protocol/batch-builder.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import type { OutgoingBatch, Recipient, Share } from "./outgoing-batch.ts";

const SEQUENCES = 2 ** 31;

/** The two halves of a sealed batch of at least two records, as batches to be sent in its place. Its recipients are told to expect one more. */
export function splitBatch(batch: OutgoingBatch): readonly [OutgoingBatch, OutgoingBatch] {
  const records = decodeRecords(batch.sealed as Buffer);
  const middle = records.length >> 1;
  const cut: Recipient[] = [];
  const half = (from: number, until: number): OutgoingBatch => {
    const builder = new BatchBuilder(Buffer.allocUnsafe(Math.ceil(batch.builder.bytes / 2) + 1024));
    for (const { key, value, timestampMs, headers } of records.slice(from, until)) {
      builder.append(key, value, timestampMs, headers.length > 0 ? headers : undefined);
    }
    const shares: Share[] = [];
    for (const { recipient, first, count } of batch.shares) {
      const start = Math.max(first, from);
      const end = Math.min(first + count, until);
      if (start >= end) continue;
      shares.push({ recipient, first: start - from, count: end - start });
      if (start > first) cut.push(recipient);
    }
    return {
      ...batch,
      number: batch.number + (batch.span * from) / records.length,
      span: (batch.span * (until - from)) / records.length,
      shares,
      builder,
      sealed: undefined,
      isDue: true,
      sequence: batch.sequence < 0 ? -1 : (batch.sequence + from) % SEQUENCES,
    };
  };
  const before = half(0, middle);
  const after = half(middle, records.length);
  for (const recipient of cut) recipient.expect(after);
  return [before, after];
}
