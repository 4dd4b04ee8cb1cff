import { type Clock, systemClock } from "../base/clock.ts";
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

/** A service that lives shorter than this has not come to work. */
const SHORT_LIFE_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Starts a service and keeps it running: an end that nobody asked for starts it again at once with the same arguments, so that a crash of one
 * part never takes the run down. After further short lives in a row it pauses before each start, 0.1 s doubling to 5 s, so that the parts that
 * need another one outlast its absence of a minute and a part that cannot run does not spin; after `maxRestarts` in all it is given up.
 */
export async function superviseService(
  spec: ServiceSpec,
  options: { readonly signal?: AbortSignal; readonly maxRestarts?: number; readonly timeoutMs?: number; readonly clock?: Clock } = {},
): Promise<SupervisedService> {
  const maxRestarts = options.maxRestarts ?? 20;
  const clock = options.clock ?? systemClock;
  const mailbox = createMailbox();
  const events: ((event: ServiceEvent) => void)[] = [];
  const startOptions = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
  let current = await startService(spec, options.signal ? { ...startOptions, signal: options.signal } : startOptions);
  const ready = current.ready;
  let restarts = 0;
  let startedAtMs = clock.monotonicMs();
  let shortLives = 0;
  const stopping = new AbortController();
  let restarting: Promise<void> | undefined;
  let giveUp: (why: string) => void = () => {};
  const gaveUp = new Promise<string>((resolve) => (giveUp = resolve));

  const attach = (service: ServiceProcess): void => {
    service.onMessage((message) => mailbox.deliver(message));
    void service.ended.then((how) => {
      for (const listener of events) listener({ name: spec.name, state: "down", pid: service.pid, how });
      if (!stopping.signal.aborted) restarting = restart(how);
    });
  };
  const restart = async (how: string): Promise<void> => {
    if (restarts >= maxRestarts) return giveUp(`the ${spec.name} ended ${restarts + 1} times, at last with ${how}`);
    restarts++;
    shortLives = clock.monotonicMs() - startedAtMs < SHORT_LIFE_MS ? shortLives + 1 : 0;
    try {
      if (shortLives > 1) await clock.sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (shortLives - 2)), stopping.signal);
      startedAtMs = clock.monotonicMs();
      const next = await startService(spec, { ...startOptions, signal: stopping.signal });
      if (stopping.signal.aborted) return await next.stop();
      current = next;
    } catch (thrown) {
      return stopping.signal.aborted ? undefined : restart(messageOf(thrown));
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
      stopping.abort();
      await restarting;
      await current.stop(graceMs);
    },
  };
}
