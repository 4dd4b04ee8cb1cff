import { randomUUID } from "node:crypto";
import type { KafkaClient } from "../../kafka/connect-kafka.ts";
import type { PartitionOffsets } from "../../kafka/topics.ts";
import { type Recount, createRecounter } from "./recount.ts";

/** The recount of a whole topic, and the first raw message for the report. */
export interface TopicRecount extends Recount {
  readonly messages: number;
  readonly firstMessage: string | null;
}

/**
 * Reads a topic from its start to its end as of now, as a consumer group of its own, and recounts it.
 * @throws the signal's reason
 */
export async function recountTopic(client: KafkaClient, topic: string, signal: AbortSignal): Promise<TopicRecount> {
  const ends = await client.topics.offsets(topic);
  const recounter = createRecounter();
  let messages = 0;
  let firstMessage: string | null = null;
  const left = new Map(ends.filter(isFilled).map(({ partition, latest }) => [partition, latest]));
  if (left.size > 0) {
    const consumer = await client.consumer({ groupId: `recount-${randomUUID()}`, topics: [topic], fromBeginning: true });
    try {
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason as Error);
        signal.addEventListener("abort", onAbort, { once: true });
        const onRecords: Parameters<typeof consumer.run>[0] = async (records) => {
          for (const record of records) {
            const end = left.get(record.partition);
            if (end === undefined || record.offset >= end) continue;
            messages++;
            firstMessage ??= record.value?.toString("utf8") ?? null;
            recounter.add(record.value);
            if (record.offset === end - 1) left.delete(record.partition);
          }
          if (left.size === 0) resolve();
        };
        consumer.run(onRecords, reject).catch(reject);
      });
    } finally {
      await consumer.close();
    }
  }
  return { ...recounter.result(), messages, firstMessage };
}

function isFilled({ earliest, latest }: PartitionOffsets): boolean {
  return latest > earliest;
}
