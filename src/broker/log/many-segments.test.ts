import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeBatch, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import { defaultTopicSettings } from "../configs/topic-settings.ts";
import { diskFiles } from "./disk-files.ts";
import type { LogFiles } from "./log-files.ts";
import { PartitionLog } from "./partition-log.ts";
import { WarmSegments } from "./warm-segments.ts";

const SEGMENTS = 120;
const MAX_FILES = 8;

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "many-segments-"));
});
afterEach(() => fs.rm(folder, { recursive: true, force: true }));

/** A disk that counts the files that are open, and those that were ever open at once. */
function countingFiles(): { files: LogFiles; open: () => number; most: () => number } {
  let open = 0;
  let most = 0;
  const files: LogFiles = {
    ...diskFiles,
    open: async (name) => {
      const file = await diskFiles.open(name);
      most = Math.max(most, ++open);
      return { ...file, close: () => file.close().finally(() => open--) };
    },
  };
  return { files, open: () => open, most: () => most };
}

test("open files and indexes in memory stay bounded, however many segments there are and whichever are read", async () => {
  const { files, open, most } = countingFiles();
  const warm = new WarmSegments({ maxFiles: MAX_FILES, maxBytes: 100 });
  const start = (): Promise<PartitionLog> =>
    PartitionLog.open({
      folder: path.join(folder, "t-0"),
      files,
      warm,
      cacheBytes: 0,
      sync: false,
      settings: () => ({ ...defaultTopicSettings, segmentBytes: 100 }),
    });
  let log = await start();
  for (let i = 0; i < SEGMENTS; i++) {
    const bytes = encodeBatch([{ key: null, value: Buffer.from(`value ${i}`), timestampMs: 1000 + i }]);
    await log.append(readBatchHeader(bytes, 0, bytes.length) as BatchHeader, bytes).stored;
  }
  await log.close();
  expect(open()).toBe(0);
  log = await start();
  for (const step of [1, 7, 53]) {
    for (let i = 0, offset = 0; i < SEGMENTS; i++, offset = (offset + step) % SEGMENTS) {
      const [record] = decodeRecords(Buffer.concat(await log.read(offset, 1000, true)));
      expect(record?.value?.toString()).toBe(`value ${offset}`);
      expect(warm.size).toBeLessThanOrEqual(MAX_FILES);
    }
  }
  expect(await log.findTime(1000 + SEGMENTS - 5)).toEqual({ offset: SEGMENTS - 5, timestampMs: 1000 + SEGMENTS - 5 });
  expect(most()).toBeLessThanOrEqual(MAX_FILES + 4);
  await log.close();
  expect(open()).toBe(0);
  expect(warm.size).toBe(0);
});
