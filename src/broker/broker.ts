import { messageOf } from "../base/errors.ts";
import { BrokerError } from "./broker-error.ts";
import { BrokerConfigs } from "./configs/broker-configs.ts";
import { startConfigs } from "./configs/start-configs.ts";
import { lockDataFolder } from "./data-folder-lock.ts";
import { GroupCoordinator } from "./groups/group-coordinator.ts";
import { apiHandlers } from "./handlers.ts";
import type { Listener, ListenerOptions } from "./security/listener.ts";
import { certificateFor, openSecurity, type SecurityOptions } from "./security/security.ts";
import { MEMORY_FOLDER } from "./journal.ts";
import { diskFiles } from "./log/disk-files.ts";
import { createMemoryFiles } from "./log/memory-files.ts";
import { WarmSegments } from "./log/warm-segments.ts";
import { openListeners } from "./serving.ts";
import { defaultSettings, type BrokerSettings, type FlushPolicy } from "./settings.ts";
import { TopicCatalog } from "./topics/topic-catalog.ts";
import { abortHanging } from "./transactions/hanging-transactions.ts";
import { TransactionCoordinator } from "./transactions/transaction-coordinator.ts";

/** What the broker is called in every banner, log and report: it is not Apache Kafka. */
export const BROKER_NAME = "Kafka-protocol development broker";

/** How often logs that sync every write are asked whether their index files are due. */
const INDEX_CHECK_MS = 1000;

export interface BrokerOptions extends SecurityOptions {
  /** Everything that the broker keeps; made if it is not there. One broker a folder. Not needed with `storage: "memory"`. */
  readonly dataDir?: string;
  /** "disk" by default. "memory": nothing touches a disk, and all is gone when the broker ends; retention bounds what it takes. */
  readonly storage?: "disk" | "memory";
  /**
   * Configs by the names of Kafka's broker: the defaults of topics ("log.retention.ms", "log.segment.bytes", "message.max.bytes" …), and how often the
   * broker looks after its logs ("log.retention.check.interval.ms", "log.cleaner.backoff.ms").
   */
  readonly configs?: Readonly<Record<string, string>>;
  /** Where clients connect, each with or without TLS and login; by default one with neither, on `host` and `port`. */
  readonly listeners?: readonly ListenerOptions[];
  /** Of the one listener where `listeners` is not given: "127.0.0.1" by default. Loopback is served on IPv4 and IPv6. */
  readonly host?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  /** What clients are told to connect to; by default host and port. */
  readonly advertised?: { readonly host: string; readonly port: number };
  /** When writes are synced to the disk. By default every second: an acknowledged write survives the process, not a power cut. */
  readonly flush?: FlushPolicy;
  /** A connection on which nothing happens for so long is closed; 10 minutes by default, as in Kafka. */
  readonly maxIdleMs?: number;
  /** Memory for large requests and answers of all clients together; 512 MiB by default. */
  readonly maxQueuedBytes?: number;
  /** Clients that logged in must do so again within this time (KIP-368); 0, the default: never. */
  readonly maxReauthMs?: number;
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
  /** All that are open, in the order of the options. */
  readonly listeners: readonly Listener[];
  /** The file of the certificate that clients of listeners with TLS are to trust; undefined without such listeners. */
  readonly caFile: string | undefined;
  /** What to give a client of the first listener as its bootstrap server: "127.0.0.1:9092". */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly clusterId: string;
  /** Ends all connections, finishes and syncs what is under way, frees port and folder. May be called twice. */
  close(): Promise<void>;
}

function settingsOf(options: BrokerOptions): BrokerSettings {
  const { settings, configs } = startConfigs(options.configs ?? {});
  return {
    ...defaultSettings,
    ...settings,
    configs,
    logFolder: folderOf(options),
    flush: options.flush ?? defaultSettings.flush,
    autoCreateTopics: options.autoCreateTopics ?? defaultSettings.autoCreateTopics,
    defaultPartitions: options.defaultPartitions ?? defaultSettings.defaultPartitions,
    minSessionTimeoutMs: options.minSessionTimeoutMs ?? defaultSettings.minSessionTimeoutMs,
    maxQueuedBytes: options.maxQueuedBytes ?? defaultSettings.maxQueuedBytes,
    maxIdleMs: options.maxIdleMs ?? defaultSettings.maxIdleMs,
    maxReauthMs: options.maxReauthMs ?? defaultSettings.maxReauthMs,
    initialRebalanceDelayMs: options.initialRebalanceDelayMs ?? defaultSettings.initialRebalanceDelayMs,
    groupMaxSize: options.groupMaxSize ?? defaultSettings.groupMaxSize,
  };
}

const NO_LISTENER = {
  failed: `Cannot start the ${BROKER_NAME}`,
  found: "the list of listeners is empty",
  remedy: "Leave it out for one on 127.0.0.1, or name one.",
};

