import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KeyedRows } from "./keyed-rows.ts";
import { StateFiles } from "./state-files.ts";
import { stateStoreContract } from "./state-store.contract.ts";

stateStoreContract("KeyedRows", (files) => new KeyedRows(files));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-rows-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function rowsOf(state: KeyedRows, key: string): unknown[] {
  const out: unknown[] = [];
  for (let slot = state.first([key]); slot >= 0; slot = state.following(slot)) out.push(...state.row(slot));
  return out.sort();
}

test("a key has all its rows, and none of another key's", () => {
  const state = new KeyedRows(new StateFiles(""));
  for (let i = 0; i < 1000; i++) state.add([`k${i % 100}`], [i], false);
  expect(state.size).toBe(1000);
  expect(rowsOf(state, "k7")).toEqual([107, 207, 307, 407, 507, 607, 7, 707, 807, 907]);
  expect(rowsOf(state, "none")).toEqual([]);
});

test("rows go in the order of their deadlines, each queue on its own, and a dropped one does not come again", () => {
  const state = new KeyedRows(new StateFiles(""), 2);
  const slots = [30, 10, 20].map((us) => state.add(["k"], [us], false, us, 0));
  state.add(["k"], [5], false, 5, 1);
  state.drop(slots[1] as number);
  const taken: unknown[] = [];
  for (let slot = state.takeExpired(20, 0); slot >= 0; slot = state.takeExpired(20, 0)) {
    taken.push(...state.row(slot));
    state.drop(slot);
  }
  expect(taken).toEqual([20]);
  expect(rowsOf(state, "k")).toEqual([30, 5]);
});

test("what is read back after any changes and commits is what was there: rows, marks, and places that were used again", async () => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 5 }), act: fc.constantFrom("add", "add", "mark", "drop", "expire", "commit") });
  let n = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const files = path.join(folder, String(n++));
      const state = new KeyedRows(new StateFiles(files));
      let [version, time] = [0, 0];
      for (const { key, act } of steps) {
        const slot = state.first([`k${key}`]);
        if (act === "add") state.add([`k${key}`], [time, "x".repeat(key)], false, time++);
        else if (act === "expire") {
          for (let gone = state.takeExpired(time - 4); gone >= 0; gone = state.takeExpired(time - 4)) state.drop(gone);
        } else if (act === "commit") await state.commit(++version);
        else if (slot >= 0) (act === "mark" ? state.mark : state.drop).call(state, slot);
      }
      await state.commit(++version);
      const again = new KeyedRows(new StateFiles(files));
      await again.load(version);
      const content = (one: KeyedRows): string[] =>
        [...one.slots()].map((slot) => JSON.stringify([one.key(slot), one.row(slot), one.isMarked(slot)])).sort();
      expect(content(again)).toEqual(content(state));
      expect(again.size).toBe(state.size);
    }),
    { numRuns: 30 },
  );
});

test("a commit writes the changed rows only, however many rows their key has", async () => {
  const state = new KeyedRows(new StateFiles(folder));
  for (let i = 0; i < 20_000; i++) state.add(["hot"], [i, "payload"], false);
  await state.commit(1);
  await state.commit(2);
  state.add(["hot"], [-1, "payload"], false);
  state.mark(state.following(state.first(["hot"])));
  expect(await state.commit(3)).toBeLessThan(200);
});

test("memory is used again once rows go in the order in which they came", () => {
  const state = new KeyedRows(new StateFiles(""));
  let most = 0;
  for (let i = 0; i < 200_000; i++) {
    state.add([`key ${i}`], [i, "some text of a row"], false, i);
    if (i % 1000 !== 0) continue;
    for (let slot = state.takeExpired(i - 10_000); slot >= 0; slot = state.takeExpired(i - 10_000)) state.drop(slot);
    most = Math.max(most, state.memoryBytes);
  }
  expect(state.size).toBeLessThan(11_001);
  expect(most / state.size).toBeLessThan(250);
});
