import os from "node:os";

/** What a benchmark ran on. Memory in GiB. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  /** Averages of the last minute, at the beginning and at the end. */
  readonly load: { readonly before: number; readonly after: number };
}

export function loadNow(): number {
  return Math.round((os.loadavg()[0] ?? 0) * 10) / 10;
}

/** Describes this machine; call it at the end, with the load of the beginning. */
export function describeMachine(loadBefore: number): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? "unknown",
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.platform()} ${os.release()} ${os.arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    load: { before: loadBefore, after: loadNow() },
  };
}

/** The middle of some figures, with the smallest and the largest. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(figures: readonly number[]): Spread {
  const sorted = [...figures].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return {
    median: sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}
