import { messageOf } from "./errors.ts";

/** What runs in a process of its own: what it says when it is ready, and how it ends. */
export interface RunningService {
  /** Told as `{type: "ready", …}`: over IPC to a parent, else as one line on stdout. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Resolves when the service has ended by itself; one that only ends when asked to has none. */
  readonly ended?: Promise<void>;
  close(): Promise<void>;
}

/**
 * The life of a service that is the whole of its process: start, tell that it is ready, run until SIGTERM, SIGINT or the parent's end, close, exit.
 * A failure is one message on stderr and exit code 1. With STREAMLAB_COMPILE_ONLY set nothing starts: the module was loaded for the compile cache.
 */
export async function runAsService(start: (stopping: AbortSignal) => Promise<RunningService>): Promise<void> {
  if (process.env.STREAMLAB_COMPILE_ONLY) return;
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort(new Error(signal)));
  process.once("disconnect", () => stopping.abort(new Error("the parent process has ended")));
  try {
    const service = await start(stopping.signal);
    const ready = { type: "ready", ...service.ready };
    if (process.send) process.send(ready);
    else process.stdout.write(`${JSON.stringify(ready)}\n`);
    const asked = new Promise<void>((resolve) => {
      if (stopping.signal.aborted) resolve();
      stopping.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await (service.ended ? Promise.race([asked, service.ended]) : asked);
    await service.close();
  } catch (thrown) {
    if (!stopping.signal.aborted) {
      process.stderr.write(`${messageOf(thrown)}\n`);
      process.exitCode = 1;
    }
  } finally {
    if (process.connected) process.disconnect();
  }
}

/** Sends a message to the parent; nothing without one. */
export function tellParent(message: Readonly<Record<string, unknown>>): void {
  if (process.connected) process.send?.(message);
}
