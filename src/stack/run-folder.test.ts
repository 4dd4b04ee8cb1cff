import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRunFolder } from "./run-folder.ts";

let parent = "";
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), "streamlab-runs-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

test("what a run has left whose process is gone is removed, what a living one holds stays", async () => {
  const living = await createRunFolder(parent);
  await mkdir(path.join(parent, "20260101000000000-4194999-1", "kafka"), { recursive: true });
  const next = await createRunFolder(parent);
  expect((await readdir(parent)).sort()).toEqual([living.name, next.name].sort());
  await living.remove();
  await next.remove();
  expect(await readdir(parent)).toEqual([]);
});

test("runs that start at the same moment do not remove each other's folders", async () => {
  for (let round = 0; round < 20; round++) {
    const folders = await Promise.all(Array.from({ length: 8 }, () => createRunFolder(parent)));
    expect(folders.filter((folder) => !existsSync(folder.path))).toEqual([]);
  }
});
