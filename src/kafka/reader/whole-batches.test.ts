import { describe, expect, test } from "vitest";
import { encodeControlMarker } from "../../kafka-protocol/control-marker.ts";
import { encodeBatch, patchBatch } from "../../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import { wholeBatches } from "./whole-batches.ts";

/** A log, batch by batch: what each holds, and who wrote it in a transaction. A marker takes one offset. */
function log(...batches: readonly Buffer[]): Buffer {
  let offset = 0;
  for (const batch of batches) {
    patchBatch(batch, 0, offset, 0);
    offset += batch.readInt32BE(23) + 1;
  }
  return Buffer.concat(batches);
}

const plain = (...values: readonly string[]): Buffer => encodeBatch(values.map(record));
const within = (producerId: number, ...values: readonly string[]): Buffer =>
  encodeBatch(values.map(record), { producerId, producerEpoch: 0, baseSequence: 0, isTransactional: true });
const end = (how: "abort" | "commit", id: number): Buffer => encodeControlMarker(how, { id, epoch: 0 }, 0, 0);
const record = (value: string) => ({ key: null, value: Buffer.from(value), timestampMs: 0 });

function read(bytes: Buffer, aborted: Parameters<typeof wholeBatches>[2]): { values: string[]; next: number } {
  const { next, parts } = wholeBatches(bytes, 0, aborted);
  const values = parts.flatMap(([from, to]) => decodeRecords(bytes.subarray(from, to)).map(({ value }) => String(value)));
  return { values, next };
}

describe("read_committed (KIP-98)", () => {
  test("what an aborted transaction wrote is left out up to its marker, not what came before, between or after", () => {
    const bytes = log(
      plain("a"),
      within(7, "lost", "lost too"),
      plain("b"),
      within(7, "lost again"),
      end("abort", 7),
      within(7, "c"),
      end("commit", 7),
    );
    expect(read(bytes, [{ producerId: 7, firstOffset: 1 }])).toEqual({ values: ["a", "b", "c"], next: 8 });
    expect(read(bytes, []).values).toEqual(["a", "lost", "lost too", "b", "lost again", "c"]);
  });

  test("transactions of several producers overlap; each ends by its own marker", () => {
    const bytes = log(
      within(1, "one"),
      within(2, "two"),
      end("abort", 2),
      within(1, "one more"),
      within(2, "kept"),
      end("abort", 1),
      end("commit", 2),
    );
    const aborted = [
      { producerId: 2, firstOffset: 1 },
      { producerId: 1, firstOffset: 0 },
    ];
    expect(read(bytes, aborted).values).toEqual(["kept"]);
  });

  test("a producer that aborts twice", () => {
    const bytes = log(within(1, "x"), end("abort", 1), within(1, "kept"), end("commit", 1), within(1, "y"), end("abort", 1));
    const aborted = [
      { producerId: 1, firstOffset: 0 },
      { producerId: 1, firstOffset: 4 },
    ];
    expect(read(bytes, aborted)).toEqual({ values: ["kept"], next: 6 });
  });

  test("a stretch of nothing but aborted records still moves on, and a batch that is cut does not count", () => {
    const bytes = log(within(1, "x"), within(1, "y"));
    expect(read(bytes, [{ producerId: 1, firstOffset: 0 }])).toEqual({ values: [], next: 2 });
    expect(read(bytes.subarray(0, bytes.length - 1), [{ producerId: 1, firstOffset: 0 }])).toEqual({ values: [], next: 1 });
  });
});