function folderOf(options: BrokerOptions): string {
  if (options.storage === "memory") return MEMORY_FOLDER;
  if (options.dataDir !== undefined) return options.dataDir;
  throw new BrokerError("INVALID_OPTION", {
    failed: `Cannot start the ${BROKER_NAME}`,
    found: "no data folder",
    remedy: 'Name one as dataDir, or ask for storage: "memory".',
  });
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
  const wanted: readonly ListenerOptions[] = options.listeners ?? [
    {
      protocol: "PLAINTEXT",
      host: options.host ?? "127.0.0.1",
      port: options.port ?? 0,
      ...(options.advertised ? { advertised: options.advertised } : {}),
    },
  ];
  const sync = settings.flush === "always";
  const cleanups: (() => Promise<void>)[] = [];
  const undo = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const folder = settings.logFolder;
    const isInMemory = folder === MEMORY_FOLDER;
    if (!isInMemory) cleanups.push(await lockDataFolder(folder));
    const catalog = await TopicCatalog.open({
      folder,
      configs: new BrokerConfigs(settings),
      files: isInMemory ? createMemoryFiles() : diskFiles,
      warm: new WarmSegments(),
      sync,
      onCut: (file, bytes) => log(`cut ${bytes} bytes of an unfinished write from ${file}`),
      onFailure: (partition, cause) => log(`a log in ${partition} failed: ${messageOf(cause)}`),
    });
    cleanups.push(() => catalog.close());
    const groups = await GroupCoordinator.open({ ...settings, folder, sync, nowMs: Date.now });
    cleanups.push(() => groups.close());
    const transactions = await TransactionCoordinator.open({
      ...settings,
      folder,
      sync,
      nowMs: Date.now,
      nextProducerId: () => catalog.nextProducerId(),
      partition: (topic, partition) => catalog.get(topic)?.partitions[partition],
      endOffsets: (producerId, committed) => groups.offsets.endTransaction(producerId, committed),
      onFailure: (id, cause) => log(`the transaction of ${id} cannot go on yet: ${messageOf(cause)}`),
    });
    cleanups.push(() => transactions.close());
    const hanging = await abortHanging(transactions, catalog.list(), groups.offsets, Date.now());
    if (hanging > 0) log(`aborted ${hanging} parts of transactions that were lost in a power cut`);
    const security = await openSecurity(folder, sync, options);
    cleanups.push(() => security.close());
    const certificate = await certificateFor(wanted, options.tls ?? {}, isInMemory ? undefined : folder);
    cleanups.push(() => certificate?.forget() ?? Promise.resolve());
    const state = {
      catalog,
      groups,
      transactions,
      security,
      settings,
      handlers: apiHandlers,
    };
    const complain = (what: string) => (thrown: unknown) => log(`${what}: ${messageOf(thrown)}`);
    const flushMs = settings.flush === "always" ? INDEX_CHECK_MS : settings.flush.everyMs;
    cleanups.push(
      every(flushMs, () =>
        catalog
          .flush()
          .then(() => groups.flush())
          .then(() => security.flush())
          .then(() => transactions.flush())
          .catch(complain("cannot sync")),
      ),
    );
    cleanups.push(every(settings.retentionCheckMs, () => catalog.retain(Date.now()).catch(complain("cannot delete old segments"))));
    const ending = new AbortController();
    cleanups.push(
      every(settings.cleanerBackoffMs, () =>
        catalog.compact(Date.now(), settings.cleanerBufferBytes, ending.signal).catch(complain("cannot compact")),
      ),
    );
    cleanups.push(() => Promise.resolve(ending.abort()));
    cleanups.push(every(settings.offsetsRetentionCheckMs, () => groups.expire().catch(complain("cannot forget old offsets"))));
    cleanups.push(every(settings.transactionCheckMs, () => transactions.tend().catch(complain("cannot abort overdue transactions"))));
    cleanups.push(
      every(settings.producerIdExpirationCheckMs, () =>
        Promise.resolve(catalog.expireProducers(Date.now(), settings.producerIdExpirationMs)),
      ),
    );
    cleanups.push(() => Promise.resolve(groups.stop()));
    const serving = await openListeners(state, wanted, certificate, log);
    cleanups.push(() => serving.close());
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> =>
      (closing ??= (async () => {
        options.signal?.removeEventListener("abort", onAbort);
        await undo();
      })());
    const onAbort = (): void => void close();
    options.signal?.addEventListener("abort", onAbort, { once: true });
    const [first] = serving.listeners;
    if (!first) throw new BrokerError("INVALID_OPTION", NO_LISTENER);
    const { listeners } = serving;
    return {
      listeners,
      caFile: certificate?.caFile,
      address: first.address,
      host: first.host,
      port: first.port,
      clusterId: catalog.clusterId,
      close,
    };
  } catch (thrown) {
    await undo();
    throw thrown;
  }
}
