import { parseDurationMs } from "../base/duration.ts";
import type { FormatContext } from "../engine/formats.ts";
import type { Options } from "../engine/plan/plan.ts";
import { parseSecurity } from "./client-properties.ts";
import { parseBrokers } from "./connect-kafka.ts";
import { KafkaError } from "./kafka-error.ts";
import type { KafkaConnection } from "./kafkajs-adapter.ts";
import { fromJson, splitKey } from "./offset-range.ts";
import { checkSourceOptions } from "./option-names.ts";
import type { TopicPartition } from "./wire/cluster.ts";

/** What is read: a list of topics, all that match, or some partitions. */
export type Subscription =
  | { readonly kind: "Subscribe"; readonly topics: readonly string[] }
  | { readonly kind: "SubscribePattern"; readonly pattern: string }
  | { readonly kind: "Assign"; readonly partitions: readonly TopicPartition[] };

/** Where a new query begins. */
export type Start =
  | { readonly kind: "earliest" | "latest" }
  | { readonly kind: "offsets"; readonly offsets: ReadonlyMap<string, number> }
  | { readonly kind: "timestamp"; readonly timestampMs: number }
  | { readonly kind: "timestamps"; readonly timestampsMs: ReadonlyMap<string, number> };

/** Where a batch read ends: an offset for every partition (-1 stands for latest), the latest of each, or the first message of a time. */
export type End =
  | { readonly kind: "latest" }
  | { readonly kind: "offsets"; readonly offsets: ReadonlyMap<string, number> }
  | { readonly kind: "timestamp"; readonly timestampMs: number }
  | { readonly kind: "timestamps"; readonly timestampsMs: ReadonlyMap<string, number> };

export type KafkaSourceOptions = {
  readonly connection: KafkaConnection;
  readonly subscription: Subscription;
  readonly start: Start;
  /** Where nothing is of the time asked for or later: an error, or the end of the partition. */
  readonly withoutTimestamp: "error" | "latest";
  /** Only for reads of a table. */
  readonly end: End | undefined;
  readonly maxOffsetsPerTrigger: number | undefined;
  readonly minOffsetsPerTrigger: number | undefined;
  /** How long `minOffsetsPerTrigger` may hold a batch back. */
  readonly maxTriggerDelayMs: number;
  readonly failOnDataLoss: boolean;
  readonly includeHeaders: boolean;
  /** The group whose committed offset shows progress to lag tools; undefined where none is wanted. */
  readonly groupId: string | undefined;
  readonly patienceMs: number | undefined;
  /** Whether messages of transactions that are open or were aborted are left out. */
  readonly readCommitted: boolean;
  /** How often, and after which pauses, offsets are asked for again while the cluster is away; undefined: as long as `patienceMs` allows. */
  readonly offsetRetries: { readonly times: number; readonly pauseMs: number } | undefined;
  /** What is fetched at a time, bytes. */
  readonly fetchBytes: number | undefined;
  /** How old the list of partitions may be. */
  readonly partitionsAgeMs: number | undefined;
};

/**
 * The options of Spark's Kafka source by their names, in any case: kafka.bootstrap.servers (or brokers), one of subscribe, subscribePattern,
 * assign; startingOffsets, startingTimestamp, startingOffsetsByTimestamp (and …Strategy), maxOffsetsPerTrigger, minOffsetsPerTrigger,
 * maxTriggerDelay, failOnDataLoss, includeHeaders, groupIdPrefix, kafkaConsumer.pollTimeoutMs, fetchOffset.numRetries and .retryIntervalMs; for
 * reads of a table endingOffsets, endingTimestamp, endingOffsetsByTimestamp; and of Kafka's own settings those that option-names.ts lists. Beside
 * them groupId, "" for none. minPartitions and maxRecordsPerPartition, which say how Spark spreads a batch over machines, are checked and do nothing
 * in one process. Any other name is refused.
 * @throws KafkaError KAFKA_OPTION
 */
