import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeLock } from "./lock.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const STALE = JSON.stringify({ pid: process.pid, bootId: "another boot", processStart: "", token: "stale" });

test.each([
  ["a free checkpoint", undefined],
  ["one with the lock of a process that is gone", STALE],
  ["one with a lock that was never finished", ""],
])("of many that take %s at the same time exactly one gets it, and keeps it", async (_, left) => {
  for (let round = 0; round < 20; round++) {
    const own = await mkdtemp(path.join(folder, "round-"));
    if (left !== undefined) await writeFile(path.join(own, "lock"), left);
    const taken = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(own)));
    const holders = taken.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(holders.length, `round ${round}`).toBe(1);
    for (const one of taken) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "CHECKPOINT_IN_USE" });
    holders[0]?.verify();
    expect(await readdir(own)).toEqual(["lock"]);
    await holders[0]?.release();
    expect(await readdir(own)).toEqual([]);
  }
});
