import { readFileSync } from "node:fs";
import { expect } from "vitest";

/** Whether a process runs. On Linux one that ended but was not collected by its parent yet counts as gone. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Waits until a process is gone, and fails when it still runs after the limit. */
export async function untilGone(pid: number, limitMs: number): Promise<void> {
  await expect.poll(() => isAlive(pid), { timeout: limitMs, message: `process ${pid} still runs after ${limitMs} ms` }).toBe(false);
}