export function parseSourceOptions(context: FormatContext): KafkaSourceOptions {
  checkSourceOptions(context.options);
  const get = optionReader(context.options);
  const subscription = parseSubscription(get);
  wholeNumber(get, "minPartitions", 1);
  wholeNumber(get, "maxRecordsPerPartition", 1);
  const streaming = context.streaming !== false;
  const maxOffsetsPerTrigger = wholeNumber(get, "maxOffsetsPerTrigger", 1);
  const minOffsetsPerTrigger = wholeNumber(get, "minOffsetsPerTrigger", 1);
  if (minOffsetsPerTrigger !== undefined && maxOffsetsPerTrigger !== undefined && minOffsetsPerTrigger > maxOffsetsPerTrigger)
    throw optionError(
      `minOffsetsPerTrigger ${minOffsetsPerTrigger} is above maxOffsetsPerTrigger ${maxOffsetsPerTrigger}`,
      "Make it the smaller one.",
    );
  return {
    connection: parseConnection(context.options),
    subscription,
    start: parseStart(get, streaming),
    withoutTimestamp: parseStrategy(get),
    end: parseEnd(get, streaming),
    maxOffsetsPerTrigger: streaming ? maxOffsetsPerTrigger : undefined,
    minOffsetsPerTrigger: streaming ? minOffsetsPerTrigger : undefined,
    maxTriggerDelayMs: triggerDelay(get),
    failOnDataLoss: flag(get, "failOnDataLoss", true),
    includeHeaders: flag(get, "includeHeaders", false),
    groupId: (get("groupId") ?? get("kafka.group.id") ?? `${get("groupIdPrefix") ?? "streamlab"}-${nameOf(subscription)}`) || undefined,
    patienceMs: wholeNumber(get, "kafkaConsumer.pollTimeoutMs", 0),
    readCommitted: parseIsolation(get),
    offsetRetries: parseRetries(get),
    fetchBytes: wholeNumber(get, "kafka.fetch.max.bytes", 1),
    partitionsAgeMs: wholeNumber(get, "kafka.metadata.max.age.ms", 0),
  };
}

function parseIsolation(get: Get): boolean {
  const text = (get("kafka.isolation.level") ?? "read_uncommitted").toLowerCase();
  if (text === "read_committed" || text === "read_uncommitted") return text === "read_committed";
  throw optionError(`kafka.isolation.level is "${text}"`, 'Write "read_committed" or "read_uncommitted".');
}

function parseRetries(get: Get): KafkaSourceOptions["offsetRetries"] {
  const times = wholeNumber(get, "fetchOffset.numRetries", 0);
  const pauseMs = wholeNumber(get, "fetchOffset.retryIntervalMs", 0);
  return times === undefined && pauseMs === undefined ? undefined : { times: times ?? 3, pauseMs: pauseMs ?? 1000 };
}

/** The Kafka source has its own columns, whatever a reader is given. @throws KafkaError KAFKA_OPTION */
export function refuseSchema(context: FormatContext): void {
  if (context.schema)
    throw optionError("a schema was given", "The Kafka source has its own columns; parse its value with fromJson instead.");
}

/** What the subscription is called in a query's description: `Subscribe[sensor-data]`. */
export function describeSubscription(subscription: Subscription): string {
  return `${subscription.kind}[${nameOf(subscription, ", ")}]`;
}

function nameOf(subscription: Subscription, separator: string = "-"): string {
  if (subscription.kind === "SubscribePattern") return subscription.pattern;
  if (subscription.kind === "Subscribe") return subscription.topics.join(separator);
  return subscription.partitions.map(({ topic, partition }) => `${topic}-${partition}`).join(separator);
}

type Get = (name: string) => string | undefined;

