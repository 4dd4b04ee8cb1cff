import type { Options } from "../engine/plan/plan.ts";
import { KafkaError } from "./kafka-error.ts";

/** Options of the source by their names, as Spark's manual has them; the last two are this program's own. */
const SOURCE: readonly string[] = [
  "subscribe",
  "subscribePattern",
  "assign",
  "startingOffsets",
  "startingTimestamp",
  "startingOffsetsByTimestamp",
  "startingOffsetsByTimestampStrategy",
  "endingOffsets",
  "endingTimestamp",
  "endingOffsetsByTimestamp",
  "maxOffsetsPerTrigger",
  "minOffsetsPerTrigger",
  "maxTriggerDelay",
  "maxRecordsPerPartition",
  "minPartitions",
  "failOnDataLoss",
  "includeHeaders",
  "groupIdPrefix",
  "kafkaConsumer.pollTimeoutMs",
  "fetchOffset.numRetries",
  "fetchOffset.retryIntervalMs",
  "brokers",
  "groupId",
];

/** Options of the sink. */
const SINK: readonly string[] = ["topic", "includeHeaders", "brokers"];

/** What a writer has beside the options of its sink. */
const QUERY: readonly string[] = ["checkpointLocation", "deadLetter", "path"];

const CONNECTION: readonly string[] = [
  "kafka.bootstrap.servers",
  "kafka.client.id",
  "kafka.security.protocol",
  "kafka.sasl.mechanism",
  "kafka.sasl.jaas.config",
  "kafka.ssl.truststore.certificates",
  "kafka.ssl.truststore.location",
  "kafka.ssl.truststore.type",
  "kafka.ssl.keystore.certificate.chain",
  "kafka.ssl.keystore.key",
  "kafka.ssl.keystore.location",
  "kafka.ssl.key.password",
  "kafka.ssl.keystore.type",
  "kafka.ssl.endpoint.identification.algorithm",
];

/** The settings of Kafka's clients that are passed on, each to what stands for it here. */
const CONSUMER: readonly string[] = [
  ...CONNECTION,
  "kafka.group.id",
  "kafka.isolation.level",
  "kafka.fetch.max.bytes",
  "kafka.metadata.max.age.ms",
];
const PRODUCER: readonly string[] = [
  ...CONNECTION,
  "kafka.acks",
  "kafka.enable.idempotence",
  "kafka.retries",
  "kafka.compression.type",
  "kafka.batch.size",
  "kafka.buffer.memory",
  "kafka.delivery.timeout.ms",
];

/** Settings that would break what the source or the sink promises: refused with what stands in their place (Spark's KafkaSourceProvider). */
const INSTEAD: Readonly<Record<string, string>> = {
  "kafka.auto.offset.reset": 'Use "startingOffsets" for where a new query begins, and "failOnDataLoss" for what is no longer there.',
  "kafka.key.deserializer": "Keys come as binary: cast the column key.",
  "kafka.value.deserializer": "Values come as binary: cast the column value, or parse it with fromJson.",
  "kafka.key.serializer": "Keys are sent as the text or bytes of the column key: convert it in the query.",
  "kafka.value.serializer": "Values are sent as the text or bytes of the column value: convert it in the query.",
  "kafka.enable.auto.commit": "Leave it out: the checkpoint says how far the query is, and the group is told after every batch.",
  "kafka.interceptor.classes": "Leave it out: there are no classes of Java to call.",
  "kafka.max.poll.records": 'Use "maxOffsetsPerTrigger" to cap a batch.',
  "kafka.transactional.id": "Leave it out: the sink delivers at least once.",
};

/**
 * Refuses options that the Kafka source does not know, so that a misspelt one is not silently without effect.
 * @throws KafkaError KAFKA_OPTION that names the option and the nearest one
 */
export function checkSourceOptions(options: Options): void {
  check(options, "read", [...SOURCE, ...CONSUMER]);
}

/** The same for the sink. @throws KafkaError KAFKA_OPTION */
export function checkSinkOptions(options: Options): void {
  check(options, "write", [...SINK, ...QUERY, ...PRODUCER]);
}

function check(options: Options, doing: "read" | "write", known: readonly string[]): void {
  const names = new Set(known.map((name) => name.toLowerCase()));
  for (const name of Object.keys(options)) {
    const lower = name.toLowerCase();
    if (names.has(lower)) continue;
    const passed = known.filter((one) => one.startsWith("kafka.")).join(", ");
    const near = nearest(lower, known);
    throw new KafkaError("KAFKA_OPTION", {
      failed: `Cannot ${doing} Kafka with these options`,
      found: INSTEAD[lower] ? `"${name}" cannot be set` : `"${name}" is no option of the Kafka ${doing === "read" ? "source" : "sink"}`,
      remedy:
        INSTEAD[lower] ??
        (near !== undefined
          ? `Did you mean "${near}"?`
          : lower.startsWith("kafka.")
            ? `Leave it out; of Kafka's own settings these are passed on: ${passed}.`
            : `Leave it out; there are ${known.filter((one) => !one.startsWith("kafka.")).join(", ")}.`),
    });
  }
}

/** The known name with the fewest changes of a letter, if they are few. */
function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const one of known) {
    const changes = distance(name, one.toLowerCase());
    if (changes < least) [best, least] = [one, changes];
  }
  return best;
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length] ?? 0;
}
