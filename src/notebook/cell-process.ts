import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { CellError } from "./cell-error.ts";
import { endGroup } from "./end-process.ts";
import { NotebookError } from "./notebook-error.ts";
import type { StreamName } from "./joined-writes.ts";
import { projectRoot } from "../base/project.ts";

/** What the parent asks of the process that runs the cells. */
export type HostRequest =
  | { readonly type: "execute"; readonly source: string }
  | { readonly type: "interrupt"; readonly reason: string }
  | { readonly type: "shutdown" };

/** Something that a cell put out. `id` names a display that later messages may update, in whatever cell it stands. */
export type CellOutput =
  | { readonly type: "stream"; readonly name: StreamName; readonly text: string }
  | {
      readonly type: "display";
      readonly data: Readonly<Record<string, unknown>>;
      readonly metadata: Readonly<Record<string, unknown>>;
      readonly id?: string | undefined;
      readonly update: boolean;
    };

/** What the process that runs the cells answers. */
export type HostMessage = { readonly type: "ready" } | CellOutput | { readonly type: "done"; readonly error?: CellError | undefined };

/** How to run one cell. */
export interface CellRun {
  /** The cell is ended with the whole process when it takes longer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onOutput: (output: CellOutput) => void;
}

const GRACE_MS = 1_000;
const START_LIMIT_MS = 60_000;

/**
 * One fresh kernel without Jupyter: a child process with its own group, in which cells run one after the other. A cell that hangs or is
 * aborted first sees its `cellSignal` abort; after a second the group is ended, servers and all.
 */
export class CellProcess {
  readonly #child: ChildProcess;
  #lastWords: string = "";
  #onMessage: (message: HostMessage) => void = () => {};

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message: HostMessage) => this.#onMessage(message));
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#lastWords = (this.#lastWords + text).slice(-2_000)));
  }

  /** Starts the process and waits until it can run a cell. `environment` is added to this process's own. */
  static async start(environment: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Promise<CellProcess> {
    signal?.throwIfAborted();
    const env: NodeJS.ProcessEnv = { ...process.env, TZ: "UTC", NO_COLOR: "1", ...environment };
    delete env["FORCE_COLOR"];
    const child = fork(path.join(import.meta.dirname, "cell-host.ts"), [], {
      cwd: projectRoot,
      detached: true,
      env,
      execArgv: [],
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    const started = new CellProcess(child);
    const error = await started.#until("ready", () => {}, { timeoutMs: START_LIMIT_MS, signal, onOutput: () => {} });
    if (error === undefined) return started;
    throw new NotebookError("KERNEL_DIED", {
      failed: "Cannot start the notebook's kernel",
      found: error.evalue,
      remedy: 'Run "npm ci" again, and "streamlab doctor" to see what is missing.',
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** False once a cell was ended by force: the process is gone then. */
  get alive(): boolean {
    return this.#child.connected;
  }

  /** Runs one cell to its end; resolves with its error, if it has one, and never rejects. */
  execute(source: string, run: CellRun): Promise<CellError | undefined> {
    return this.#until("done", () => this.#child.send({ type: "execute", source } satisfies HostRequest), run);
  }

  /** Ends the process, and everything in its group. */
  async close(): Promise<void> {
    if (this.#child.connected) {
      const gone = once(this.#child, "exit");
      const late = setTimeout(() => this.#child.kill("SIGKILL"), GRACE_MS);
      this.#child.send({ type: "shutdown" } satisfies HostRequest, () => {});
      await gone;
      clearTimeout(late);
    }
    await endGroup(this.#child, GRACE_MS);
  }

  async #until(last: "ready" | "done", begin: () => void, run: CellRun): Promise<CellError | undefined> {
    const answered = Promise.withResolvers<CellError | undefined>();
    const stopped = Promise.withResolvers<CellError>();
    const onExit = (code: number | null, signal: string | null): void =>
      answered.resolve(
        plainError("KernelDied", `the kernel's process ended with ${signal ?? `exit code ${code}`}. ${this.#lastWords}`.trim()),
      );
    const onAbort = (): void => stopped.resolve(plainError("Interrupted", "the run was interrupted"));
    const timer = setTimeout(
      () => stopped.resolve(plainError("Timeout", `the cell took longer than ${run.timeoutMs / 1000} s and was ended`)),
      run.timeoutMs,
    );
    this.#onMessage = (message) => {
      if (message.type === last) answered.resolve(message.type === "done" ? message.error : undefined);
      else if (message.type === "stream" || message.type === "display") run.onOutput(message);
    };
    this.#child.once("exit", onExit);
    run.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      if (run.signal?.aborted) onAbort();
      else if (this.#child.exitCode !== null || this.#child.signalCode !== null) onExit(this.#child.exitCode, this.#child.signalCode);
      else begin();
      const outcome = await Promise.race([answered.promise, stopped.promise.then((error) => ({ forced: error }))]);
      if (outcome === undefined || !("forced" in outcome)) return outcome;
      await this.#stop(outcome.forced.evalue, answered.promise);
      return outcome.forced;
    } finally {
      clearTimeout(timer);
      this.#child.off("exit", onExit);
      run.signal?.removeEventListener("abort", onAbort);
      this.#onMessage = () => {};
    }
  }

  async #stop(reason: string, answered: Promise<unknown>): Promise<void> {
    if (this.#child.connected) this.#child.send({ type: "interrupt", reason } satisfies HostRequest, () => {});
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, GRACE_MS);
    await Promise.race([answered, late.promise]);
    clearTimeout(timer);
    await endGroup(this.#child, GRACE_MS);
  }
}

function plainError(ename: string, evalue: string): CellError {
  return { ename, evalue, traceback: [`${ename}: ${evalue}`] };
}
