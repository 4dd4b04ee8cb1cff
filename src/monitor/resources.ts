import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Clock } from "../base/clock.ts";
import type { ResourceSnapshot } from "./snapshot.ts";

/** What the operating system says about one process since its start. */
export interface ProcessUse {
  readonly cpuSeconds: number;
  readonly rssMb: number;
}

/** Asks the operating system about processes; one that is gone is missing from the answer. Never rejects because of a process. */
export type ReadProcesses = (pids: readonly number[]) => Promise<ReadonlyMap<number, ProcessUse>>;

/** Linux counts CPU time in ticks, 100 a second on every architecture that Node runs on. */
const LINUX_TICKS_PER_SECOND = 100;

/** CPU time from the text of /proc/<pid>/stat (proc(5): utime and stime are fields 14 and 15; the name in brackets may hold anything). */
export function cpuSecondsFromStat(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / LINUX_TICKS_PER_SECOND;
}

/** Resident memory in MB (2^20 bytes) from the text of /proc/<pid>/status; a zombie has none. */
export function rssMbFromStatus(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

export const readLinuxProcesses: ReadProcesses = async (pids) => {
  const found = new Map<number, ProcessUse>();
  await Promise.all(
    pids.map(async (pid) => {
      try {
        const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), readFile(`/proc/${pid}/status`, "utf8")]);
        found.set(pid, { cpuSeconds: cpuSecondsFromStat(stat), rssMb: rssMbFromStatus(status) });
      } catch {
        return;
      }
    }),
  );
  return found;
};

/** Lines of `ps -o pid=,rss=,time=`: rss in kB, time as [[dd-]hh:]mm:ss[.cc]. */
export function processesFromPs(output: string): ReadonlyMap<number, ProcessUse> {
  const found = new Map<number, ProcessUse>();
  for (const line of output.split("\n")) {
    const [, pid, rss, days, clock] = /^\s*(\d+)\s+(\d+)\s+(?:(\d+)-)?([\d:.]+)\s*$/.exec(line) ?? [];
    if (!pid || !rss || !clock) continue;
    const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
    found.set(Number(pid), { cpuSeconds: seconds + Number(days ?? 0) * 86_400, rssMb: Number(rss) / 1024 });
  }
  return found;
}

export const readPsProcesses: ReadProcesses = async (pids) => {
  if (pids.length === 0) return new Map();
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "pid=,rss=,time=", "-p", pids.join(",")]);
    return processesFromPs(stdout);
  } catch (thrown) {
    const stdout = typeof thrown === "object" && thrown !== null && "stdout" in thrown ? String(thrown.stdout) : "";
    return processesFromPs(stdout);
  }
};

/** Where nothing can be asked about other processes: this one only. */
export const readOwnProcess: ReadProcesses = async (pids) => {
  if (!pids.includes(process.pid)) return new Map();
  const { user, system } = process.cpuUsage();
  return new Map([[process.pid, { cpuSeconds: (user + system) / 1e6, rssMb: process.memoryUsage.rss() / 1024 / 1024 }]]);
};

export function processReaderFor(platform: NodeJS.Platform): ReadProcesses {
  if (platform === "linux") return readLinuxProcesses;
  return platform === "win32" ? readOwnProcess : readPsProcesses;
}

/** Follows the CPU share and memory of named processes. */
export interface ResourceSampler {
  /** A process of this name from now on; a new pid under an old name takes its place (a restarted service). */
  watch(name: string, pid: number): void;
  unwatch(name: string): void;
  /** CPU over the time since the last sample of the same pid, 0 the first time; processes that are gone are left out. */
  sample(): Promise<readonly ResourceSnapshot[]>;
}

export function createResourceSampler(clock: Clock, read: ReadProcesses = processReaderFor(process.platform)): ResourceSampler {
  const pids = new Map<string, number>();
  const last = new Map<number, { readonly atMs: number; readonly cpuSeconds: number }>();
  return {
    watch: (name, pid) => void pids.set(name, pid),
    unwatch: (name) => void pids.delete(name),
    async sample() {
      const uses = await read([...pids.values()]);
      const atMs = clock.monotonicMs();
      const samples: ResourceSnapshot[] = [];
      for (const [name, pid] of pids) {
        const use = uses.get(pid);
        if (!use) continue;
        const before = last.get(pid);
        const elapsedMs = before ? atMs - before.atMs : 0;
        const cpuPercent = before && elapsedMs > 0 ? (Math.max(0, use.cpuSeconds - before.cpuSeconds) * 100_000) / elapsedMs : 0;
        samples.push({ process: name, pid, cpuPercent, rssMb: use.rssMb });
      }
      for (const pid of last.keys()) if (!uses.has(pid)) last.delete(pid);
      for (const [pid, use] of uses) last.set(pid, { atMs, cpuSeconds: use.cpuSeconds });
      return samples;
    },
  };
}
