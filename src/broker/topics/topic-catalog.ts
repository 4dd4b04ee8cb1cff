import path from "node:path";
import { randomBytes } from "node:crypto";
import { openJournal, type Journal } from "../journal.ts";
import { PartitionLog } from "../log/partition-log.ts";
import { type BrokerConfigs, type DynamicScope } from "../configs/broker-configs.ts";
import { configSource } from "../configs/config-key.ts";
import { topicSettings, type TopicSettings } from "../configs/topic-settings.ts";
import { diskFiles } from "../log/disk-files.ts";
import type { LogFiles } from "../log/log-files.ts";
import type { WarmSegments } from "../log/warm-segments.ts";
import { collisionKey } from "./topic-name.ts";

export interface Topic {
  readonly name: string;
  /** 22 characters of base64url. */
  readonly id: string;
  /** The configs that were set on it, by name; the rest are defaults. */
  configs: ReadonlyMap<string, string>;
  /** What follows from them and from the broker's configs. */
  settings: TopicSettings;
  readonly partitions: PartitionLog[];
}

type Entry =
  | { readonly kind: "cluster"; readonly id: string }
  | {
      readonly kind: "topic";
      readonly name: string;
      readonly id: string;
      readonly partitions: number;
      readonly configs: Readonly<Record<string, string>>;
      readonly starts?: Readonly<Record<string, number>>;
    }
  | { readonly kind: "partitions"; readonly name: string; readonly count: number }
  | { readonly kind: "configs"; readonly name: string; readonly configs: Readonly<Record<string, string>> }
  | { readonly kind: "start"; readonly name: string; readonly partition: number; readonly offset: number }
  | { readonly kind: "delete"; readonly name: string }
  | { readonly kind: "broker configs"; readonly scope: DynamicScope; readonly configs: Readonly<Record<string, string>> }
  | { readonly kind: "producer ids"; readonly next: number };

interface Registered {
  id: string;
  partitions: number;
  configs: Record<string, string>;
  starts: Record<string, number>;
}

/** Makes new configs of those before, or undefined to leave them. */
export type ConfigsChange = (before: ReadonlyMap<string, string>) => ReadonlyMap<string, string> | undefined;

export interface CatalogOptions {
  readonly folder: string;
  readonly configs: BrokerConfigs;
  /** Where the logs lie: a disk if not given. */
  readonly files?: LogFiles;
  readonly warm?: WarmSegments;
  readonly sync: boolean;
  readonly onCut: (file: string, bytes: number) => void;
  readonly onFailure: (folder: string, cause: unknown) => void;
}

/** Producer ids are taken from the journal in blocks, so that handing one out costs no write. */
const PRODUCER_ID_BLOCK = 1000;

/** Logs that are opened side by side: each has files open meanwhile. */
const OPENED_AT_ONCE = 16;

/** Runs `action` for every one of `list`, some at a time; the results are in order. */
async function inTurns<T, R>(list: readonly T[], action: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < list.length; at += OPENED_AT_ONCE) {
    results.push(...(await Promise.all(list.slice(at, at + OPENED_AT_ONCE).map(action))));
  }
  return results;
}

/** The last batches in memory: of one partition, and of all together. */
const MOST_CACHE_BYTES = 1024 * 1024;
const ALL_CACHE_BYTES = 64 * 1024 * 1024;

/** How often Kafka looks for segments that may go. */
const DEFAULT_RETENTION_CHECK_MS = 300_000;

/** The configs that say how long records stay, of a topic and of the broker. */
const RETENTION = [
  { own: "retention.ms", broker: "log.retention.ms" },
  { own: "retention.bytes", broker: "log.retention.bytes" },
] as const;

/** A random topic id; none begins with '-', which command lines would take for an option. */
export function newTopicId(): string {
  for (;;) {
    const id = randomBytes(16).toString("base64url");
    if (!id.startsWith("-")) return id;
  }
}

