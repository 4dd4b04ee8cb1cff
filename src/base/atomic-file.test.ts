import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFileAtomic } from "./atomic-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "streamlab-atomic-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["nothing", ""],
  ["text", "line ü\n"],
  ["bytes", new Uint8Array([0, 255, 7])],
  ["what is written at once", Buffer.alloc(64 * 1024, "x")],
  ["what is not", Buffer.alloc(64 * 1024 + 1, "y")],
  ["much", Buffer.alloc(3_000_000, "z")],
])("%s takes the place of a longer file, and nothing is left beside it", async (_, content) => {
  const file = path.join(folder, "state");
  writeFileSync(file, Buffer.alloc(4_000_000, "old"));
  await writeFileAtomic(file, content);
  expect(readFileSync(file).equals(Buffer.from(content))).toBe(true);
  expect(readdirSync(folder)).toEqual(["state"]);
});

test("a write that fails leaves the file as it was and nothing beside it", async () => {
  const file = path.join(folder, "state");
  mkdirSync(path.join(file, "occupied"), { recursive: true });
  for (const content of ["short", Buffer.alloc(100_000)])
    await expect(writeFileAtomic(file, content)).rejects.toMatchObject({ code: expect.stringMatching(/EISDIR|ENOTEMPTY|EEXIST|EPERM/) });
  expect(readdirSync(folder)).toEqual(["state"]);
  expect(readdirSync(file)).toEqual(["occupied"]);
  await expect(writeFileAtomic(path.join(folder, "no such folder", "state"), "x")).rejects.toMatchObject({ code: "ENOENT" });
});

test("many files are written at the same time", async () => {
  const files = Array.from({ length: 20 }, (_, i) => path.join(folder, `file ${i}`));
  await Promise.all(files.map((file, i) => writeFileAtomic(file, `content ${i}`)));
  expect(files.map((file) => readFileSync(file, "utf8"))).toEqual(files.map((_, i) => `content ${i}`));
});
