import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openJournal, type Journal } from "./journal.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "journal-"));
  file = path.join(folder, "test.journal");
});
afterEach(() => fs.rm(folder, { recursive: true, force: true }));

type Entry = readonly [key: string, value: number];

async function open(): Promise<{ state: Map<string, number>; journal: Journal<Entry> }> {
  const state = new Map<string, number>();
  const journal = await openJournal<Entry>({
    file,
    sync: false,
    apply: ([key, value]) => state.set(key, value),
    snapshot: () => state,
  });
  return { state, journal };
}

test("entries are applied when they are written, and again when the journal is opened", async () => {
  const first = await open();
  await Promise.all([
    first.journal.append([["a", 1]]),
    first.journal.append([
      ["b", 2],
      ["a", 3],
    ]),
  ]);
  expect(Object.fromEntries(first.state)).toEqual({ a: 3, b: 2 });
  await first.journal.close();
  const second = await open();
  expect(Object.fromEntries(second.state)).toEqual({ a: 3, b: 2 });
  await second.journal.close();
});

test("a torn or damaged entry at the end is cut, and what comes next is kept", async () => {
  const first = await open();
  await first.journal.append([["a", 1]]);
  const whole = (await fs.stat(file)).size;
  await first.journal.append([["b", 2]]);
  await first.journal.close();
  const bytes = await fs.readFile(file);
  for (let size = whole; size < bytes.length; size++) {
    await fs.writeFile(file, bytes.subarray(0, size));
    const { state, journal } = await open();
    expect([...state.keys()]).toEqual(["a"]);
    await journal.append([["c", 3]]);
    await journal.close();
    const again = await open();
    expect([...again.state.keys()]).toEqual(["a", "c"]);
    await again.journal.close();
  }
});

test("a journal that grew is rewritten from its state, and loses nothing that comes meanwhile", async () => {
  const first = await open();
  const long = "k".repeat(300);
  for (let round = 0; round < 12; round++) {
    await Promise.all(Array.from({ length: 500 }, (_, i) => first.journal.append([[`${long}${i % 10}`, round * 500 + i]])));
  }
  const expected = Object.fromEntries(first.state);
  await first.journal.close();
  expect((await fs.stat(file)).size).toBeLessThan(1_200_000);
  const second = await open();
  expect(Object.fromEntries(second.state)).toEqual(expected);
  await second.journal.close();
});
