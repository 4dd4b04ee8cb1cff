import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SeenFiles } from "./seen-files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-seen-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fill(): Promise<void> {
  const seen = await SeenFiles.open(folder);
  for (let step = 0; step < 25; step++) await seen.add([{ path: `file ${step}`, modifiedMs: step }]);
}

test("steps keep their files after they were put together, so that a batch reads the same ones again", async () => {
  await fill();
  expect((await readdir(folder)).length).toBeLessThan(12);
  const again = await SeenFiles.open(folder);
  expect(again.last).toBe(24);
  expect(again.between(3, 5).map((file) => file.path)).toEqual(["file 4", "file 5"]);
  expect(again.between(-1, 24).length).toBe(25);
  expect(again.has("file 0") && again.has("file 24") && !again.has("file 25")).toBe(true);
});

test("a missing step, and a log that ends before the offset, are told and never read as no files", async () => {
  await fill();
  await rm(path.join(folder, "22"));
  await expect(SeenFiles.open(folder)).rejects.toMatchObject({ code: "CHECKPOINT_MISSING" });
  await rm(folder, { recursive: true });
  const empty = await SeenFiles.open(folder);
  expect(() => empty.between(24, 25)).toThrow(expect.objectContaining({ code: "CHECKPOINT_MISSING" }) as Error);
  await empty.add([{ path: "file 25", modifiedMs: 25 }]);
  expect(() => empty.between(24, 0)).toThrow(expect.objectContaining({ code: "CHECKPOINT_MISSING" }) as Error);
});
