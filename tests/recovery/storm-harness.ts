import { type ChildProcess, spawn } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { createSession } from "../../src/engine/api/session.ts";
import type { Row } from "../../src/engine/types/data-type.ts";
import { bigint, double, string, struct } from "../../src/engine/types/schema-builder.ts";
import { type StormJob, stormSteps } from "./storm-job.ts";

/**
 * Has node keep the compiled code of a test's programs, so that the many that are killed start in half the time. Node writes it when a process ends
 * by itself, so one has to.
 */
export const CODE_CACHE: NodeJS.ProcessEnv = { NODE_COMPILE_CACHE: path.join(os.tmpdir(), "node-compile-cache") };

const program = path.join(import.meta.dirname, "storm-job.ts");

/** A process that runs storm jobs, and what it has said of the one under way. */
export interface StormProcess {
  /** Resolves when the job has committed this batch or a later one, or is done. */
  reached(batch: number): Promise<void>;
  /** Resolves when the job is done; rejects if the process ends before. */
  done(): Promise<void>;
  /** Lets it begin the job of the next seed. */
  next(): void;
  /** SIGKILL; resolves with how it ended. */
  kill(): Promise<string>;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
}

export function startStorm(
  folder: string,
  seeds: readonly number[],
  options: { readonly kafka?: boolean; readonly env?: NodeJS.ProcessEnv } = {},
): StormProcess {
  const args = [program, folder, options.kafka ? "kafka" : "files", ...seeds.map(String)];
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...CODE_CACHE, ...options.env },
  });
  let last = -1;
  let isDone = false;
  let waiters: (() => void)[] = [];
  let how: string | undefined;
  const tell = (): void => {
    const due = waiters;
    waiters = [];
    for (const wake of due) wake();
  };
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    if (line.startsWith("batch ")) last = Number(line.slice(6));
    else if (line.startsWith("done ")) isDone = true;
    tell();
  });
  child.stdin?.on("error", () => undefined);
  const ended = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      how = signal ?? String(code);
      resolve(how);
      tell();
    });
  });
  const until = async (check: () => boolean): Promise<void> => {
    while (!check() && how === undefined) await new Promise<void>((resolve) => waiters.push(resolve));
  };
  return {
    ended,
    reached: (batch) => until(() => last >= batch || isDone),
    done: async () => {
      await until(() => isDone);
      if (!isDone) throw new Error(`the process ended with ${how} before its job was done`);
    },
    next: () => {
      [last, isDone] = [-1, false];
      child.stdin?.write("next\n");
    },
    kill: () => {
      child.kill("SIGKILL");
      return ended;
    },
  };
}

/** What a job's results are, sorted texts: as a reader of its folder sees them. */
export async function stormResults(folder: string, job: StormJob): Promise<string[]> {
  const results = path.join(folder, "results");
  if (job === "windows") {
    const texts = await Promise.all((await readdir(results)).map((name) => readFile(path.join(results, name), "utf8")));
    return texts.sort();
  }
  const schema = struct({ device: string(), value: double(), id: bigint() });
  const rows = await createSession({}).read.format("json").schema(schema).load(results).collect();
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** The same by a plain recount of the whole input. */
export function stormRecount(seed: number, job: StormJob): string[] {
  const rows = stormSteps(seed).flat() as unknown as (readonly [ts: number, device: string, value: number, id: number])[];
  const asJson = ([, device, value, id]: readonly [number, string, number, number]): string => JSON.stringify({ device, value, id });
  if (job === "filter")
    return rows
      .filter(([, , value]) => value > 0)
      .map(asJson)
      .sort();
  if (job === "duplicates") return [...new Map(rows.map((row) => [row[3], row])).values()].map(asJson).sort();
  const groups = new Map<string, { readonly key: Row; n: number; total: number }>();
  for (const [ts, device, value] of rows) {
    const start = Math.floor(ts / 5e6) * 5e6;
    const group = groups.get(`${start}-${device}`) ?? { key: [[start, start + 5e6], device], n: 0, total: 0 };
    group.n++;
    group.total += value;
    groups.set(`${start}-${device}`, group);
  }
  return [...groups.values()].map(({ key, n, total }) => JSON.stringify([...key, n, total])).sort();
}
