import type { FormatContext } from "../engine/formats.ts";
import type { Options } from "../engine/plan/plan.ts";
import { parseBrokers } from "./connect-kafka.ts";
import { KafkaError } from "./kafka-error.ts";
import type { KafkaConnection } from "./kafkajs-adapter.ts";
import { fromJson, splitKey } from "./offset-range.ts";
import type { TopicPartition } from "./reader/cluster.ts";

/** What is read: a list of topics, all that match, or some partitions. */
export type Subscription =
  | { readonly kind: "Subscribe"; readonly topics: readonly string[] }
  | { readonly kind: "SubscribePattern"; readonly pattern: string }
  | { readonly kind: "Assign"; readonly partitions: readonly TopicPartition[] };

/** Where a new query begins. */
export type Start =
  | { readonly kind: "earliest" | "latest" }
  | { readonly kind: "offsets"; readonly offsets: ReadonlyMap<string, number> }
  | { readonly kind: "timestamp"; readonly timestampMs: number };

export type KafkaSourceOptions = {
  readonly connection: KafkaConnection;
  readonly subscription: Subscription;
  readonly start: Start;
  readonly maxOffsetsPerTrigger: number | undefined;
  readonly failOnDataLoss: boolean;
  readonly includeHeaders: boolean;
  /** The group whose committed offset shows progress to lag tools; undefined where none is wanted. */
  readonly groupId: string | undefined;
  readonly patienceMs: number | undefined;
};

/**
 * The options of Spark's Kafka source by their names, in any case: kafka.bootstrap.servers (or brokers), one of subscribe, subscribePattern,
 * assign; startingOffsets, startingTimestamp, maxOffsetsPerTrigger, failOnDataLoss, includeHeaders, kafkaConsumer.pollTimeoutMs, and
 * kafka.security.protocol with kafka.sasl.… for logins. Beside them groupId, "" for none.
 * @throws KafkaError KAFKA_OPTION
 */
export function parseSourceOptions(context: FormatContext): KafkaSourceOptions {
  const get = optionReader(context.options);
  const subscription = parseSubscription(get);
  return {
    connection: parseConnection(context.options),
    subscription,
    start: parseStart(get),
    maxOffsetsPerTrigger: wholeNumber(get, "maxOffsetsPerTrigger", 1),
    failOnDataLoss: flag(get, "failOnDataLoss", true),
    includeHeaders: flag(get, "includeHeaders", false),
    groupId: (get("groupId") ?? get("kafka.group.id") ?? `streamlab-${nameOf(subscription)}`) || undefined,
    patienceMs: wholeNumber(get, "kafkaConsumer.pollTimeoutMs", 0),
  };
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
  const protocol = (get("kafka.security.protocol") ?? "PLAINTEXT").toUpperCase();
  const clientId = get("kafka.client.id");
  const ca = get("kafka.ssl.truststore.certificates");
  return {
    brokers,
    ...(clientId ? { clientId } : {}),
    ...(protocol.endsWith("SSL") ? { ssl: ca ? { ca } : true } : {}),
    ...(protocol.startsWith("SASL") ? { sasl: parseSasl(get) } : {}),
  };
}

function parseSasl(get: Get): NonNullable<KafkaConnection["sasl"]> {
  const mechanism = (get("kafka.sasl.mechanism") ?? "").toLowerCase();
  if (mechanism !== "plain" && mechanism !== "scram-sha-256" && mechanism !== "scram-sha-512") {
    throw optionError(`kafka.sasl.mechanism is "${mechanism}"`, "Set it to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.");
  }
  const jaas = get("kafka.sasl.jaas.config") ?? "";
  const field = (name: string): string | undefined => new RegExp(`\\b${name}\\s*=\\s*"([^"]*)"`).exec(jaas)?.[1];
  const [username, password] = [field("username"), field("password")];
  if (username === undefined || password === undefined) {
    throw optionError("kafka.sasl.jaas.config names no user and password", 'It ends in: required username="…" password="…";');
  }
  return { mechanism, username, password };
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

function parseStart(get: Get): Start {
  const timestamp = wholeNumber(get, "startingTimestamp", 0);
  if (timestamp !== undefined) return { kind: "timestamp", timestampMs: timestamp };
  const text = (get("startingOffsets") ?? "latest").trim();
  const word = text.toLowerCase();
  if (word === "earliest" || word === "latest") return { kind: word };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = text;
  }
  const offsets = fromJson(json as Parameters<typeof fromJson>[0], "startingOffsets");
  if (offsets.size === 0) throw optionError("startingOffsets is empty", 'Write "earliest", "latest", or an offset for every partition.');
  return { kind: "offsets", offsets };
}

/** Checks that offsets by partition are given for exactly the partitions that there are, as Spark does. @throws KafkaError KAFKA_OPTION */
export function checkEveryPartition(offsets: ReadonlyMap<string, number>, partitions: readonly TopicPartition[]): void {
  const there = new Set(partitions.map(({ topic, partition }) => `${topic}-${partition}`));
  const missing = [...there].find((key) => !offsets.has(key));
  const extra = [...offsets.keys()].find((key) => !there.has(key));
  if (missing === undefined && extra === undefined) return;
  const { topic, partition } = splitKey(missing ?? extra ?? "");
  throw optionError(
    missing === undefined
      ? `startingOffsets names partition ${partition} of "${topic}", which is not there`
      : `startingOffsets leaves out partition ${partition} of "${topic}"`,
    "Name every partition; -2 stands for earliest, -1 for latest.",
  );
}

function wholeNumber(get: Get, name: string, least: number): number | undefined {
  const text = get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== "") return value;
  throw optionError(`${name} is "${text}"`, `Give a whole number of at least ${least}.`);
}

function flag(get: Get, name: string, fallback: boolean): boolean {
  const text = get(name)?.trim().toLowerCase();
  if (text === undefined) return fallback;
  if (text === "true" || text === "false") return text === "true";
  throw optionError(`${name} is "${text}"`, 'Write "true" or "false".');
}

function optionError(found: string, remedy: string, cause?: unknown): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot use Kafka with these options", found, remedy, cause });
}
