import { randomUUID } from "node:crypto";
import { constants, readFileSync, statSync } from "node:fs";
import { copyFile, link, open, readFile, rename, rm } from "node:fs/promises";
import os from "node:os";
import { codeOf } from "./errors.ts";

/** A lock that this process has. */
export interface FileLock {
  /** Whether the file still is this lock. Cheap: a look at its times, and one small read where they have changed. */
  holds(): boolean;
  release(): Promise<void>;
}

/** Who has a lock that could not be taken; undefined where several processes try to take it at once. */
export type LockHolder = { readonly pid: number } | undefined;

/** What a lock file says about its holder. */
interface Holder {
  readonly pid: number;
  /** Empty in locks of releases that did not write it. */
  readonly bootId: string;
  /** Tells two processes with one pid apart; empty where the system does not say. */
  readonly processStart: string;
  /** Empty in locks of releases that did not write it. */
  readonly token: string;
}

/**
 * Takes the lock `file`, or says who has it. The file is written whole under a name of its own and then given the lock's name, so that nobody ever
 * reads a lock that is half written; a lock of a process that is gone (another boot, a dead pid, a pid that was given out again) is taken over, by
 * one of those that try. A file that is no lock counts as left behind. `givesUp` may say of a holder that lives that its lock is to be taken over too.
 */
export async function takeLockFile(
  file: string,
  givesUp: (pid: number) => Promise<boolean> = () => Promise.resolve(false),
): Promise<{ readonly lock: FileLock } | { readonly heldBy: LockHolder }> {
  const mine: Holder = { pid: process.pid, bootId: bootId(), processStart: processStart(process.pid), token: randomUUID() };
  const whole = `${file}.${mine.token}.tmp`;
  await writeWhole(whole, JSON.stringify(mine));
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      if (await isNamed(whole, file)) return { lock: lockOf(file, mine) };
      const text = await readFile(file, "utf8").catch(() => undefined);
      if (text === undefined) continue;
      const holder = parse(text);
      if (holder && isAlive(holder) && !(await givesUp(holder.pid))) return { heldBy: { pid: holder.pid } };
      if (await isReplaced(file, text, whole)) return { lock: lockOf(file, mine) };
    }
    return { heldBy: undefined };
  } finally {
    await rm(whole, { force: true });
  }
}

/** Who has a lock, and whether that process lives; undefined where nobody has it. Changes nothing. */
export async function lockFileHolder(file: string): Promise<{ readonly pid: number; readonly alive: boolean } | undefined> {
  const text = await readFile(file, "utf8").catch((thrown: unknown) => {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  });
  const holder = text === undefined ? undefined : parse(text);
  return holder && { pid: holder.pid, alive: isAlive(holder) };
}

/** The fields of /proc/<pid>/stat after the name, the process' state first; empty where there are none. */
export function processStat(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
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

/** Puts `whole` in the place of a lock that reads `stale`. Of many that have read it one gets the turn; false for the others. */
async function isReplaced(file: string, stale: string, whole: string): Promise<boolean> {
  const turn = `${file}.after-${parse(stale)?.token.replace(/[^\w-]/g, "") || "unreadable"}.tmp`;
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

/** A file that was written so recently may be written again without a new time: file systems count in steps of some milliseconds. */
const STEADY_MS = 1000;

function lockOf(file: string, mine: Holder): FileLock {
  let seen = "";
  const holds = (): boolean => {
    try {
      const { ino, size, mtimeMs } = statSync(file);
      const now = `${ino} ${size} ${mtimeMs}`;
      if (now === seen) return true;
      const isMine = parse(readFileSync(file, "utf8"))?.token === mine.token;
      seen = isMine && Date.now() - mtimeMs > STEADY_MS ? now : "";
      return isMine;
    } catch {
      return false;
    }
  };
  return {
    holds,
    release: async () => {
      if (holds()) await rm(file, { force: true });
    },
  };
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> & { readonly startedAt?: string };
    if (typeof value.pid !== "number") return undefined;
    const { pid, bootId = "", processStart = value.startedAt ?? "", token = "" } = value;
    return [bootId, processStart, token].every((one) => typeof one === "string") ? { pid, bootId, processStart, token } : undefined;
  } catch {
    return undefined;
  }
}

/** Without a token it is a lock of an older release: it cannot be this process, and what it does not say is taken to agree. */
function isAlive(holder: Holder): boolean {
  const old = holder.token === "";
  if (old ? holder.pid === process.pid : holder.bootId !== bootId()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (thrown) {
    if (codeOf(thrown) === "ESRCH") return false;
  }
  return (old && holder.processStart === "") || holder.processStart === processStart(holder.pid);
}

/** Names this start of the machine: what a process wrote is in the system's memory as long as it is the same, whatever became of the process. */
export function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    const bootedMs = performance.timeOrigin + performance.now() - os.uptime() * 1000;
    return `booted-${Math.round(bootedMs / 600_000)}`;
  }
}

/** When a process began, in the system's own ticks. */
function processStart(pid: number): string {
  return processStat(pid)[19] ?? "";
}
