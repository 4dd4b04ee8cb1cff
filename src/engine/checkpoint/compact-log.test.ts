import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openCompactLog, readCompactLog } from "./compact-log.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-log-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const lines = async (): Promise<string[]> =>
  ((await readCompactLog(folder))?.entries ?? []).map((entry) => `${entry.number}: ${entry.line}`);
const expected = (count: number): string[] => Array.from({ length: count }, (_, n) => [`${n}: {"a":"x ${n}"}`, `${n}: {"b":${n}}`]).flat();
async function write(from: number, to: number): Promise<void> {
  const log = await openCompactLog(folder);
  for (let n = from; n < to; n++) await log.write(n, [`{"a":"x ${n}"}`, `{"b":${n}}`]);
}

test("a log of many writes has few files and all lines in order, across restarts", async () => {
  for (let from = 0; from < 96; from += 7) {
    await write(from, Math.min(from + 7, 96));
    expect(await lines()).toEqual(expected(Math.min(from + 7, 96)));
    expect((await readdir(folder)).length).toBeLessThanOrEqual(20);
  }
  expect((await openCompactLog(folder)).latest).toBe(95);
});

test("the more entries there are the rarer they are put together, and the files stay bounded", async () => {
  const log = await openCompactLog(folder);
  let bytes = 0;
  let compactions = 0;
  for (let n = 0; n < 600; n++) {
    await log.write(n, [`${n}`]);
    const names = await readdir(folder);
    expect(names.length).toBeLessThanOrEqual(61);
    if (names.includes(`${n}.compact`)) {
      compactions++;
      bytes += (await readFile(path.join(folder, `${n}.compact`))).length;
    }
  }
  expect(compactions).toBeLessThan(35);
  expect(bytes).toBeLessThan(600 * 9 * 12);
});

test("F7: killed before, within and after the write of all lines, and at any file of the removal, nothing is lost and nothing doubled", async () => {
  await write(0, 9);
  const before = await readdir(folder);
  const kept = await mkdtemp(path.join(os.tmpdir(), "streamlab-log-"));
  try {
    for (const name of before) await copyFile(path.join(folder, name), path.join(kept, name));
    await write(9, 10);
    expect(await readdir(folder)).toEqual(["9.compact"]);
    const whole = await readFile(path.join(folder, "9.compact"));

    await rm(path.join(folder, "9.compact"));
    for (const name of before) await copyFile(path.join(kept, name), path.join(folder, name));
    for (const length of [0, 3, whole.length >> 1, whole.length]) {
      await writeFile(path.join(folder, ".9.compact.4711.tmp"), whole.subarray(0, length));
      expect((await openCompactLog(folder)).latest, `torn after ${length} bytes`).toBe(8);
      expect((await readdir(folder)).sort()).toEqual(before.sort());
      expect(await lines()).toEqual(expected(9));
    }

    await writeFile(path.join(folder, "9.compact"), whole);
    for (const name of before) {
      expect(await lines(), `before ${name} is removed`).toEqual(expected(10));
      await rm(path.join(folder, name));
    }
    for (const name of before) await copyFile(path.join(kept, name), path.join(folder, name));
    expect((await openCompactLog(folder)).latest).toBe(9);
    expect(await readdir(folder)).toEqual(["9.compact"]);
    await write(10, 12);
    expect(await lines()).toEqual(expected(12));
  } finally {
    await rm(kept, { recursive: true, force: true });
  }
});

test("a reader beside the writer sees a whole beginning of the log at any time", async () => {
  const log = await openCompactLog(folder);
  let done = false;
  const writer = (async () => {
    for (let n = 0; n < 120; n++) await log.write(n, [`{"a":"x ${n}"}`, `{"b":${n}}`]);
    done = true;
  })();
  while (!done) {
    const seen = await lines();
    expect(seen).toEqual(expected(seen.length / 2));
  }
  await writer;
});

test("a flipped byte in the file with all lines stops, and names it", async () => {
  await write(0, 10);
  const file = path.join(folder, "9.compact");
  const good = await readFile(file);
  for (let at = 0; at < good.length; at += 5) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 1;
    await writeFile(file, bad);
    await expect(openCompactLog(folder), `byte ${at}`).rejects.toThrow(file);
  }
});