/** Looks options up without regard to case, as Spark does. */
export function optionReader(options: Options): Get {
  const byName = new Map(Object.entries(options).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => byName.get(name.toLowerCase());
}

/** The cluster that options of a source or sink name. @throws KafkaError KAFKA_OPTION */
export function parseConnection(options: Options): KafkaConnection {
  const get = optionReader(options);
  const brokers = parseBrokers(get("kafka.bootstrap.servers") ?? get("brokers") ?? "");
  if (brokers.length === 0)
    throw optionError('"kafka.bootstrap.servers" is missing', 'Set it to the address of Kafka, as in "127.0.0.1:9092".');
  const clientId = get("kafka.client.id");
  return {
    brokers,
    ...(clientId ? { clientId } : {}),
    ...parseSecurity(
      (name) => get(`kafka.${name}`),
      (name) => `kafka.${name}`,
    ),
  };
}

function parseSubscription(get: Get): Subscription {
  const given = ["subscribe", "subscribePattern", "assign"].filter((name) => get(name) !== undefined);
  if (given.length !== 1) {
    throw optionError(
      given.length === 0 ? "no topic is named" : `${given.join(" and ")} are both set`,
      'Set one of "subscribe", "subscribePattern", "assign".',
    );
  }
  const pattern = get("subscribePattern");
  if (pattern !== undefined) {
    try {
      new RegExp(pattern);
    } catch (cause) {
      throw optionError(`subscribePattern "${pattern}" is no regular expression`, "Mend it.", cause);
    }
    return { kind: "SubscribePattern", pattern };
  }
  const topics = parseBrokers(get("subscribe") ?? "");
  if (topics.length > 0) return { kind: "Subscribe", topics: [...new Set(topics)].sort() };
  if (get("subscribe") !== undefined) throw optionError('"subscribe" is empty', "Name one topic, or several separated by commas.");
  return { kind: "Assign", partitions: parseAssign(get("assign") ?? "") };
}

function parseAssign(text: string): readonly TopicPartition[] {
  const bad = (cause?: unknown): KafkaError =>
    optionError(`assign is ${text}`, 'Write the partitions, as in {"sensor-data":[0,2]}.', cause);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw bad(cause);
  }
  if (typeof json !== "object" || json === null) throw bad();
  const partitions = Object.entries(json).flatMap(([topic, list]) => {
    if (!Array.isArray(list) || !list.every((one) => Number.isInteger(one) && (one as number) >= 0)) throw bad();
    return list.map((partition: number) => ({ topic, partition }));
  });
  if (partitions.length === 0) throw bad();
  return partitions;
}

function parseStart(get: Get, streaming: boolean): Start {
  const timestamp = wholeNumber(get, "startingTimestamp", 0);
  if (timestamp !== undefined) return { kind: "timestamp", timestampMs: timestamp };
  const byTimestamp = get("startingOffsetsByTimestamp");
  if (byTimestamp !== undefined) return { kind: "timestamps", timestampsMs: parseByPartition(byTimestamp, "startingOffsetsByTimestamp") };
  const text = (get("startingOffsets") ?? (streaming ? "latest" : "earliest")).trim();
  const word = text.toLowerCase();
  if (word === "latest" && !streaming)
    throw optionError("startingOffsets is latest", "A table is read from earliest, or from an offset for every partition.");
  if (word === "earliest" || word === "latest") return { kind: word };
  const offsets = parseByPartition(text, "startingOffsets");
  if (offsets.size === 0) throw optionError("startingOffsets is empty", 'Write "earliest", "latest", or an offset for every partition.');
  if (!streaming && [...offsets.values()].includes(-1))
    throw optionError("startingOffsets holds -1, the latest", "A table is read from earliest (-2), or from an offset.");
  return { kind: "offsets", offsets };
}

function parseByPartition(text: string, name: string): Map<string, number> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = text;
  }
  return fromJson(json as Parameters<typeof fromJson>[0], name);
}

