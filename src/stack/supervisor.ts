import { messageOf } from "../base/errors.ts";
import { type Message, createMailbox } from "./mailbox.ts";
import { type ServiceProcess, type ServiceSpec, startService } from "./service-process.ts";

/** What a supervised service tells about itself. */
export interface ServiceEvent {
  readonly name: string;
  readonly state: "up" | "down";
  readonly pid: number;
  /** How it went down: "exit 1", "SIGKILL"; "" when up. */
  readonly how: string;
}

/** A service that is started again when it ends without having been asked to. */
export interface SupervisedService {
  readonly name: string;
  /** What the process said when it was ready, the first time. */
  readonly ready: Readonly<Record<string, unknown>>;
  readonly pid: number;
  readonly restarts: number;
  /** Messages of this process and of every later one in its place; the first listener also gets those that came before it. */
  onMessage(listener: (message: Message) => void): void;
  onEvent(listener: (event: ServiceEvent) => void): void;
  /** Resolves with a text when the service has ended for good without being asked to. */
  readonly gaveUp: Promise<string>;
  /** Ends it for good. Safe to call twice. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Starts a service and keeps it running: an end that nobody asked for starts it again at once with the same arguments, at most
 * `maxRestarts` times in all, so that a crash of one part never takes the run down and a part that cannot run does not spin.
 */
export async function superviseService(
  spec: ServiceSpec,
  options: { readonly signal?: AbortSignal; readonly maxRestarts?: number; readonly timeoutMs?: number } = {},
): Promise<SupervisedService> {
  const maxRestarts = options.maxRestarts ?? 20;
  const mailbox = createMailbox();
  const events: ((event: ServiceEvent) => void)[] = [];
  const startOptions = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
  let current = await startService(spec, options.signal ? { ...startOptions, signal: options.signal } : startOptions);
  const ready = current.ready;
  let restarts = 0;
  let stopping = false;
  let restarting: Promise<void> | undefined;
  let giveUp: (why: string) => void = () => {};
  const gaveUp = new Promise<string>((resolve) => (giveUp = resolve));

  const attach = (service: ServiceProcess): void => {
    service.onMessage((message) => mailbox.deliver(message));
    void service.ended.then((how) => {
      for (const listener of events) listener({ name: spec.name, state: "down", pid: service.pid, how });
      if (!stopping) restarting = restart(how);
    });
  };
  const restart = async (how: string): Promise<void> => {
    if (restarts >= maxRestarts) return giveUp(`the ${spec.name} ended ${restarts + 1} times, at last with ${how}`);
    restarts++;
    try {
      const next = await startService(spec, startOptions);
      if (stopping) return await next.stop();
      current = next;
    } catch (thrown) {
      return stopping ? undefined : restart(messageOf(thrown));
    }
    attach(current);
    for (const listener of events) listener({ name: spec.name, state: "up", pid: current.pid, how: "" });
  };
  attach(current);

  return {
    name: spec.name,
    ready,
    get pid() {
      return current.pid;
    },
    get restarts() {
      return restarts;
    },
    onMessage: (listener) => mailbox.listen(listener),
    onEvent: (listener) => void events.push(listener),
    gaveUp,
    stop: async (graceMs) => {
      stopping = true;
      await restarting;
      await current.stop(graceMs);
    },
  };
}
