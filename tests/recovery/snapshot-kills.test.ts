import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GroupStore } from "../../src/engine/state/group-store.ts";
import { StateFiles } from "../../src/engine/state/state-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-snapshot-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (): GroupStore =>
  new GroupStore(
    { keys: [{ type: "string" }], slots: [{ name: "n", storage: "double", dataType: { type: "double" }, initial: "0" }] },
    new StateFiles(folder),
  );
const content = (store: GroupStore): string[] => [...store.scan()].map((one) => JSON.stringify(one)).sort();
const fill = (store: GroupStore, version: number): void => {
  for (let i = 0; i < 1500; i++) store.put([`key ${i} ${"x".repeat(80)}`], [version]);
};

/** A state whose version 3 is a snapshot, and the content of versions 2 and 3. */
async function grown(): Promise<{ two: string[]; three: string[] }> {
  const store = open();
  fill(store, 1);
  await store.commit(1);
  fill(store, 2);
  await store.commit(2);
  const two = content(store);
  fill(store, 3);
  await store.commit(3);
  expect(await readdir(folder)).toContain("3.snapshot");
  return { two, three: content(store) };
}

test("F7: a snapshot that was torn while it was written is swept at the start; the version before is whole, and version 3 is written again", async () => {
  const { two, three } = await grown();
  const whole = await readFile(path.join(folder, "3.snapshot"));
  await rm(path.join(folder, "3.snapshot"));
  for (const length of [0, 5, 12, whole.length >> 1, whole.length - 1, whole.length]) {
    await writeFile(path.join(folder, ".3.snapshot.4711.tmp"), whole.subarray(0, length));
    const store = open();
    await store.load(2);
    expect(content(store), `torn after ${length} bytes`).toEqual(two);
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  }
  const store = open();
  await store.load(2);
  fill(store, 3);
  await store.commit(3);
  const again = open();
  await again.load(3);
  expect(content(again)).toEqual(three);
});

test("F7: killed between the rename of a snapshot and the removal of the delta of its version, either is the version", async () => {
  const { two, three } = await grown();
  await copyFile(path.join(folder, "2.delta"), path.join(folder, "3.delta"));
  const store = open();
  await store.load(3);
  expect(content(store)).toEqual(three);
  await store.load(2);
  expect(content(store)).toEqual(two);
});

test("F7: killed at any file of a purge, the retained versions are whole and the next purge ends it", async () => {
  const { three } = await grown();
  const store = open();
  await store.load(3);
  for (let version = 4; version <= 9; version++) {
    fill(store, version);
    await store.commit(version);
  }
  const nine = content(store);
  const names = await readdir(folder);
  const base = Math.max(...names.filter((name) => name.endsWith(".snapshot")).map((name) => Number.parseInt(name, 10)));
  const old = names.filter((name) => Number.parseInt(name, 10) < base);
  expect(old.length).toBeGreaterThan(3);
  for (const name of old) {
    await rm(path.join(folder, name));
    const again = open();
    await again.load(9);
    expect(content(again), `after ${name}`).toEqual(nine);
  }
  store.purge(9);
  expect((await readdir(folder)).every((name) => Number.parseInt(name, 10) >= base)).toBe(true);
  expect(nine).not.toEqual(three);
});