/** The topics, their configs and logs, the cluster id and the producer ids: everything that must be there again after a restart. */
export class TopicCatalog {
  readonly #options: CatalogOptions;
  readonly #topics = new Map<string, Topic>();
  readonly #registered = new Map<string, Registered>();
  #journal!: Journal<Entry>;
  #clusterId = "";
  #nextProducerId = 0;
  #producerIdsUpTo = 0;
  #change: Promise<unknown> = Promise.resolve();
  #retainedAllMs: number = Date.now();
  #partitions = 0;

  private constructor(options: CatalogOptions) {
    this.#options = options;
  }

  static async open(options: CatalogOptions): Promise<TopicCatalog> {
    const catalog = new TopicCatalog(options);
    catalog.#journal = await openJournal<Entry>({
      file: path.join(options.folder, "metadata.journal"),
      sync: true,
      apply: (entry) => catalog.#apply(entry),
      snapshot: () => catalog.#snapshot(),
    });
    if (catalog.#clusterId === "") {
      catalog.#clusterId = newTopicId();
      await catalog.#journal.append([{ kind: "cluster", id: catalog.#clusterId }]);
    }
    catalog.#nextProducerId = catalog.#producerIdsUpTo;
    await catalog.#openLogs();
    return catalog;
  }

  #apply(entry: Entry): void {
    if (entry.kind === "cluster") this.#clusterId = entry.id;
    else if (entry.kind === "producer ids") this.#producerIdsUpTo = entry.next;
    else if (entry.kind === "broker configs") this.#options.configs.setDynamic(entry.scope, new Map(Object.entries(entry.configs)));
    else if (entry.kind === "topic") {
      const { id, partitions, configs, starts } = entry;
      this.#registered.set(entry.name, { id, partitions, configs: { ...configs }, starts: { ...starts } });
    } else if (entry.kind === "delete") this.#registered.delete(entry.name);
    else {
      const topic = this.#registered.get(entry.name);
      if (!topic) return;
      if (entry.kind === "partitions") topic.partitions = entry.count;
      else if (entry.kind === "configs") topic.configs = { ...entry.configs };
      else topic.starts[entry.partition] = Math.max(entry.offset, topic.starts[entry.partition] ?? 0);
    }
  }

  *#snapshot(): Generator<Entry> {
    yield { kind: "cluster", id: this.#clusterId };
    yield { kind: "producer ids", next: this.#producerIdsUpTo };
    for (const scope of ["broker", "default"] as const) {
      const configs = this.#options.configs.dynamic(scope);
      if (configs.size > 0) yield { kind: "broker configs", scope, configs: Object.fromEntries(configs) };
    }
    for (const [name, topic] of this.#registered) yield { kind: "topic", name, ...topic };
  }

  async #openLogs(): Promise<void> {
    const logs = path.join(this.#options.folder, "logs");
    const files = this.#options.files ?? diskFiles;
    await files.makeFolder(logs);
    const known = new Set(
      [...this.#registered].flatMap(([name, { partitions }]) => Array.from({ length: partitions }, (_, i) => `${name}-${i}`)),
    );
    for (const name of await files.list(logs)) {
      if (!known.has(name)) await files.remove(path.join(logs, name));
    }
    await inTurns([...this.#registered], ([name, topic]) => this.#openTopic(name, topic));
  }

  async #openTopic(name: string, registered: Registered): Promise<Topic> {
    const configs = new Map(Object.entries(registered.configs));
    const topic: Topic = { name, id: registered.id, configs, settings: this.#settingsOf(configs), partitions: [] };
    topic.partitions.push(...(await this.#openPartitions(topic, 0, registered)));
    this.#topics.set(name, topic);
    this.#countPartitions();
    return topic;
  }

  #openPartitions(topic: Topic, from: number, registered: Registered): Promise<PartitionLog[]> {
    const numbers = Array.from({ length: registered.partitions - from }, (_, i) => from + i);
    const cacheBytes = (): number => this.#cacheBytes();
    return inTurns(numbers, (partition) =>
      PartitionLog.open({
        folder: path.join(this.#options.folder, "logs", `${topic.name}-${partition}`),
        settings: () => topic.settings,
        get cacheBytes(): number {
          return cacheBytes();
        },
        ...(this.#options.files ? { files: this.#options.files } : {}),
        ...(this.#options.warm ? { warm: this.#options.warm } : {}),
        startOffset: registered.starts[partition] ?? 0,
        sync: this.#options.sync,
        onCut: this.#options.onCut,
        onFailure: this.#options.onFailure,
      }),
    );
  }

  #countPartitions(): void {
    this.#partitions = 0;
    for (const topic of this.#topics.values()) this.#partitions += topic.partitions.length;
  }

  /** What the last batches of one partition may take in memory: the more partitions, the less. */
  #cacheBytes(): number {
    return Math.min(MOST_CACHE_BYTES, ALL_CACHE_BYTES / Math.max(1, this.#partitions));
  }

  /** One change after the other: two clients may create the same topic at once. */
  #exclusive<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#change.then(action);
    this.#change = result.catch(() => undefined);
    return result;
  }

  get clusterId(): string {
    return this.#clusterId;
  }

  get(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  getById(id: string): Topic | undefined {
    for (const topic of this.#topics.values()) if (topic.id === id) return topic;
    return undefined;
  }

  /** All topics by name. */
  list(): Topic[] {
    return [...this.#topics.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The topic that a new name would collide with ('.' and '_' are one), if any. */
  collision(name: string): Topic | undefined {
    for (const topic of this.#topics.values()) if (collisionKey(topic.name) === collisionKey(name)) return topic;
    return undefined;
  }

  /** Makes a topic; undefined where the name is taken. */
  create(name: string, partitions: number, configs: Readonly<Record<string, string>>): Promise<Topic | undefined> {
    return this.#exclusive(async () => {
      if (this.collision(name)) return undefined;
      await this.#journal.append([{ kind: "topic", name, id: newTopicId(), partitions, configs }]);
      return await this.#openTopic(name, this.#registered.get(name) as Registered);
    });
  }

  /** Removes a topic and its log; false where there is none. */
  delete(name: string): Promise<boolean> {
    return this.#exclusive(async () => {
      const topic = this.#topics.get(name);
      if (!topic) return false;
      await this.#journal.append([{ kind: "delete", name }]);
      this.#topics.delete(name);
      this.#countPartitions();
      await Promise.all(topic.partitions.map((log) => log.remove()));
      return true;
    });
  }

  addPartitions(topic: Topic, count: number): Promise<void> {
    return this.#exclusive(async () => {
      const registered = this.#registered.get(topic.name);
      if (!registered || count <= topic.partitions.length) return;
      await this.#journal.append([{ kind: "partitions", name: topic.name, count }]);
      topic.partitions.push(...(await this.#openPartitions(topic, topic.partitions.length, registered)));
      this.#countPartitions();
    });
  }

  /** Replaces the configs that were set on a topic by what `change` makes of them; undefined changes nothing. */
  changeConfigs(topic: Topic, change: ConfigsChange): Promise<void> {
    return this.#exclusive(async () => {
      const after = this.#registered.has(topic.name) ? change(topic.configs) : undefined;
      if (!after) return;
      await this.#journal.append([{ kind: "configs", name: topic.name, configs: Object.fromEntries(after) }]);
      topic.configs = after;
      topic.settings = this.#settingsOf(after);
    });
  }

  /** The same with the dynamic configs of the broker, or of all brokers. */
  changeBrokerConfigs(scope: DynamicScope, change: ConfigsChange): Promise<void> {
    return this.#exclusive(async () => {
      const after = change(this.#options.configs.dynamic(scope));
      if (!after) return;
      await this.#journal.append([{ kind: "broker configs", scope, configs: Object.fromEntries(after) }]);
      for (const topic of this.#topics.values()) topic.settings = this.#settingsOf(topic.configs);
    });
  }

  #settingsOf(own: ReadonlyMap<string, string>): TopicSettings {
    return topicSettings((key) => this.#options.configs.topicValue(key, own));
  }

  /** What clients may read of the broker's configs. */
  get configs(): BrokerConfigs {
    return this.#options.configs;
  }

  /** Moves the first readable offset of a partition for good. */
  deleteRecords(topic: Topic, partition: number, offset: number): Promise<void> {
    return this.#exclusive(async () => {
      const log = topic.partitions[partition];
      if (!this.#registered.has(topic.name) || !log || offset <= log.startOffset) return;
      await this.#journal.append([{ kind: "start", name: topic.name, partition, offset }]);
      log.deleteBefore(offset);
    });
  }

  /** Forgets producers that have written nothing to a partition for so long. */
  expireProducers(nowMs: number, expirationMs: number): void {
    for (const topic of this.#topics.values()) for (const log of topic.partitions) log.expireProducers(nowMs, expirationMs);
  }

  /** A producer id that was never given before. */
  async nextProducerId(): Promise<number> {
    if (this.#nextProducerId >= this.#producerIdsUpTo) {
      await this.#exclusive(async () => {
        if (this.#nextProducerId < this.#producerIdsUpTo) return;
        await this.#journal.append([{ kind: "producer ids", next: this.#producerIdsUpTo + PRODUCER_ID_BLOCK }]);
      });
    }
    return this.#nextProducerId++;
  }

  /**
   * Deletes what the retention of each topic no longer keeps. Where nobody has set a retention it is looked after as rarely as Kafka does: records
   * with times of long ago are not to vanish before their reader has come.
   */
  async retain(nowMs: number): Promise<void> {
    const isRound = nowMs - this.#retainedAllMs >= DEFAULT_RETENTION_CHECK_MS;
    if (isRound) this.#retainedAllMs = nowMs;
    await this.#eachLog((log) => log.retain(nowMs), isRound ? undefined : (topic) => this.#hasRetention(topic));
  }

  #hasRetention({ configs }: Topic): boolean {
    return RETENTION.some(
      ({ own, broker }) =>
        configs.has(own) || (this.#options.configs.synonyms(broker)[0]?.source ?? configSource.DEFAULT) !== configSource.DEFAULT,
    );
  }

  /** Compacts what is due, one log after the other. `signal` ends it between two batches. */
  async compact(nowMs: number, bufferBytes: number, signal: AbortSignal): Promise<void> {
    await this.#eachLog(async (log) => {
      if (!signal.aborted) await log.compact(nowMs, bufferBytes, signal);
    });
  }

  async #eachLog(action: (log: PartitionLog) => Promise<unknown>, wanted: (topic: Topic) => boolean = () => true): Promise<void> {
    for (const topic of this.#topics.values()) {
      if (!wanted(topic)) continue;
      for (const log of topic.partitions) {
        try {
          await action(log);
        } catch (thrown) {
          if (this.#topics.get(topic.name) === topic) this.#options.onFailure(log.folder, thrown);
        }
      }
    }
  }

  /** The size of what the logs lie on, and what is free of it, in bytes; −1 where that means nothing. */
  space(): Promise<{ readonly totalBytes: number; readonly usableBytes: number }> {
    return (this.#options.files ?? diskFiles).space(this.#options.folder);
  }

  async flush(): Promise<void> {
    await this.#eachLog((log) => log.flush());
  }

  async close(): Promise<void> {
    await this.#change;
    for (const topic of this.#topics.values()) await Promise.all(topic.partitions.map((log) => log.close()));
    await this.#journal.close();
  }
}
