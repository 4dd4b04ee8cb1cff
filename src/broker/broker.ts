import type { Socket } from "node:net";
import { messageOf } from "../base/errors.ts";
import type { ApiHandler, BrokerState } from "./api-handler.ts";
import { Connection } from "./connection.ts";
import { lockDataFolder } from "./data-folder-lock.ts";
import { GroupCoordinator } from "./groups/group-coordinator.ts";
import { apiHandlers } from "./handlers.ts";
import { listen } from "./listening.ts";
import { defaultSettings, type BrokerSettings, type FlushPolicy } from "./settings.ts";
import { TopicCatalog } from "./topics/topic-catalog.ts";

/** What the broker is called in every banner, log and report: it is not Apache Kafka. */
export const BROKER_NAME = "Kafka-protocol development broker";

export interface BrokerOptions {
  /** Everything that the broker keeps; made if it is not there. One broker a folder. */
  readonly dataDir: string;
  /** "127.0.0.1" by default. Loopback is served on IPv4 and IPv6. */
  readonly host?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** What clients are told to connect to; by default host and port. */
  readonly advertised?: { readonly host: string; readonly port: number };
  /** When writes are synced to the disk. By default every second: an acknowledged write survives the process, not a power cut. */
  readonly flush?: FlushPolicy;
  /** Whether a topic that a client asks about is made; true by default, as in Kafka. */
  readonly autoCreateTopics?: boolean;
  /** Partitions of a topic that is made without a count; 1 by default. */
  readonly defaultPartitions?: number;
  /** The shortest session timeout that a group member may ask for; 6000 ms by default, as in Kafka. */
  readonly minSessionTimeoutMs?: number;
  /** How long an empty group waits for more members before it assigns; 0 ms by default (Kafka: 3000). */
  readonly initialRebalanceDelayMs?: number;
  /** Members that a group may have; no limit by default, as in Kafka. */
  readonly groupMaxSize?: number;
  /** Closes the broker when it aborts. */
  readonly signal?: AbortSignal;
  /** Told of what is worth a line: broken frames, torn tails. Silent by default. */
  readonly log?: (line: string) => void;
}

export interface Broker {
  /** What to give a client as its bootstrap server: "127.0.0.1:9092". */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly clusterId: string;
  /** Ends all connections, finishes and syncs what is under way, frees port and folder. May be called twice. */
  close(): Promise<void>;
}

function settingsOf(options: BrokerOptions): BrokerSettings {
  return {
    ...defaultSettings,
    flush: options.flush ?? defaultSettings.flush,
    autoCreateTopics: options.autoCreateTopics ?? defaultSettings.autoCreateTopics,
    defaultPartitions: options.defaultPartitions ?? defaultSettings.defaultPartitions,
    minSessionTimeoutMs: options.minSessionTimeoutMs ?? defaultSettings.minSessionTimeoutMs,
    initialRebalanceDelayMs: options.initialRebalanceDelayMs ?? defaultSettings.initialRebalanceDelayMs,
    groupMaxSize: options.groupMaxSize ?? defaultSettings.groupMaxSize,
  };
}

/** Runs an action again and again, never twice at once; the returned function ends it and waits for the last run. */
function every(ms: number, action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= action().finally(() => (running = undefined));
  }, ms);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}

/**
 * Starts a Kafka-protocol development broker in this process: one node, no replication. Throws PORT_IN_USE, CANNOT_LISTEN or
 * DATA_FOLDER_IN_USE.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  options.signal?.throwIfAborted();
  const settings = settingsOf(options);
  const log = options.log ?? ((): void => undefined);
  const host = options.host ?? "127.0.0.1";
  const sync = settings.flush === "always";
  const cleanups: (() => Promise<void>)[] = [];
  const undo = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    cleanups.push(await lockDataFolder(options.dataDir));
    const catalog = await TopicCatalog.open({
      folder: options.dataDir,
      sync,
      onCut: (file, bytes) => log(`cut ${bytes} bytes of an unfinished write from ${file}`),
      onFailure: (folder, cause) => log(`cannot write to ${folder}: ${messageOf(cause)}`),
    });
    cleanups.push(() => catalog.close());
    const groups = await GroupCoordinator.open({ ...settings, folder: options.dataDir, sync, nowMs: Date.now });
    cleanups.push(() => groups.close());
    let port = 0;
    const state: BrokerState = {
      catalog,
      groups,
      settings,
      handlers: apiHandlers,
      advertised: () => options.advertised ?? { host: advertisedHost(host), port },
    };
    const complain = (what: string) => (thrown: unknown) => log(`${what}: ${messageOf(thrown)}`);
    if (settings.flush !== "always") {
      cleanups.push(
        every(settings.flush.everyMs, () =>
          catalog
            .flush()
            .then(() => groups.flush())
            .catch(complain("cannot sync")),
        ),
      );
    }
    cleanups.push(every(settings.retentionCheckMs, () => catalog.retain(Date.now()).catch(complain("cannot delete old segments"))));
    cleanups.push(every(settings.offsetsRetentionCheckMs, () => groups.expire().catch(complain("cannot forget old offsets"))));
    cleanups.push(() => Promise.resolve(groups.stop()));
    const connections = serve(state, log);
    cleanups.push(() => Promise.resolve(connections.closeAll()));
    const listening = await listen(host, options.port ?? 0, connections.accept);
    port = listening.port;
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> =>
      (closing ??= (async () => {
        options.signal?.removeEventListener("abort", onAbort);
        const stopped = listening.close();
        connections.closeAll();
        await stopped;
        await undo();
      })());
    const onAbort = (): void => void close();
    options.signal?.addEventListener("abort", onAbort, { once: true });
    const shown = advertisedHost(host);
    return { address: `${shown.includes(":") ? `[${shown}]` : shown}:${port}`, host: shown, port, clusterId: catalog.clusterId, close };
  } catch (thrown) {
    await undo();
    throw thrown;
  }
}

/** Clients cannot connect to "all addresses". */
const advertisedHost = (host: string): string => (host === "0.0.0.0" || host === "::" || host === "localhost" ? "127.0.0.1" : host);

function serve(state: BrokerState, log: (line: string) => void): { accept: (socket: Socket) => void; closeAll: () => void } {
  const handlers: ReadonlyMap<number, ApiHandler> = new Map(state.handlers.map((handler) => [handler.api.key, handler]));
  const open = new Set<Connection>();
  return {
    accept: (socket) => {
      const connection = new Connection(socket, state, handlers, (thrown, what) => {
        log(`closed a connection over ${what}: ${messageOf(thrown)}`);
      });
      open.add(connection);
      socket.once("close", () => open.delete(connection));
    },
    closeAll: () => {
      for (const connection of open) connection.close();
    },
  };
}
