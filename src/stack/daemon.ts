import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { writeFileAtomic } from "../base/atomic-file.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";
import type { Backends } from "./backends.ts";
import { choosePort } from "./port.ts";
import { EMBEDDED, addressOf, embeddedService } from "./servers.ts";
import { StackError } from "./stack-error.ts";

/** A server that `up` started and that outlives the command. */
export interface Daemon {
  readonly name: "kafka" | "mongo";
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly startedAtMs: number;
  readonly logFile: string;
}

/** The folder of everything that runs leave behind, below the project's root. */
export function stateFolder(root: string): string {
  return path.join(root, ".streamlab");
}

function upFile(root: string): string {
  return path.join(stateFolder(root), "up.json");
}

/** The servers that an earlier `up` started and that still run. */
export async function runningDaemons(root: string): Promise<Daemon[]> {
  try {
    const daemons = JSON.parse(await readFile(upFile(root), "utf8")) as Daemon[];
    return daemons.filter(isOurs);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
}

/** Whether the pid still belongs to the server that was started, and not to a later program with the same number. */
function isOurs(daemon: Daemon): boolean {
  try {
    process.kill(daemon.pid, 0);
    if (process.platform !== "linux") return true;
    return readFileSync(`/proc/${daemon.pid}/cmdline`, "utf8").includes(EMBEDDED[daemon.name].module);
  } catch {
    return false;
  }
}

/** Starts the embedded servers of the chosen backends in the background; those that run already stay as they are. */
export async function startDaemons(options: {
  readonly root: string;
  readonly backends: Backends;
  readonly kafkaPort?: number;
  readonly mongoPort?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}): Promise<Daemon[]> {
  const clock = options.clock ?? systemClock;
  const daemons = await runningDaemons(options.root);
  for (const name of ["kafka", "mongo"] as const) {
    if (options.backends[name].kind !== "embedded" || daemons.some((daemon) => daemon.name === name)) continue;
    const asked = name === "kafka" ? options.kafkaPort : options.mongoPort;
    const port = await choosePort(EMBEDDED[name].service, asked, EMBEDDED[name].defaultPort);
    daemons.push(await startDaemon(name, port, options.root, clock, options.signal));
    await writeFileAtomic(upFile(options.root), JSON.stringify(daemons, undefined, 2));
  }
  return daemons;
}

async function startDaemon(
  name: "kafka" | "mongo",
  port: number,
  root: string,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Daemon> {
  const dataDir = path.join(stateFolder(root), "data");
  const logFile = path.join(stateFolder(root), "logs", `${EMBEDDED[name].service.replace(" ", "-")}.log`);
  await mkdir(path.join(dataDir, name), { recursive: true });
  await mkdir(path.dirname(logFile), { recursive: true });
  const spec = embeddedService(name, port, dataDir);
  const log = openSync(logFile, "w");
  const child = spawn(
    process.execPath,
    [...(spec.nodeArgs ?? []), path.join(path.dirname(import.meta.dirname), spec.module), ...spec.args],
    {
      detached: true,
      stdio: ["ignore", log, log],
    },
  );
  closeSync(log);
  child.unref();
  const deadline = clock.monotonicMs() + 15_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.signalCode !== null || clock.monotonicMs() > deadline) {
      child.kill("SIGKILL");
      throw new StackError("SERVICE_FAILED", {
        failed: `The ${spec.name} did not start on port ${port}`,
        found: (await readFile(logFile, "utf8")).trim().split("\n").slice(-3).join(" ") || "it said nothing",
        remedy: `Its log is ${path.relative(root, logFile)}; "streamlab doctor" shows what this machine lacks.`,
      });
    }
    await clock.sleep(20, signal);
  }
  return {
    name,
    pid: child.pid ?? 0,
    host: "127.0.0.1",
    port,
    address: addressOf(name, "127.0.0.1", port),
    startedAtMs: clock.nowMs(),
    logFile: path.relative(root, logFile),
  };
}

/** Whether somebody answers a TCP connection there. */
export function accepts(port: number, host: string = "127.0.0.1", timeoutMs: number = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: timeoutMs });
    const answer = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
    socket.once("timeout", () => answer(false));
  });
}

/** Ends what `up` started: SIGTERM, SIGKILL after ten seconds. The names of what was ended. */
export async function stopDaemons(root: string, clock: Clock = systemClock): Promise<Daemon[]> {
  const daemons = await runningDaemons(root);
  for (const daemon of daemons) process.kill(daemon.pid, "SIGTERM");
  const deadline = clock.monotonicMs() + 10_000;
  while (daemons.some(isOurs)) {
    if (clock.monotonicMs() > deadline) for (const daemon of daemons.filter(isOurs)) process.kill(daemon.pid, "SIGKILL");
    await clock.sleep(20);
  }
  await rm(upFile(root), { force: true });
  return daemons;
}
