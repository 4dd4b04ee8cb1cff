import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { writeFileAtomic } from "../base/atomic-file.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";
import type { Backend, Backends } from "./backends.ts";
import { choosePort } from "./port.ts";
import { EMBEDDED, addressOf, startable, type StartableServer } from "./servers.ts";
import { StackError } from "./stack-error.ts";
import { stateFolder } from "./state-folder.ts";

/** A server that `up` started and that outlives the command. */
export interface Daemon {
  readonly name: "kafka" | "mongo";
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly startedAtMs: number;
  readonly logFile: string;
  /** What it is: "Kafka-protocol development broker", "Apache Kafka 4.3.1". */
  readonly title: string;
  /** As messages call it: "broker". */
  readonly service: string;
  /** The module of its process, relative to src. */
  readonly module: string;
  /** How many nodes it has. */
  readonly nodes: number;
}

/** What up.json of a release before `--kafka jvm` does not say. */
type LaterField = "title" | "service" | "module" | "nodes";

function upFile(root: string): string {
  return path.join(stateFolder(root), "up.json");
}

/** The servers that an earlier `up` started and that still run. */
export async function runningDaemons(root: string): Promise<Daemon[]> {
  try {
    const daemons = JSON.parse(await readFile(upFile(root), "utf8")) as (Omit<Daemon, LaterField> & Partial<Daemon>)[];
    return daemons.map(withLaterFields).filter(isOurs);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
}

function withLaterFields(daemon: Omit<Daemon, LaterField> & Partial<Daemon>): Daemon {
  const { title, service, module } = EMBEDDED[daemon.name];
  return { title, service, module, nodes: 1, ...daemon };
}

/** Whether the pid still belongs to the server that was started, and not to a later program with the same number. */
function isOurs(daemon: Daemon): boolean {
  try {
    process.kill(daemon.pid, 0);
    if (process.platform !== "linux") return true;
    return readFileSync(`/proc/${daemon.pid}/cmdline`, "utf8").includes(daemon.module);
  } catch {
    return false;
  }
}

/**
 * Starts the servers of the chosen backends that do not run elsewhere in the background; those that run already stay as they are.
 * @throws StackError ALREADY_UP where another kind of server runs than the one that was chosen
 */
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
    const backend = options.backends[name];
    if (backend.kind === "external") continue;
    const server = startable(name, backend);
    const running = daemons.find((daemon) => daemon.name === name);
    if (running) {
      refuseOther(running, server, backend);
      continue;
    }
    const asked = name === "kafka" ? options.kafkaPort : options.mongoPort;
    const port = await choosePort(server.service, asked, server.defaultPort);
    await server.prepare(options.signal);
    daemons.push(await startDaemon(name, server, nodesOf(backend), port, options.root, clock, options.signal));
    await writeFileAtomic(upFile(options.root), JSON.stringify(daemons, undefined, 2));
  }
  return daemons;
}

function nodesOf(backend: Backend): number {
  return backend.kind === "jvm" || backend.kind === "docker" ? backend.nodes : 1;
}

function refuseOther(running: Daemon, server: StartableServer, backend: Backend): void {
  if (running.module === server.module && running.nodes === nodesOf(backend)) return;
  throw new StackError("ALREADY_UP", {
    failed: `Cannot start ${server.backendName}`,
    found: `${running.title} is up at ${running.address} (pid ${running.pid})`,
    remedy: 'End it with "streamlab down" first.',
  });
}

async function startDaemon(
  name: "kafka" | "mongo",
  server: StartableServer,
  nodes: number,
  port: number,
  root: string,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Daemon> {
  const dataDir = path.join(stateFolder(root), "data");
  const logFile = path.join(stateFolder(root), "logs", `${server.service.toLowerCase().replace(" ", "-")}.log`);
  await mkdir(path.join(dataDir, server.folder), { recursive: true });
  await mkdir(path.dirname(logFile), { recursive: true });
  const spec = server.spec(port, dataDir);
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
  const deadline = clock.monotonicMs() + server.startMs;
  let ready: Readonly<Record<string, unknown>> | undefined;
  while ((ready = await readyWord(logFile)) === undefined) {
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
    address: typeof ready.address === "string" ? ready.address : addressOf(name, "127.0.0.1", port),
    startedAtMs: clock.nowMs(),
    logFile: path.relative(root, logFile),
    title: server.title,
    service: server.service,
    module: server.module,
    nodes,
  };
}

/** What a server has written to its log when it was ready (base/own-process), undefined before. */
async function readyWord(logFile: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const lines = (await readFile(logFile, "utf8")).split("\n").slice(0, -1);
  const line = lines.find((one) => one.startsWith('{"type":"ready"'));
  return line === undefined ? undefined : (JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** How clients reach a server that runs in the background: with the login that its address does not show. @throws StackError DOCKER_SECRETS */
export function clientAddress(daemon: Daemon): string {
  const isDocker = daemon.module.startsWith("stack/docker/");
  return (
    (isDocker && startable(daemon.name, { kind: "docker", nodes: daemon.nodes, origin: "default" }).clientAddress?.(daemon.address)) ||
    daemon.address
  );
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

/** Ends what `up` started: SIGTERM, SIGKILL after ten seconds (containers have thirty). The names of what was ended. */
export async function stopDaemons(root: string, clock: Clock = systemClock): Promise<Daemon[]> {
  const daemons = await runningDaemons(root);
  for (const daemon of daemons) process.kill(daemon.pid, "SIGTERM");
  const deadline = clock.monotonicMs() + (daemons.some(({ module }) => module.startsWith("stack/docker/")) ? 30_000 : 10_000);
  while (daemons.some(isOurs)) {
    if (clock.monotonicMs() > deadline) for (const daemon of daemons.filter(isOurs)) process.kill(daemon.pid, "SIGKILL");
    await clock.sleep(20);
  }
  await rm(upFile(root), { force: true });
  return daemons;
}
