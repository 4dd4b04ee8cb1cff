import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PartitionLog } from "../../src/broker/log/partition-log.ts";
import { decodeRecords } from "../../src/kafka-protocol/record-iteration.ts";
import { openCompactedLog, writeRounds } from "./compaction-job.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-compaction-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function records(log: PartitionLog): Promise<string[]> {
  const all: string[] = [];
  for (let offset = log.startOffset; offset < log.endOffset;) {
    const found = decodeRecords(Buffer.concat(await log.read(offset, 100_000, true)), { fromOffset: offset });
    expect(found.length, `nothing readable at ${offset}`).toBeGreaterThan(0);
    all.push(...found.map((one) => `${one.offset} ${one.key?.toString()} ${one.value?.toString().split("-")[0]}`));
    offset = (found.at(-1)?.offset ?? offset) + 1;
  }
  return all;
}

describe("kill −9 within compaction", () => {
  const points = [
    "compaction.written:0",
    "compaction.cleaned:0",
    "compaction.decided:0",
    "compaction.removed:0",
    "compaction.removed:3",
    "compaction.renamed:0",
  ];

  test.each(points)(
    "at %s: the old segments or the new one are there, whole, and the next compaction ends as if nothing had been",
    async (point) => {
      const job = path.join(import.meta.dirname, "compaction-job.ts");
      const died = spawnSync(process.execPath, [job, folder], { env: { ...process.env, LAB_FAIL: point }, encoding: "utf8" });
      expect(died.signal, `${died.stderr} (the point was not reached)`).toBe("SIGKILL");

      const log = await openCompactedLog(folder);
      try {
        expect((await readdir(folder)).filter((name) => /\.(swap|cleaned|tmp)$/.test(name))).toEqual([]);
        expect(log.endOffset).toBe(50);
        const before = await records(log);
        for (let key = 0; key < 10; key++) expect(before, "the last value of every key").toContain(`${40 + key} k${key} v4`);
        for (const record of before) {
          const [offset] = record.split(" ");
          expect(record).toBe(`${offset} k${Number(offset) % 10} v${Math.floor(Number(offset) / 10)}`);
        }
        await writeRounds(log, 1);
        await log.compact(Date.now(), 1_000_000);
        const offsets = (await records(log)).map((record) => Number(record.split(" ")[0]));
        expect(offsets.filter((offset) => offset < 30)).toEqual([]);
        expect(log.endOffset).toBe(60);
      } finally {
        await log.close();
      }
    },
  );
});
