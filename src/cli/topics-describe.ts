import type { AdminLink } from "../kafka/admin/admin-link.ts";
import { describeConfigs } from "../kafka/admin/config-admin.ts";
import type { ClusterTopic } from "../kafka/admin/topic-admin.ts";
import type { PartitionDescription } from "../kafka/topics.ts";

/** What `topics describe` may be narrowed to. */
export interface DescribeFlags {
  readonly underReplicatedPartitions?: boolean;
  readonly unavailablePartitions?: boolean;
  readonly underMinIsrPartitions?: boolean;
  readonly atMinIsrPartitions?: boolean;
  readonly topicsWithOverrides?: boolean;
  readonly json?: boolean;
}

/** Prints topics with leader, replicas and ISR of each partition, in the columns of kafka-topics.sh --describe. */
export async function describeTopics(
  link: AdminLink,
  topics: readonly ClusterTopic[],
  flags: DescribeFlags,
  print: ((value: unknown) => void) | undefined,
): Promise<void> {
  const nodes = new Set((await link.cluster.nodes()).map(({ id }) => id));
  const isNarrowed =
    flags.underReplicatedPartitions ?? flags.unavailablePartitions ?? flags.underMinIsrPartitions ?? flags.atMinIsrPartitions;
  const all: unknown[] = [];
  for (const { topic, topicId, isInternal, partitions } of topics) {
    const entries = await describeConfigs(link, { type: "topic", name: topic });
    const own = entries.filter(({ source }) => source !== "DEFAULT_CONFIG");
    if (flags.topicsWithOverrides && own.length === 0) continue;
    const minIsr = Number(entries.find(({ name }) => name === "min.insync.replicas")?.value ?? 1);
    const listed = partitions.filter((partition) => isWanted(partition, flags, nodes, minIsr));
    const config = Object.fromEntries(own.map(({ name, value }) => [name, value]));
    if (print) {
      all.push({ topic, topicId, isInternal, partitions: listed, config });
      continue;
    }
    const copies = partitions[0]?.replicas.length ?? 0;
    const configs = own.map(({ name, value }) => `${name}=${value ?? "null"}`).join(",");
    const head = [`Topic: ${topic}`, `TopicId: ${topicId}`, `PartitionCount: ${partitions.length}`, `ReplicationFactor: ${copies}`];
    if (!isNarrowed) console.log([...head, `Configs: ${configs}`].join("\t"));
    if (flags.topicsWithOverrides) continue;
    for (const { partition, leader, replicas, isr } of listed) {
      const leads = leader < 0 ? "none" : String(leader);
      console.log(
        [
          `\tTopic: ${topic}`,
          `Partition: ${partition}`,
          `Leader: ${leads}`,
          `Replicas: ${replicas.join(",")}`,
          `Isr: ${isr.join(",")}`,
        ].join("\t"),
      );
    }
  }
  print?.(all);
}

function isWanted(
  { leader, replicas, isr }: PartitionDescription,
  flags: DescribeFlags,
  nodes: ReadonlySet<number>,
  minIsr: number,
): boolean {
  if (flags.underReplicatedPartitions && isr.length >= replicas.length) return false;
  if (flags.unavailablePartitions && nodes.has(leader)) return false;
  if (flags.underMinIsrPartitions && isr.length >= minIsr) return false;
  return !flags.atMinIsrPartitions || isr.length === minIsr;
}
