import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { projectRoot } from "../../src/base/project.ts";
import { stateFolder } from "../../src/stack/state-folder.ts";

/** A process of a lab that runs: itself or one that it started, directly or not. */
export interface LabMember {
  readonly pid: number;
  readonly command: string;
}

/** `streamlab lab` as a user starts it. */
export interface LabProcess {
  readonly pid: number;
  /** What it has written so far, both streams. */
  readonly output: () => string;
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** Resolves with the match as soon as the output has it; rejects when the lab ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Every process of this run that lives now. Known by its environment, so that orphans are found as well; Linux only. */
  members(): LabMember[];
  /** The folders of this run's data that are there now. */
  folders(): string[];
  /** Ends whatever is left. */
  kill(): void;
}

const MARK = "STREAMLAB_TEST_RUN";

/** Starts a lab that finds no Chromium but the given one. */
export function startLab(args: readonly string[], chromium?: string): LabProcess {
  const mark = randomUUID();
  const { STREAMLAB_KAFKA: _kafka, STREAMLAB_MONGO: _mongo, CHROME_PATH: _chrome, ...environment } = process.env;
  const child: ChildProcess = spawn(process.execPath, [path.join(projectRoot, "bin", "streamlab.mjs"), "lab", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...environment,
      [MARK]: mark,
      ...(chromium === undefined ? { PATH: path.dirname(process.execPath) } : { CHROME_PATH: chromium }),
    },
  });
  const pid = child.pid ?? 0;
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      for (const listener of listeners) listener();
    });
  }
  let over = false;
  const ended = new Promise<number | string>((resolve) => child.once("close", (code, signal) => resolve(signal ?? code ?? -1)));
  void ended.then(() => {
    over = true;
    for (const listener of listeners) listener();
  });
  const members = (): LabMember[] => membersOf(`${MARK}=${mark}`);
  return {
    pid,
    output: () => output,
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(output);
          if (!found && !over) return;
          listeners.delete(look);
          if (found) resolve(found);
          else reject(new Error(`the lab ended without saying ${String(pattern)}; it said:\n${output}`));
        };
        listeners.add(look);
        look();
      }),
    signal: (name) => void child.kill(name),
    members,
    folders: () => readFolder(path.join(stateFolder(projectRoot), "lab")).filter((name) => name.split("-")[1] === String(pid)),
    kill: () => {
      for (const member of members()) process.kill(member.pid, "SIGKILL");
    },
  };
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function membersOf(variable: string): LabMember[] {
  const members: LabMember[] = [];
  for (const name of readFolder("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (!readFileSync(`/proc/${name}/environ`, "utf8").split("\0").includes(variable)) continue;
      members.push({ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim() });
    } catch {
      continue;
    }
  }
  return members;
}

/** Asks again every few milliseconds until `condition` holds. */
export async function until(what: string, condition: () => boolean, limitMs: number = 20_000): Promise<void> {
  const deadline = systemClock.monotonicMs() + limitMs;
  while (!condition()) {
    if (systemClock.monotonicMs() > deadline) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await systemClock.sleep(5);
  }
}
