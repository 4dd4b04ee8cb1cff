import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lineBlocks } from "./line-blocks.ts";
import { textLines } from "./text-lines.ts";

let folder = "";
beforeAll(async () => (folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-lines-"))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const { signal } = new AbortController();

async function fromBlocks(file: string, separator?: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { buffer, count, positions } of lineBlocks(file, separator, signal))
    for (let i = 0; i < count; i++) lines.push(Buffer.from(buffer).toString("utf8", positions[2 * i], positions[2 * i + 1]));
  return lines;
}

async function asText(file: string, separator?: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const some of textLines(file, separator, signal)) lines.push(...some);
  return lines;
}

const pieces = fc.constantFrom("a", "word ", "\n", "\r", "\r\n", "é", "😀", "\ufeff", "||", "|", "\0").map((text) => Buffer.from(text));
const content = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: pieces },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2 }).map((bytes) => Buffer.from(bytes)) },
    ),
    {
      maxLength: 30,
    },
  )
  .map((all) => Buffer.concat(all));

test("lines as bytes are the lines as text, whatever ends them", async () => {
  await fc.assert(
    fc.asyncProperty(content, fc.constantFrom(undefined, "||", "\n", "a"), fc.boolean(), async (bytes, separator, packed) => {
      const file = path.join(folder, packed ? "lines.txt.gz" : "lines.txt");
      await writeFile(file, packed ? gzipSync(bytes) : bytes);
      expect(await fromBlocks(file, separator)).toEqual(await asText(file, separator));
    }),
    { numRuns: 150 },
  );
});

test("lines go on from one stretch of a file to the next", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 20 }), content, async (shift, bytes) => {
      const file = path.join(folder, "long.txt");
      await writeFile(file, Buffer.concat([Buffer.alloc(256 * 1024 - shift, "x"), bytes, Buffer.alloc(2000, "lines of text\r\n")]));
      expect(await fromBlocks(file)).toEqual(await asText(file));
    }),
    { numRuns: 20 },
  );
});
