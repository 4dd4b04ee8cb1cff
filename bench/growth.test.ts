import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import type { LogFigures } from "./growth-log.ts";
import type { GrowthFigures, OverlapFigures, RestartFigures } from "./growth-run.ts";

const folder = mkdtempSync(path.join(os.tmpdir(), "bench-growth-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const growth = (...args: readonly string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, [path.join(import.meta.dirname, "growth.ts"), ...args]);

test(
  "a batch writes what it touches, a key takes less than 400 bytes, old versions go, every message of a topic counts",
  { timeout: 120_000 },
  async () => {
    const json = path.join(folder, "growth.json");
    await growth("--keys", "2000,50000", "--overlap", "1,3", "--partitions", "5", "--log", "1500", "--json", json);
    const { figures, overlapped, drained } = JSON.parse(readFileSync(json, "utf8")) as {
      figures: (GrowthFigures & RestartFigures)[];
      overlapped: OverlapFigures[];
      drained: LogFigures[];
    };
    const [small, large] = figures;
    expect(small && large).toBeTruthy();
    expect((large?.checkpointBytes ?? 0) / (small?.checkpointBytes ?? 0)).toBeLessThan(2);
    expect(large?.checkpointBytes).toBeLessThan((large?.stateFolderBytes ?? 0) / 10);
    expect(large?.stateBytesPerKey).toBeLessThan(400);
    expect(large?.restartMs).toBeGreaterThan(0);
    expect(large?.liveBytesPerKey).toBeGreaterThan(50);
    expect(large?.liveBytesPerKey).toBeLessThan(400);
    expect(large?.snapshotBytes).toBeGreaterThan(50_000 * 40);
    expect(large?.stateFolderBytes).toBeLessThan((large?.snapshotBytes ?? 0) * 8);
    expect(overlapped.map((one) => one.overlap)).toEqual([1, 3]);
    expect(overlapped[1]?.stateRows).toBeGreaterThan(overlapped[0]?.stateRows ?? Infinity);
    expect(drained.map(({ messages, partitions, counted }) => [messages, partitions, counted])).toEqual([
      [300_000, 5, 300_000],
      [1500, 3, 1500],
    ]);
  },
);

test("a size that makes no sense is refused", async () => {
  await expect(growth("--keys", "none")).rejects.toMatchObject({ code: 2 });
  await expect(growth("--overlap", "0")).rejects.toMatchObject({ code: 2 });
});
