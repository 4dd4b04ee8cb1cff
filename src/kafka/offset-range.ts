import type { Offset } from "../engine/sources/source.ts";
import { KafkaError } from "./kafka-error.ts";

/** Offsets by partition; the key is `topic-partition`. In a source's sense: the next offset to read. */
export type PartitionOffsets = ReadonlyMap<string, number>;

/** Splits `topic-partition`; topics may hold hyphens themselves. */
export function splitKey(key: string): { readonly topic: string; readonly partition: number } {
  const hyphen = key.lastIndexOf("-");
  return { topic: key.slice(0, hyphen), partition: Number(key.slice(hyphen + 1)) };
}

/** Offsets as Spark writes them, `{"sensor-data":{"0":123}}`, topics and partitions in order, so that equal offsets are equal texts. */
export function toJson(offsets: PartitionOffsets): Record<string, Record<string, number>> {
  const json: Record<string, Record<string, number>> = {};
  for (const key of [...offsets.keys()].sort()) {
    const { topic, partition } = splitKey(key);
    (json[topic] ??= {})[String(partition)] = offsets.get(key) as number;
  }
  return json;
}

/** The inverse of `toJson`. @throws KafkaError KAFKA_OPTION on anything else; `what` names its origin. */
export function fromJson(json: Offset, what: string): Map<string, number> {
  const offsets = new Map<string, number>();
  const bad = (found: unknown): KafkaError =>
    new KafkaError("KAFKA_OPTION", {
      failed: `Cannot read ${what}`,
      found: JSON.stringify(found),
      remedy: 'Write an offset for every partition, as in {"sensor-data":{"0":123,"1":-2}}; -2 stands for earliest, -1 for latest.',
    });
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw bad(json);
  for (const [topic, partitions] of Object.entries(json)) {
    if (typeof partitions !== "object" || partitions === null) throw bad(json);
    for (const [partition, offset] of Object.entries(partitions)) {
      if (!/^\d+$/.test(partition) || typeof offset !== "number" || !Number.isSafeInteger(offset) || offset < -2) throw bad(json);
      offsets.set(`${topic}-${partition}`, offset);
    }
  }
  return offsets;
}

/**
 * Cuts a range to at most about `limit` messages, split by how far each partition is behind, so that partitions advance together in event time
 * (Spark's KafkaMicroBatchStream.rateLimit): a partition with a share below one message still gets one.
 */
export function limitByLag(from: PartitionOffsets, to: PartitionOffsets, limit: number): Map<string, number> {
  let total = 0;
  for (const [key, end] of to) total += Math.max(0, end - (from.get(key) ?? end));
  if (total <= limit) return new Map(to);
  const limited = new Map<string, number>();
  for (const [key, end] of to) {
    const begin = from.get(key) ?? end;
    const lag = end - begin;
    if (lag <= 0) limited.set(key, end);
    else {
      const share = (limit * lag) / total;
      limited.set(key, Math.min(end, begin + (share < 1 ? Math.ceil(share) : Math.floor(share))));
    }
  }
  return limited;
}
