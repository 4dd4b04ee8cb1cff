import { spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { codeOf } from "../base/errors.ts";
import { systemClock } from "../base/clock.ts";

/** Sends a signal to a process that leads its own group, and to all that it started. A process that is gone is none of our business. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (process.platform === "win32") {
    spawnSync("taskkill", ["/pid", String(pid), "/t", "/f"], { stdio: "ignore" });
    return;
  }
  try {
    process.kill(-pid, signal);
  } catch (thrown) {
    if (codeOf(thrown) !== "ESRCH" && codeOf(thrown) !== "EPERM") throw thrown;
  }
}

/** Ends a child and its group: SIGTERM, then SIGKILL after `graceMs`, and whatever the child left behind with it. */
export async function endGroup(child: ChildProcess, graceMs: number): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    signalGroup(pid, "SIGTERM");
    const timer = new AbortController();
    await Promise.race([gone, systemClock.sleep(graceMs, timer.signal).catch(() => {})]);
    timer.abort();
    if (child.exitCode === null && child.signalCode === null) {
      signalGroup(pid, "SIGKILL");
      await gone;
    }
  }
  signalGroup(pid, "SIGKILL");
}
