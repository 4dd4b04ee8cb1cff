import { mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CheckpointError } from "../checkpoint/checkpoint-error.ts";
import type { Row } from "../types/data-type.ts";
import { GroupStore } from "./group-store.ts";
import { keyText } from "./key-text.ts";
import { KeyedRows } from "./keyed-rows.ts";
import { StateFiles } from "./state-files.ts";

const columns = {
  keys: [{ type: "string" }, { type: "timestamp" }, { type: "double" }, { type: "array", element: { type: "int" }, containsNull: true }],
  slots: [
    { name: "number", storage: "double", dataType: { type: "double" }, initial: "0" },
    { name: "text", storage: "value", dataType: { type: "string" }, initial: "null" },
  ],
} as const;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-snapshot-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A store that writes a snapshot as soon as the deltas outweigh the last one. */
const open = (): GroupStore => new GroupStore(columns, new StateFiles(folder, 0));
const content = (store: GroupStore): string[] => [...store.scan()].map(([key, value]) => `${keyText(key)} ${keyText(value)}`).sort();

const cells: fc.Arbitrary<Row> = fc
  .tuple(
    fc.option(fc.constantFrom("", "a", "b", "ü", "a longer text 0123456789", "\u{1f600}")),
    fc.option(fc.constantFrom(0, 1_767_225_600_000_000)),
    fc.option(fc.constantFrom(0, NaN, 1.5)),
    fc.option(fc.constantFrom([1, 2], [1, null], [])),
  )
  .map((key): Row => [...key]);

test("a state read back from snapshots by column is what it was, and goes on as if it had never been away", async () => {
  const change = fc.record({ key: cells, value: fc.option(fc.tuple(fc.double(), fc.option(fc.string()))) });
  let snapshots = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { maxLength: 12 }), { minLength: 3, maxLength: 10 }),
      fc.boolean(),
      async (batches, often) => {
        await rm(folder, { recursive: true, force: true });
        let store = open();
        const model = new Map<string, string>();
        for (const [batch, changes] of batches.entries()) {
          for (const { key, value } of changes) {
            if (value === null) expect(store.remove([...key])).toBe(model.delete(keyText(key)));
            else {
              store.put([...key], [...value]);
              model.set(keyText(key), keyText(value));
            }
          }
          await store.commit(batch + 1);
          if (often || batch === batches.length - 1) {
            store = open();
            await store.load(batch + 1);
          }
          expect(store.size).toBe(model.size);
          expect(content(store)).toEqual([...model].map(([key, value]) => `${key} ${value}`).sort());
        }
        snapshots += (await readdir(folder)).filter((name) => name.endsWith(".snapshot")).length;
        for (const [key] of [...store.scan()]) expect(store.remove([...key])).toBe(true);
        expect(store.size).toBe(0);
        expect(store.dictionaries.map((dictionary) => dictionary.size)).toEqual([0, 0, 0, 0]);
      },
    ),
    { numRuns: 60 },
  );
  expect(snapshots).toBeGreaterThan(60);
});

/** Version 2 is a snapshot of groups with and without a deadline, some places of which are empty. */
async function withSnapshot(): Promise<GroupStore> {
  const store = open();
  for (let i = 0; i < 20; i++) store.put([`device ${i}`, i, null, null], [i, i % 2 === 0 ? null : `text ${i}`]);
  await store.commit(1);
  for (const group of store.groups()) if (group % 3 === 0) store.schedule(group, group);
  for (const group of store.groups()) if (group % 5 === 1) store.release(group);
  await store.commit(2);
  expect(await readdir(folder)).toContain("2.snapshot");
  return store;
}

test("a snapshot keeps deadlines, and what has none", async () => {
  const store = await withSnapshot();
  const again = open();
  await again.load(2);
  const due = (from: GroupStore): string[] => from.takeExpired(1e9).map((group) => keyText(from.keyValue(0, group)));
  const expected = due(store);
  expect(expected.length).toBeGreaterThan(3);
  expect(due(again)).toEqual(expected);
});

test("a snapshot in which a byte is flipped or the end is missing is refused by name", async () => {
  await withSnapshot();
  const file = path.join(folder, "2.snapshot");
  const good = await readFile(file);
  for (let at = 0; at < good.length; at += at < 40 ? 1 : 7) {
    const flipped = Buffer.from(good);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    for (const bytes of [flipped, good.subarray(0, at)]) {
      await writeFile(file, bytes);
      const thrown: unknown = await open()
        .load(2)
        .catch((error: unknown) => error);
      expect(thrown, `byte ${at}`).toBeInstanceOf(CheckpointError);
      expect(String(thrown), `byte ${at}`).toContain(file);
    }
  }
});

test("a snapshot of format 1, row by row as early releases wrote it, is still read", async () => {
  const store = open();
  for (let i = 0; i < 40; i++) store.put([`device ${i}`, i, i / 2, [i]], [i, `text ${i}`]);
  const before = content(store);
  await store.commit(1);
  expect((await readFile(path.join(folder, "1.delta"))).readUInt32LE(4)).toBe(1);
  await rename(path.join(folder, "1.delta"), path.join(folder, "1.snapshot"));
  const again = open();
  await again.load(1);
  expect(content(again)).toEqual(before);
});

test("a join does not read rows of format 1: it names the file, the version and the remedy", async () => {
  const store = open();
  store.put(["device", 1, 2, null], [1, null]);
  await store.commit(1);
  const loading = new KeyedRows(new StateFiles(folder)).load(1);
  await expect(loading).rejects.toMatchObject({ code: "CHECKPOINT_OLDER" });
  await expect(loading).rejects.toThrow(path.join(folder, "1.delta"));
  await expect(loading).rejects.toThrow(/format version 1.*release that wrote the checkpoint.*new checkpointLocation/s);
});

test.each([0, Number.MAX_SAFE_INTEGER])(
  "many keys that came, went and came again over many files are each found once after a restart, snapshots from %d bytes on",
  async (minSnapshotBytes) => {
    const files = (): StateFiles => new StateFiles(folder, minSnapshotBytes);
    const keys = (from: number, to: number): Row[] => Array.from({ length: to - from }, (_, i) => [`device ü ${from + i}`, 0, null, null]);
    let store = new GroupStore(columns, files());
    for (let version = 1; version <= 8; version++) {
      for (const key of keys(version * 500, version * 500 + 1000)) store.put(key, [version, null]);
      for (const key of keys(version * 500 - 250, version * 500 - 50)) store.remove(key);
      await store.commit(version);
    }
    const before = content(store);
    store = new GroupStore(columns, files());
    await store.load(8);
    expect(content(store)).toEqual(before);
    const size = store.size;
    for (const [key, value] of [...store.scan()]) store.put([...key], [...value]);
    expect(store.size).toBe(size);
    store = new GroupStore(columns, files());
    await store.load(8);
    for (const key of keys(0, 4900)) store.remove(key);
    await store.commit(9);
    expect(store.capacity).toBeLessThan(2048);
    expect(store.dictionaries[0]?.size).toBe(store.size);
    for (const key of keys(4900, 5000)) expect(store.get(key)).toEqual([8, null]);
    expect(store.get(["device ü 1000", 0, null, null])).toBeUndefined();
  },
);
