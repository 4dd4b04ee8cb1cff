import type { Command } from "commander";
import { errorName } from "../kafka-protocol/error-codes.ts";
import type { AdminLink } from "../kafka/admin/admin-link.ts";
import { parseTopicPartitions, topicPattern, type PartitionFilter } from "../kafka/admin/partition-choice.ts";
import { MAX_TIMESTAMP, offsetsAt } from "../kafka/admin/record-admin.ts";
import { findTopics } from "../kafka/admin/topic-admin.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import { EARLIEST, LATEST, type PartitionOffset } from "../kafka/wire/cluster.ts";
import { withKafka, withLink, type KafkaFlags } from "./kafka-address.ts";

interface OffsetsFlags extends KafkaFlags {
  readonly topic?: string;
  readonly partitions?: string;
  readonly topicPartitions?: string;
  readonly time: string;
  readonly excludeInternalTopics?: boolean;
  readonly json?: boolean;
}

/** `streamlab offsets`: what kafka-get-offsets.sh does (labs.md B6, B8), once kafka.tools.GetOffsetShell. */
export function addOffsets(program: Command): void {
  const command = withKafka(program.command("offsets"))
    .description("the first, the next, or the offset of a time, of every partition")
    .argument("[topic]", "the same as --topic; --all-topics for all")
    .option("--topic <pattern>", "which topics: a name, or a regular expression")
    .option("--all-topics", "every topic, Kafka's own too")
    .option("--partitions <ids>", "only these, as in 0,2")
    .option("--topic-partitions <list>", "as in orders:0-3,payments:1, the end of a range not included; instead of the two before")
    .option("--time <when>", "-1 or latest, -2 or earliest, -3 or max-timestamp, or milliseconds since 1970", "latest")
    .option("--exclude-internal-topics", "without Kafka's own topics")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  streamlab offsets --topic sensor-data --time -2");
  command.action(async (topic: string | undefined, flags: OffsetsFlags) => {
    if (process.argv.length <= 3) return command.help();
    await offsets(topic === undefined ? flags : { ...flags, topic });
  });
}

async function offsets(flags: OffsetsFlags): Promise<void> {
  const timestamp = timeOf(flags.time);
  const wanted = filterOf(flags);
  const found = await withLink(flags, (link) => ask(link, flags, wanted, timestamp));
  if (flags.json) console.log(JSON.stringify(found));
  else for (const { topic, partition, offset } of found) console.log(`${topic}:${partition}:${offset}`);
}

async function ask(link: AdminLink, flags: OffsetsFlags, wanted: PartitionFilter, timestamp: number): Promise<readonly PartitionOffset[]> {
  const topics = (await findTopics(link, null)).filter(({ isInternal }) => !isInternal || !flags.excludeInternalTopics);
  const partitions = topics.flatMap(({ topic, partitions: list }) =>
    list.filter(({ partition }) => wanted(topic, partition)).map(({ partition }) => ({ topic, partition })),
  );
  if (partitions.length === 0) {
    throw new KafkaError("KAFKA_TOPIC", {
      failed: "Cannot find what to ask for",
      found: "no partition matches the filters",
      remedy: 'List the topics with "streamlab topics list".',
    });
  }
  const asked = await offsetsAt(link, partitions, timestamp);
  for (const { topic, partition, errorCode } of asked) {
    if (errorCode !== 0) process.stderr.write(`Skip ${topic}-${partition}: ${errorName(errorCode)}\n`);
  }
  const found = asked.filter(({ errorCode, offset }) => errorCode === 0 && offset >= 0);
  return found.map(({ topic, partition, offset }) => ({ topic, partition, offset })).sort(asKafkaSorts);
}

/** Kafka's tool sorts by the text `topic-partition`: 10 stands before 2. */
function asKafkaSorts(a: PartitionOffset, b: PartitionOffset): number {
  return `${a.topic}-${a.partition}` < `${b.topic}-${b.partition}` ? -1 : 1;
}

const TIMES: Readonly<Record<string, number>> = { latest: LATEST, earliest: EARLIEST, "max-timestamp": MAX_TIMESTAMP };

function timeOf(text: string): number {
  const timestamp = TIMES[text] ?? (/^-?\d+$/.test(text) ? Number(text) : Number.NaN);
  if (timestamp >= MAX_TIMESTAMP) return timestamp;
  throw badOption(`--time ${text}`, "Pass -1 or latest, -2 or earliest, -3 or max-timestamp, or milliseconds since 1970.");
}

function filterOf(flags: OffsetsFlags): PartitionFilter {
  if (flags.topicPartitions !== undefined) {
    if (flags.topic !== undefined || flags.partitions !== undefined)
      throw badOption("--topic-partitions beside --topic or --partitions", "Leave one of the two ways out.");
    return parseTopicPartitions(flags.topicPartitions);
  }
  const isTopic = topicPattern(flags.topic ?? ".*");
  const ids = flags.partitions?.split(",").map((id) => {
    if (!/^\d+$/.test(id)) throw badOption(`--partitions ${flags.partitions}`, "List whole numbers, as in 0,2.");
    return Number(id);
  });
  return (topic, partition) => isTopic(topic) && (ids === undefined || ids.includes(partition));
}

function badOption(found: string, remedy: string): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot tell which offsets are meant", found, remedy });
}
