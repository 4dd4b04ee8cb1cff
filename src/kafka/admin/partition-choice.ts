import { KafkaError } from "../kafka-error.ts";
import type { TopicPartition } from "../wire/cluster.ts";
import { describeTopics } from "./topic-admin.ts";
import type { AdminLink } from "./admin-link.ts";

/** Whether a partition is meant. */
export type PartitionFilter = (topic: string, partition: number) => boolean;

/**
 * The filter of `kafka-get-offsets --topic-partitions`: a list of `pattern:partitions`, both parts optional, where the pattern is a regular
 * expression for the whole name and the partitions are `3`, `1-3` (the end not included), `2-` or `-3`.
 * @throws KafkaError KAFKA_OPTION
 */
export function parseTopicPartitions(text: string): PartitionFilter {
  const rules = text.split(",").map((rule) => {
    const found = /^([^:,]*)(?::(?:(\d*)|(\d*)-(\d*)))?$/.exec(rule);
    if (!found) throw badChoice(rule, 'Write topic:partitions, as in "orders:0-3,payments:1".');
    const [, pattern, one, from, to] = found;
    const isTopic = topicPattern(pattern || ".*");
    return (topic: string, partition: number): boolean => {
      if (!isTopic(topic)) return false;
      if (one) return partition === Number(one);
      return (!from || partition >= Number(from)) && (!to || partition < Number(to));
    };
  });
  return (topic, partition) => rules.some((rule) => rule(topic, partition));
}

/** A filter for whole names by a regular expression; a comma stands for "or", as in Kafka's tools. @throws KafkaError KAFKA_OPTION */
export function topicPattern(pattern: string): (topic: string) => boolean {
  const source = pattern
    .trim()
    .replaceAll(",", "|")
    .replaceAll(" ", "")
    .replace(/^["']+|["']+$/g, "");
  try {
    const regular = new RegExp(`^(?:${source})$`);
    return (topic) => regular.test(topic);
  } catch (cause) {
    throw badChoice(pattern, "Write a regular expression.", cause);
  }
}

/**
 * The partitions of `--topic` flags of kafka-consumer-groups: `orders` stands for all its partitions, `orders:0,2` for those two.
 * @throws KafkaError KAFKA_OPTION, KAFKA_TOPIC
 */
export async function choosePartitions(link: AdminLink, topics: readonly string[]): Promise<readonly TopicPartition[]> {
  const chosen: TopicPartition[] = [];
  for (const text of topics) {
    const [topic = "", list, ...rest] = text.split(":");
    if (rest.length > 0) throw badChoice(text, "Write topic, or topic:0,1.");
    const [described] = await describeTopics(link, [topic]);
    const there = (described?.partitions ?? []).map(({ partition }) => partition);
    const wanted = list === undefined ? there : list.split(",").map((one) => (/^\d+$/.test(one) ? Number(one) : Number.NaN));
    for (const partition of wanted) {
      if (!there.includes(partition)) throw badChoice(text, `${topic} has the partitions 0 to ${there.length - 1}.`);
      chosen.push({ topic, partition });
    }
  }
  return chosen;
}

function badChoice(found: string, remedy: string, cause?: unknown): KafkaError {
  return new KafkaError("KAFKA_OPTION", {
    failed: "Cannot tell which partitions are meant",
    found: `"${found}"`,
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}
