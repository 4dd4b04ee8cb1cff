import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeBatch, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import { defaultTopicSettings, type TopicSettings } from "../configs/topic-settings.ts";
import { diskFiles } from "./disk-files.ts";
import type { LogFile, LogFiles } from "./log-files.ts";
import { PartitionLog, type PartitionLogOptions } from "./partition-log.ts";

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "disk-faults-"));
});
afterEach(() => fs.rm(folder, { recursive: true, force: true }));

/** What the disk does wrong just now. */
interface Faults {
  write?: "ENOSPC" | "half, then EIO" | undefined;
  sync?: "EIO" | undefined;
  /** Bytes of every read that come back changed: what a system gives that has dropped them. */
  read?: "wrong" | undefined;
  writtenBytes: number;
}

const failure = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

/** A disk that fails as it is told. */
function failingFiles(faults: Faults): LogFiles {
  const failing = (file: LogFile): LogFile => ({
    ...file,
    read: async (target, at, end, position) => {
      const read = await file.read(target, at, end, position);
      if (faults.read && read > 30) target[at + 30] = (target[at + 30] as number) ^ 1;
      return read;
    },
    write: async (pieces, position) => {
      if (faults.write === "ENOSPC") throw failure("ENOSPC");
      const bytes = Buffer.concat(pieces);
      if (faults.write !== undefined) {
        await file.write([bytes.subarray(0, bytes.length >> 1)], position);
        throw failure("EIO");
      }
      faults.writtenBytes += bytes.length;
      await file.write(pieces, position);
    },
    sync: async () => {
      if (faults.sync) throw failure(faults.sync);
      await file.sync();
    },
  });
  return { ...diskFiles, open: async (name) => failing(await diskFiles.open(name)) };
}

const open = (faults: Faults, sync: boolean, more: Partial<PartitionLogOptions> = {}): Promise<PartitionLog> =>
  PartitionLog.open({
    folder: path.join(folder, "t-0"),
    files: failingFiles(faults),
    settings: (): TopicSettings => defaultTopicSettings,
    sync,
    cacheBytes: 0,
    ...more,
  });

async function append(log: PartitionLog, value: string): Promise<number> {
  const bytes = encodeBatch([{ key: null, value: Buffer.from(value), timestampMs: 1 }]);
  const { baseOffset, stored } = log.append(readBatchHeader(bytes, 0, bytes.length) as BatchHeader, bytes);
  await stored;
  return baseOffset;
}

async function values(log: PartitionLog): Promise<string[]> {
  return decodeRecords(Buffer.concat(await log.read(0, 1_000_000, true))).map((one) => `${one.offset}:${one.value?.toString()}`);
}

describe.each([true, false])("F15, F16: a disk that fails (synced before the answer: %s)", (sync) => {
  test.each(["ENOSPC", "half, then EIO"] as const)(
    "%s: the batch is refused, nothing that was acknowledged is lost, and the log goes on when the disk does",
    async (how) => {
      const faults: Faults = { writtenBytes: 0 };
      const log = await open(faults, sync);
      expect(await append(log, "first")).toBe(0);
      faults.write = how;
      await expect(append(log, "refused")).rejects.toThrow(/ENOSPC|EIO/);
      await expect(append(log, "refused too")).rejects.toThrow(/ENOSPC|EIO/);
      expect(log.endOffset).toBe(1);
      expect(await values(log)).toEqual(["0:first"]);
      faults.write = undefined;
      expect(await append(log, "second")).toBe(1);
      await log.close();
      const again = await open({ writtenBytes: 0 }, sync);
      expect(await values(again)).toEqual(["0:first", "1:second"]);
      await again.close();
    },
  );

  test("a new segment that cannot be begun refuses the batch, and is begun when there is room again", async () => {
    const faults: Faults = { writtenBytes: 0 };
    const log = await open(faults, sync, { settings: () => ({ ...defaultTopicSettings, segmentBytes: 100 }) });
    await append(log, "x".repeat(50));
    faults.sync = "EIO";
    await expect(append(log, "y".repeat(50))).rejects.toThrow("EIO");
    faults.sync = undefined;
    expect(await append(log, "z".repeat(50))).toBe(1);
    await log.close();
  });
});

