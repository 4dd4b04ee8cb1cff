import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { GroupStore } from "./group-store.ts";
import { RowStore } from "./row-store.ts";
import { StateFiles } from "./state-files.ts";
import { stateStoreContract } from "./state-store.contract.ts";

const columns = {
  keys: [{ type: "string" }, { type: "int" }],
  slots: [
    { name: "number", storage: "double", dataType: { type: "double" }, initial: "0" },
    { name: "text", storage: "value", dataType: { type: "string" }, initial: "null" },
  ],
} as const;

stateStoreContract("GroupStore", (files) => new GroupStore(columns, files));
stateStoreContract("RowStore", (files) => new RowStore(files));

test("expired groups are taken in order of their deadline and their place is used again", () => {
  const store = new GroupStore(columns, new StateFiles(""));
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 10; i++) store.put([`round ${round}`, i], [i, null]);
    for (const group of store.groups()) if (store.deadlines[group] === Infinity) store.schedule(group, round);
    const expired = store.takeExpired(round - 1);
    expect(expired.every((group) => store.deadlines[group] === round - 1)).toBe(true);
    for (const group of expired) store.release(group);
    expect(store.size).toBe(10);
  }
  expect(store.capacity).toBeLessThanOrEqual(64);
  expect(store.dictionaries[0]?.size).toBe(1);
});

test("a group that took the place of a removed one expires once, also after a restart", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-groups-"));
  try {
    let store = new GroupStore(columns, new StateFiles(folder));
    const put = (name: string, deadline: number): void => {
      store.put([name, 1], [1, null]);
      for (const group of store.groups()) if (store.deadlines[group] === Infinity) store.schedule(group, deadline);
    };
    put("first", 10);
    await store.commit(1);
    for (const group of store.takeExpired(10)) store.release(group);
    put("second", 20);
    await store.commit(2);
    store.remove(["second", 1]);
    put("third", 30);
    await store.commit(3);
    for (const restarted of [false, true]) {
      if (restarted) {
        store = new GroupStore(columns, new StateFiles(folder));
        await store.load(3);
      }
      expect(store.takeExpired(40).map((group) => store.keyValue(0, group))).toEqual(["third"]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("memory shrinks after most groups have gone, and what is left is found, expires and is read back as before", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-groups-"));
  try {
    let store = new GroupStore(columns, new StateFiles(folder));
    for (let i = 0; i < 20_000; i++) {
      store.put([`device ${i}`, i % 7], [i, i % 2 === 0 ? `text ${i}` : null]);
      store.schedule(i, i % 100 === 0 ? 1_000_000 + i : 10);
    }
    await store.commit(1);
    const full = store.memoryBytes;
    for (const group of store.takeExpired(10)) store.release(group);
    await store.commit(2);
    expect(store.memoryBytes).toBeLessThan(full / 20);
    expect(store.capacity).toBeLessThanOrEqual(512);
    const check = (): void => {
      expect(store.size).toBe(200);
      expect(store.get(["device 1", 1])).toBeUndefined();
      for (let i = 0; i < 20_000; i += 100) expect(store.get([`device ${i}`, i % 7])).toEqual([i, `text ${i}`]);
    };
    check();
    store.put(["device 300", 300 % 7], [1, "changed"]);
    store.put(["device new", 1], [2, null]);
    await store.commit(3);
    expect(store.remove(["device new", 1])).toBe(true);
    store.put(["device 300", 300 % 7], [300, "text 300"]);
    await store.commit(4);
    check();
    store = new GroupStore(columns, new StateFiles(folder));
    await store.load(3);
    expect(store.get(["device 300", 300 % 7])).toEqual([1, "changed"]);
    await store.load(4);
    check();
    const names = store.takeExpired(1_000_000 + 10_000).map((group) => store.keyValue(0, group));
    expect(names).toEqual(Array.from({ length: 101 }, (_, i) => `device ${i * 100}`));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("asking for keys that are not there leaves no trace of them", () => {
  const store = new GroupStore(columns, new StateFiles(""));
  for (let i = 0; i < 100; i++) {
    expect(store.get([`nobody ${i}`, i])).toBeUndefined();
    expect(store.remove([`nobody ${i}`, i])).toBe(false);
  }
  expect(store.dictionaries[0]?.size).toBe(0);
});

test("a million keys take less than 400 bytes each", () => {
  const store = new GroupStore({ keys: [{ type: "string" }], slots: columns.slots.slice(0, 1) }, new StateFiles(""));
  for (let i = 0; i < 100_000; i++) store.put([`sensor ${i}`], [i]);
  expect(store.size).toBe(100_000);
  expect(store.memoryBytes / store.size).toBeLessThan(400);
});
