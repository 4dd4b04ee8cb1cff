import { randomUUID } from "node:crypto";
import { constants, readFileSync } from "node:fs";
import { copyFile, link, open, readFile, rename, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { systemClock } from "../../base/clock.ts";
import { codeOf } from "../../base/errors.ts";
import { CheckpointError } from "./checkpoint-error.ts";

/** How long a process must be stopped before its checkpoint is taken over. */
const STOPPED_MS = 2000;

/** The one writer of a checkpoint. */
export interface CheckpointLock {
  /** Throws CHECKPOINT_LOST when another run has taken the checkpoint over (this process was stopped for long). Cheap: one small read. */
  verify(): void;
  release(): Promise<void>;
}

/** What the lock file says about its holder. */
interface Holder {
  readonly pid: number;
  readonly bootId: string;
  /** Tells two processes with one pid apart; empty where the system does not say. */
  readonly processStart: string;
  readonly token: string;
}

/**
 * Takes `<folder>/lock`. A lock of a process that is gone (another boot, a dead pid, a pid that was given out again) is taken over, and so is that of
 * one which stays stopped (SIGSTOP, Ctrl+Z) for two seconds: it finds the lock lost when it wakes up. A lock of one that runs is CHECKPOINT_IN_USE
 * at once.
 */
export async function takeLock(folder: string): Promise<CheckpointLock> {
  const file = path.join(folder, "lock");
  const mine: Holder = { pid: process.pid, bootId: bootId(), processStart: processStart(process.pid), token: randomUUID() };
  const whole = `${file}.${mine.token}.tmp`;
  await writeWhole(whole, JSON.stringify(mine));
  try {
    await takeFile(folder, file, whole);
    return lockOf(file, mine);
  } finally {
    await rm(whole, { force: true });
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives `whole` the lock's name as well, so that nobody ever sees a lock that is half written. */
async function takeFile(folder: string, file: string, whole: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    if (await isNamed(whole, file)) return;
    const text = await readFile(file, "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const holder = parse(text);
    if (holder && isAlive(holder) && !(await staysStopped(holder))) {
      throw new CheckpointError("CHECKPOINT_IN_USE", {
        failed: `Cannot use the checkpoint ${folder}`,
        found: `process ${holder.pid} is writing to it`,
        remedy: "Stop that query first, or give this one a checkpointLocation of its own.",
      });
    }
    if (await isReplaced(file, text, whole)) return;
  }
  throw new CheckpointError("CHECKPOINT_IN_USE", {
    failed: `Cannot use the checkpoint ${folder}`,
    found: "several runs try to take it at the same time",
    remedy: "Start one of them.",
  });
}

/** Whether `whole` now is `file`; false where there was one. File systems without hard links copy, which is atomic only in that it fails. */
async function isNamed(whole: string, file: string): Promise<boolean> {
  try {
    await link(whole, file).catch((thrown: unknown) => {
      if (codeOf(thrown) === "EEXIST") throw thrown;
      return copyFile(whole, file, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

/**
 * Puts `whole` in the place of a lock that reads `stale`. Of many that have read it only one gets the turn, a name made of the stale lock's own;
 * false where it was another's turn, or the lock has changed.
 */
async function isReplaced(file: string, stale: string, whole: string): Promise<boolean> {
  const turn = `${file}.after-${parse(stale)?.token.replace(/[^\w-]/g, "") ?? "unreadable"}.tmp`;
  if (!(await isNamed(whole, turn))) {
    const other = parse(await readFile(turn, "utf8").catch(() => ""));
    if (other && !isAlive(other)) await rm(turn, { force: true });
    return false;
  }
  try {
    if ((await readFile(file, "utf8").catch(() => undefined)) !== stale) return false;
    await rename(whole, file);
    return true;
  } finally {
    await rm(turn, { force: true });
  }
}

/** Who has the lock of a checkpoint, and whether that process lives; undefined where nobody has it. Changes nothing. */
export async function lockHolder(folder: string): Promise<{ readonly pid: number; readonly alive: boolean } | undefined> {
  const text = await readFile(path.join(folder, "lock"), "utf8").catch((thrown: unknown) => {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  });
  const holder = text === undefined ? undefined : parse(text);
  return holder && { pid: holder.pid, alive: isAlive(holder) };
}

function lockOf(file: string, mine: Holder): CheckpointLock {
  const holds = (): boolean => {
    try {
      return parse(readFileSync(file, "utf8"))?.token === mine.token;
    } catch {
      return false;
    }
  };
  return {
    verify: () => {
      if (holds()) return;
      throw new CheckpointError("CHECKPOINT_LOST", {
        failed: `Cannot go on writing beside ${file}`,
        found: "the lock belongs to another run or is gone",
        remedy: "This query was taken for dead and stops; the run that holds the lock goes on.",
      });
    },
    release: async () => {
      if (holds()) await rm(file, { force: true });
    },
  };
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return typeof value.pid === "number" && typeof value.token === "string"
      ? { pid: value.pid, bootId: value.bootId ?? "", processStart: value.processStart ?? "", token: value.token }
      : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  if (holder.bootId !== bootId()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (thrown) {
    if (codeOf(thrown) === "ESRCH") return false;
  }
  return holder.processStart === processStart(holder.pid);
}

/** Whether a living process is stopped and stays so for STOPPED_MS. Only where the system says it (/proc): elsewhere nobody counts as stopped. */
async function staysStopped(holder: Holder): Promise<boolean> {
  const isStopped = (): boolean => statFields(holder.pid)[0] === "T";
  for (const until = systemClock.monotonicMs() + STOPPED_MS; systemClock.monotonicMs() < until; await systemClock.sleep(50))
    if (!isStopped()) return false;
  return isStopped();
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    const bootedMs = performance.timeOrigin + performance.now() - os.uptime() * 1000;
    return `booted-${Math.round(bootedMs / 600_000)}`;
  }
}

/** When a process began, in the system's own ticks. */
function processStart(pid: number): string {
  return statFields(pid)[19] ?? "";
}

/** The fields of /proc/<pid>/stat after the name, the process' state first; empty where there are none. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
