import path from "node:path";
import { systemClock } from "../../base/clock.ts";
import { lockFileHolder, processStat, takeLockFile } from "../../base/lock-file.ts";
import { CheckpointError } from "./checkpoint-error.ts";

/** How long a process must be stopped before its checkpoint is taken over. */
const STOPPED_MS = 2000;

/** The one writer of a checkpoint. */
export interface CheckpointLock {
  /** Throws CHECKPOINT_LOST when another run has taken the checkpoint over (this process was stopped for long). Cheap. */
  verify(): void;
  release(): Promise<void>;
}

/**
 * Takes `<folder>/lock`. A lock of a process that is gone (another boot, a dead pid, a pid that was given out again) is taken over, and so is that of
 * one which stays stopped (SIGSTOP, Ctrl+Z) for two seconds: it finds the lock lost when it wakes up. A lock of one that runs is CHECKPOINT_IN_USE
 * at once.
 */
export async function takeLock(folder: string): Promise<CheckpointLock> {
  const file = path.join(folder, "lock");
  const taken = await takeLockFile(file, staysStopped);
  if ("lock" in taken) {
    const { lock } = taken;
    return { verify: () => verify(lock.holds(), file), release: () => lock.release() };
  }
  const { heldBy } = taken;
  throw new CheckpointError("CHECKPOINT_IN_USE", {
    failed: `Cannot use the checkpoint ${folder}`,
    found: heldBy ? `process ${heldBy.pid} is writing to it` : "several runs try to take it at the same time",
    remedy: heldBy ? "Stop that query first, or give this one a checkpointLocation of its own." : "Start one of them.",
  });
}

/** Who has the lock of a checkpoint, and whether that process lives; undefined where nobody has it. Changes nothing. */
export function lockHolder(folder: string): Promise<{ readonly pid: number; readonly alive: boolean } | undefined> {
  return lockFileHolder(path.join(folder, "lock"));
}

function verify(holds: boolean, file: string): void {
  if (holds) return;
  throw new CheckpointError("CHECKPOINT_LOST", {
    failed: `Cannot go on writing beside ${file}`,
    found: "the lock belongs to another run or is gone",
    remedy: "This query was taken for dead and stops; the run that holds the lock goes on.",
  });
}

/** Whether a living process is stopped and stays so for STOPPED_MS. Only where the system says it (/proc): elsewhere nobody counts as stopped. */
async function staysStopped(pid: number): Promise<boolean> {
  const isStopped = (): boolean => processStat(pid)[0] === "T";
  for (const until = systemClock.monotonicMs() + STOPPED_MS; systemClock.monotonicMs() < until; await systemClock.sleep(50))
    if (!isStopped()) return false;
  return isStopped();
}
