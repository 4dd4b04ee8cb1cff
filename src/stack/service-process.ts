import { type ChildProcess, type Serializable, spawn } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import path from "node:path";
import { type Mailbox, type Message, createMailbox } from "./mailbox.ts";
import { StackError } from "./stack-error.ts";

/** A part of the product that runs as a process of its own. */
export interface ServiceSpec {
  /** As the user sees it: "broker". */
  readonly name: string;
  /** The process's module, relative to src. */
  readonly module: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** V8 and Node flags before the module. */
  readonly nodeArgs?: readonly string[];
}

/** A running service: its messages, its end. */
export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  /** What the process said when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Resolves when the process has ended, with a text of how: "exit 0", "SIGKILL". */
  readonly ended: Promise<string>;
  readonly running: boolean;
  /** Calls `listener` for every message but the first "ready"; the first listener also gets those that came before it. */
  onMessage(listener: (message: Message) => void): void;
  send(message: Serializable): void;
  /** SIGTERM, then SIGKILL after `graceMs`. Safe to call twice. */
  stop(graceMs?: number): Promise<void>;
}

const src = path.dirname(import.meta.dirname);
/** A service shares this process's compile cache: it starts in half the time and does without the compiler in its memory. */
function compileCache(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(folder) };
}

const STDERR_KEPT = 4_000;

/**
 * Starts a service and waits until it says `{type: "ready"}`.
 * @throws StackError SERVICE_FAILED with the end of its stderr when it ends before, SERVICE_TIMEOUT after `timeoutMs`.
 */
export async function startService(spec: ServiceSpec, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<ServiceProcess> {
  options.signal?.throwIfAborted();
  const child = spawn(process.execPath, [...(spec.nodeArgs ?? []), path.join(src, spec.module), ...spec.args], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    detached: process.platform !== "win32",
    windowsHide: true,
    env: { ...compileCache(), ...process.env, ...spec.env },
  });
  const mailbox = createMailbox();
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-STDERR_KEPT);
  });
  const ended = new Promise<string>((resolve) => child.once("exit", (code, signal) => resolve(signal ?? `exit ${code}`)));
  const ready = await waitForReady(spec, child, ended, () => stderr, mailbox, options);

  let stopping: Promise<void> | undefined;
  const service: ServiceProcess = {
    name: spec.name,
    pid: child.pid ?? 0,
    ready,
    ended,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    onMessage: (listener) => mailbox.listen(listener),
    send: (message) => {
      if (child.connected) child.send(message);
    },
    stop: (graceMs = 10_000) => (stopping ??= stopProcess(child, ended, graceMs)),
  };
  return service;
}

async function waitForReady(
  spec: ServiceSpec,
  child: ChildProcess,
  ended: Promise<string>,
  stderr: () => string,
  mailbox: Mailbox,
  options: { signal?: AbortSignal; timeoutMs?: number },
): Promise<Readonly<Record<string, unknown>>> {
  const timeoutMs = options.timeoutMs ?? 15_000;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise((resolve, reject) => {
      let isReady = false;
      child.on("message", (message) => {
        const said = message as Message;
        if (isReady || said.type !== "ready") return mailbox.deliver(said);
        isReady = true;
        resolve(said);
      });
      child.once("error", reject);
      void ended.then((how) => reject(failedToStart(spec, how, stderr())));
      timer = setTimeout(
        () =>
          reject(
            new StackError("SERVICE_TIMEOUT", {
              failed: `The ${spec.name} did not start`,
              found: `not ready after ${timeoutMs / 1000} s${stderr() ? `; it said: ${stderr().trim()}` : ""}`,
              remedy: 'Run "streamlab doctor" to see what this machine lacks.',
            }),
          ),
        timeoutMs,
      );
      onAbort = () => reject(options.signal?.reason as Error);
      options.signal?.addEventListener("abort", onAbort, { once: true });
    });
  } catch (thrown) {
    child.kill("SIGKILL");
    throw thrown;
  } finally {
    clearTimeout(timer);
    if (onAbort) options.signal?.removeEventListener("abort", onAbort);
  }
}

function failedToStart(spec: ServiceSpec, how: string, stderr: string): StackError {
  const said = stderr.trim().split("\n").slice(-5).join(" ");
  return new StackError("SERVICE_FAILED", {
    failed: `The ${spec.name} did not start`,
    found: `its process ended with ${how}${said ? `: ${said}` : ""}`,
    remedy: 'Run "streamlab doctor" to see what this machine lacks.',
  });
}

async function stopProcess(child: ChildProcess, ended: Promise<string>, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(killer);
}