describe("F16: a sync that fails", () => {
  test("with flush always: never acknowledged, refused as long as it fails, and then taken", async () => {
    const faults: Faults = { writtenBytes: 0 };
    const log = await open(faults, true);
    await append(log, "first");
    faults.sync = "EIO";
    await expect(append(log, "a")).rejects.toThrow("EIO");
    await expect(append(log, "b")).rejects.toThrow("EIO");
    expect(await values(log)).toEqual(["0:first"]);
    faults.sync = undefined;
    expect(await append(log, "second")).toBe(1);
    await log.close();
    const again = await open({ writtenBytes: 0 }, true);
    expect(await values(again)).toEqual(["0:first", "1:second"]);
    await again.close();
  });

  test("with flush by interval: nothing more is taken before the bytes that it was to cover were written and synced once more", async () => {
    const faults: Faults = { writtenBytes: 0 };
    const log = await open(faults, false);
    await append(log, "synced");
    await log.flush();
    await append(log, "not synced");
    faults.sync = "EIO";
    await expect(log.flush()).rejects.toThrow("EIO");
    await expect(append(log, "refused")).rejects.toThrow("EIO");
    await expect(log.flush()).rejects.toThrow("EIO");
    expect(await values(log), "what is there may be read").toEqual(["0:synced", "1:not synced"]);
    faults.sync = undefined;
    const before = faults.writtenBytes;
    await log.flush();
    expect(faults.writtenBytes - before, "only the bytes behind the last good sync are written anew").toBe(61 + 17);
    expect(await append(log, "taken")).toBe(2);
    await log.close();
    const again = await open({ writtenBytes: 0 }, false);
    expect(await values(again)).toEqual(["0:synced", "1:not synced", "2:taken"]);
    await again.close();
  });

  test("bytes that do not come back whole close the partition: no reader gets a gap, no producer an answer", async () => {
    const faults: Faults = { writtenBytes: 0 };
    const log = await open(faults, false);
    await append(log, "first");
    faults.sync = "EIO";
    await expect(log.flush()).rejects.toThrow("EIO");
    faults.sync = undefined;
    faults.read = "wrong";
    await expect(log.flush()).rejects.toThrow(/could not be read back/);
    faults.read = undefined;
    await expect(append(log, "refused")).rejects.toThrow(/could not be read back/);
    expect(() => log.read(0, 1000, true)).toThrow(/could not be read back/);
    await log.close();
  });

  test("flush.messages syncs before the record that fills it is acknowledged; flush.ms syncs soon after", async () => {
    const faults: Faults = { writtenBytes: 0, sync: "EIO" };
    const failed: unknown[] = [];
    const log = await open(faults, false, {
      settings: () => ({ ...defaultTopicSettings, flushMessages: 2 }),
      onFailure: (_, cause) => failed.push(cause),
    });
    expect(await append(log, "one")).toBe(0);
    await expect(append(log, "two")).rejects.toThrow("EIO");
    faults.sync = undefined;
    expect(await append(log, "two")).toBe(1);
    await log.close();

    const soon: Faults = { writtenBytes: 0, sync: "EIO" };
    const failures: unknown[] = [];
    const told = await open(soon, false, {
      folder: path.join(folder, "soon-0"),
      settings: () => ({ ...defaultTopicSettings, flushMs: 5 }),
      onFailure: (_, cause) => failures.push(cause),
    });
    await append(told, "one");
    await expect.poll(() => failures.length, { timeout: 5000 }).toBeGreaterThan(0);
    soon.sync = undefined;
    await told.close();
  });
});