function parseStrategy(get: Get): "error" | "latest" {
  const text = get("startingOffsetsByTimestampStrategy")?.toLowerCase() ?? "error";
  if (text === "error" || text === "latest") return text;
  throw optionError(`startingOffsetsByTimestampStrategy is "${text}"`, 'Write "error" or "latest".');
}

function parseEnd(get: Get, streaming: boolean): End | undefined {
  const set = ["endingTimestamp", "endingOffsetsByTimestamp", "endingOffsets"].find((name) => get(name) !== undefined);
  if (streaming) {
    if (set === undefined) return undefined;
    throw optionError(`${set} is set`, "A stream has no end: leave it out, or read a table with session.read.");
  }
  const timestampMs = wholeNumber(get, "endingTimestamp", 0);
  if (timestampMs !== undefined) return { kind: "timestamp", timestampMs };
  const byTimestamp = get("endingOffsetsByTimestamp");
  if (byTimestamp !== undefined) return { kind: "timestamps", timestampsMs: parseByPartition(byTimestamp, "endingOffsetsByTimestamp") };
  const text = get("endingOffsets")?.trim();
  if (text === undefined || text.toLowerCase() === "latest") return { kind: "latest" };
  if (text.toLowerCase() === "earliest")
    throw optionError("endingOffsets is earliest", 'Write "latest", or an offset for every partition.');
  const offsets = parseByPartition(text, "endingOffsets");
  if ([...offsets.values()].includes(-2)) throw optionError("endingOffsets holds -2, the earliest", "-1 stands for latest.");
  return { kind: "offsets", offsets };
}

function triggerDelay(get: Get): number {
  try {
    return parseDurationMs(get("maxTriggerDelay") ?? "15 minutes");
  } catch (cause) {
    // Spark also takes the short forms of its settings: 15m, 30s.
    const [, count, unit] = /^(\d+)(ms|s|m|h|d)?$/.exec((get("maxTriggerDelay") ?? "").trim()) ?? [];
    if (count !== undefined) return Number(count) * ({ ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? "ms"] ?? 1);
    throw optionError(`maxTriggerDelay is "${get("maxTriggerDelay") ?? ""}"`, 'Write a duration, as in "15m" or "15 minutes".', cause);
  }
}

/** Checks that offsets by partition are given for exactly the partitions that there are, as Spark does. @throws KafkaError KAFKA_OPTION */
export function checkEveryPartition(
  offsets: ReadonlyMap<string, number>,
  partitions: readonly TopicPartition[],
  option: string = "startingOffsets",
): void {
  const there = new Set(partitions.map(({ topic, partition }) => `${topic}-${partition}`));
  const missing = [...there].find((key) => !offsets.has(key));
  const extra = [...offsets.keys()].find((key) => !there.has(key));
  if (missing === undefined && extra === undefined) return;
  const { topic, partition } = splitKey(missing ?? extra ?? "");
  throw optionError(
    missing === undefined
      ? `${option} names partition ${partition} of "${topic}", which is not there`
      : `${option} leaves out partition ${partition} of "${topic}"`,
    "Name every partition; -2 stands for earliest, -1 for latest.",
  );
}

/** A whole number among the options, undefined where it is not set. @throws KafkaError KAFKA_OPTION */
export function wholeNumber(get: Get, name: string, least: number): number | undefined {
  const text = get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== "") return value;
  throw optionError(`${name} is "${text}"`, `Give a whole number of at least ${least}.`);
}

/** A flag among the options. @throws KafkaError KAFKA_OPTION */
export function flag(get: Get, name: string, fallback: boolean): boolean {
  const text = get(name)?.trim().toLowerCase();
  if (text === undefined) return fallback;
  if (text === "true" || text === "false") return text === "true";
  throw optionError(`${name} is "${text}"`, 'Write "true" or "false".');
}

function optionError(found: string, remedy: string, cause?: unknown): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot use Kafka with these options", found, remedy, cause });
}
