import { KafkaError } from "../kafka-error.ts";
import { EARLIEST, LATEST, type PartitionOffset, type TopicPartition } from "../wire/cluster.ts";
import { refused, type AdminLink } from "./admin-link.ts";
import { committedOffsets } from "./group-admin.ts";
import { offsetsAt } from "./record-admin.ts";

/** Where a group is to go on (kafka-consumer-groups --reset-offsets). */
export type ResetTarget =
  | { readonly to: "earliest" | "latest" | "current" }
  | { readonly to: "offset"; readonly offset: number }
  | { readonly to: "shift"; readonly by: number }
  | { readonly to: "time"; readonly timestampMs: number }
  /** The offset of each partition that was chosen. */
  | { readonly to: "plan"; readonly offsets: readonly PartitionOffset[] };

/** New offsets, and what the user must hear: an offset outside of what is there, a partition without a message of that time. */
export type ResetPlan = { readonly offsets: readonly PartitionOffset[]; readonly warnings: readonly string[] };

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`;

/**
 * Works out where a group would go on, and changes nothing. Offsets outside of a partition's log are moved to its nearest end; partitions with no
 * message of the time asked for or later, and `current` where nothing was committed, go to the end, as in Kafka.
 * @throws KafkaError KAFKA_OPTION for a shift of what was never committed
 */
export async function planReset(
  link: AdminLink,
  groupId: string,
  partitions: readonly TopicPartition[],
  target: ResetTarget,
): Promise<ResetPlan> {
  const at = async (timestamp: number): Promise<ReadonlyMap<string, number>> => positions(link, partitions, timestamp);
  const committed = async (): Promise<ReadonlyMap<string, number>> =>
    new Map((await committedOffsets(link, groupId)).map((one) => [keyOf(one), one.offset]));
  const placed = (offset: (key: string, partition: TopicPartition) => number): PartitionOffset[] =>
    partitions.map((one) => ({ ...one, offset: offset(keyOf(one), one) }));

  switch (target.to) {
    case "earliest":
    case "latest": {
      const ends = await at(target.to === "earliest" ? EARLIEST : LATEST);
      return { offsets: placed((key) => ends.get(key) as number), warnings: [] };
    }
    case "current": {
      const [now, ends] = [await committed(), await at(LATEST)];
      return within(
        placed((key) => now.get(key) ?? (ends.get(key) as number)),
        await at(EARLIEST),
        ends,
      );
    }
    case "offset":
      return within(
        placed(() => target.offset),
        await at(EARLIEST),
        await at(LATEST),
      );
    case "shift": {
      const now = await committed();
      const shifted = placed((key, partition) => {
        const from = now.get(key);
        if (from === undefined) throw neverCommitted(groupId, partition);
        return from + target.by;
      });
      return within(shifted, await at(EARLIEST), await at(LATEST));
    }
    case "time": {
      const [found, ends] = [await at(target.timestampMs), await at(LATEST)];
      const late = partitions.filter((one) => (found.get(keyOf(one)) as number) < 0);
      return {
        offsets: placed((key) => ((found.get(key) as number) < 0 ? (ends.get(key) as number) : (found.get(key) as number))),
        warnings: late.map(
          ({ topic, partition }) => `Partition ${partition} of ${topic} has no message of that time or later; it goes to its end.`,
        ),
      };
    }
    case "plan":
      return within(target.offsets, await at(EARLIEST), await at(LATEST));
  }
}

function within(offsets: readonly PartitionOffset[], first: ReadonlyMap<string, number>, end: ReadonlyMap<string, number>): ResetPlan {
  const warnings: string[] = [];
  const moved = offsets.map((one) => {
    const [least, most] = [first.get(keyOf(one)) as number, end.get(keyOf(one)) as number];
    const { topic, partition, offset } = one;
    if (offset > most)
      warnings.push(
        `New offset (${offset}) is higher than latest offset for topic partition ${topic}-${partition}. Value will be set to ${most}.`,
      );
    else if (offset < least)
      warnings.push(
        `New offset (${offset}) is lower than earliest offset for topic partition ${topic}-${partition}. Value will be set to ${least}.`,
      );
    return { topic, partition, offset: Math.min(most, Math.max(least, offset)) };
  });
  return { offsets: moved, warnings };
}

async function positions(link: AdminLink, partitions: readonly TopicPartition[], timestamp: number): Promise<ReadonlyMap<string, number>> {
  const asked = await offsetsAt(link, partitions, timestamp);
  const bad = asked.find(({ errorCode }) => errorCode !== 0);
  if (bad) throw refused(`Cannot read the offsets of ${keyOf(bad)}`, bad.errorCode);
  return new Map(asked.map((one) => [keyOf(one), one.offset]));
}

/**
 * The offsets in a file that `--export` has written: lines of `topic,partition,offset`, or `group,topic,partition,offset`.
 * @throws KafkaError KAFKA_OPTION with the line
 */
export function parseResetPlan(text: string, groups: readonly string[]): ReadonlyMap<string, readonly PartitionOffset[]> {
  const plan = new Map<string, PartitionOffset[]>();
  text.split(/\r?\n/).forEach((line, i) => {
    if (line.trim() === "") return;
    const fields = line.split(",").map((field) => field.trim().replace(/^"(.*)"$/, "$1"));
    const [group, topic, partition, offset] = fields.length === 3 && groups.length === 1 ? [groups[0], ...fields] : fields;
    if (fields.length > 4 || !group || !topic || !/^\d+$/.test(partition ?? "") || !/^-?\d+$/.test(offset ?? "")) {
      throw new KafkaError("KAFKA_OPTION", {
        failed: "Cannot read the offsets to reset to",
        found: `line ${i + 1} is ${JSON.stringify(line.slice(0, 80))}`,
        remedy: 'Write "topic,partition,offset" for one group, "group,topic,partition,offset" for several, as --export does.',
      });
    }
    const offsets = plan.get(group) ?? [];
    offsets.push({ topic, partition: Number(partition), offset: Number(offset) });
    plan.set(group, offsets);
  });
  return plan;
}

function neverCommitted(groupId: string, { topic, partition }: TopicPartition): KafkaError {
  return new KafkaError("KAFKA_OPTION", {
    failed: `Cannot shift the offset of ${topic}-${partition}`,
    found: `the group "${groupId}" has committed none`,
    remedy: "Set one with --to-earliest, --to-latest or --to-offset.",
  });
}
