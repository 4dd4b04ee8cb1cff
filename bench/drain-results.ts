import { randomUUID } from "node:crypto";
import type { KafkaClient } from "../src/kafka/connect-kafka.ts";
import { ReadingCount, type DrainQuery } from "./drain-queries.ts";

interface WindowResult {
  readonly window: { readonly start: string };
  readonly sensor_type: string;
  readonly location: string;
  readonly message_count: number;
}

/** Reads a results topic of one partition to its end with a consumer, and adds up the readings in the final results. */
export async function countResults(client: KafkaClient, query: DrainQuery, topic: string): Promise<number> {
  const end = (await client.topics.offsets(topic))[0]?.latest ?? 0;
  if (end === 0) return 0;
  const groups = new ReadingCount();
  const consumer = await client.consumer({ groupId: `count-${randomUUID()}`, topics: [topic], fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      const running = consumer.run((records) => {
        for (const { value } of records) {
          if (query === "Q3") break;
          const row = JSON.parse(String(value)) as WindowResult;
          groups.add(`${row.window.start} ${row.sensor_type} ${row.location}`, row.message_count);
        }
        if ((records.at(-1)?.offset ?? 0) + 1 >= end) resolve();
        return Promise.resolve();
      }, reject);
      running.catch(reject);
    });
  } finally {
    await consumer.close();
  }
  return query === "Q3" ? end : groups.total;
}
