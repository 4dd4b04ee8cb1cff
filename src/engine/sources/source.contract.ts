import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sameOffset } from "../query/offsets.ts";
import type { Row } from "../types/data-type.ts";
import type { Offset, RawBlock, RecordBlock, Source } from "./source.ts";

/** What a source is tested with. */
export interface SourceFixture {
  /** Opens the source as a query does; the data outlive it. */
  open(): Promise<Source>;
  /** Lets something new arrive; at least one row. */
  add(): Promise<void>;
  close(): Promise<void>;
}

/** The records of a block as rows of topic, partition, offset, key, value: copies, as the block is filled again. */
function recordRows(block: RecordBlock): Row[] {
  const bytes = (slot: number): string | null => {
    const start = block.positions[slot] ?? -1;
    return start < 0 ? null : Buffer.from(block.buffer.subarray(start, block.positions[slot + 1])).toString("latin1");
  };
  return Array.from({ length: block.count }, (_, i) => [
    block.topic,
    block.partition,
    block.offsets[i] ?? null,
    bytes(i * 4),
    bytes(i * 4 + 2),
  ]);
}

/** The rows of a block that lies as bytes in all its columns, as texts. */
function rawRows({ buffer, columns, count, positions }: RawBlock): Row[] {
  return Array.from({ length: count }, (_, i) =>
    columns.map((_column, k) => {
      const at = 2 * (i * columns.length + k);
      const start = positions[at] ?? -1;
      return start < 0 ? null : Buffer.from(buffer.subarray(start, positions[at + 1])).toString();
    }),
  );
}

/** What every source must do that a query can be restarted over. */
export function sourceContract(name: string, prepare: () => Promise<SourceFixture>): void {
  describe(`${name} as a source`, () => {
    let fixture: SourceFixture;
    let source: Source;
    const over = new AbortController();
    const { signal } = over;

    beforeEach(async () => {
      fixture = await prepare();
      source = await fixture.open();
    });
    afterEach(async () => {
      await source.close();
      await fixture.close();
    });

    let isPartitioned = false;
    /** Partitions may come in any order, the rows of one may not. */
    const inPartitionOrder = (rows: Row[]): Row[] => (isPartitioned ? rows.sort((a, b) => Number(a[1]) - Number(b[1])) : rows);
    const rows = async (from: Offset, to: Offset): Promise<Row[]> => {
      const found: Row[] = [];
      for await (const block of source.read(from, to, signal)) {
        if (block.kind === "rows") found.push(...block.rows.map((row) => [...row]));
        else if (block.kind === "raw") found.push(...rawRows(block));
        else {
          found.push(...recordRows(block));
          isPartitioned = true;
        }
      }
      return inPartitionOrder(found);
    };
    const step = async (from: Offset): Promise<Offset> => {
      await fixture.add();
      return source.latest(from, signal);
    };

    test("nothing new gives the offset that was asked from", async () => {
      const start = await source.initial(signal);
      expect(sameOffset(await source.latest(start, signal), start)).toBe(true);
      const end = await step(start);
      expect(sameOffset(end, start)).toBe(false);
      expect(sameOffset(await source.latest(end, signal), end)).toBe(true);
    });

    test("offsets are JSON", async () => {
      const end = await step(await source.initial(signal));
      expect(JSON.parse(JSON.stringify(end))).toEqual(end);
    });

    test("the same range gives the same rows, and ranges join without gap or overlap", async () => {
      const start = await source.initial(signal);
      const middle = await step(start);
      const end = await step(middle);
      const first = await rows(start, middle);
      expect(first.length).toBeGreaterThan(0);
      expect(await rows(start, middle)).toEqual(first);
      expect(await rows(start, end)).toEqual(inPartitionOrder([...first, ...(await rows(middle, end))]));
    });

    test("a source that is opened again gives the same rows for the same offsets, whatever has arrived meanwhile", async () => {
      const start = await source.initial(signal);
      const end = await step(start);
      const before = await rows(start, end);
      await source.close();
      await fixture.add();
      source = await fixture.open();
      await source.commit(start);
      expect(await rows(start, end)).toEqual(before);
      expect((await rows(end, await source.latest(end, signal))).length).toBeGreaterThan(0);
    });

    test("changed wakes when something arrives, and gives up when it is no longer waited for", async () => {
      const start = await source.initial(signal);
      const woken = source.changed(start, signal);
      await fixture.add();
      await woken;
      const end = await source.latest(start, signal);
      const waiting = new AbortController();
      const abandoned = source.changed(end, waiting.signal);
      waiting.abort(new Error("enough"));
      await expect(abandoned).rejects.toThrow("enough");
    });

    test("freeze fixes the end", async () => {
      const start = await source.initial(signal);
      await fixture.add();
      await source.freeze?.(signal);
      await fixture.add();
      const end = await source.latest(start, signal);
      expect(sameOffset(end, start)).toBe(false);
      expect(sameOffset(await source.latest(end, signal), end)).toBe(true);
    });
  });
}
