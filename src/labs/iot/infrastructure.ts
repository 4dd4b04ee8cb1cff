import type { Db } from "mongodb";
import type { KafkaClient } from "../../kafka/connect-kafka.ts";
import { ensureTopic } from "../../kafka/topics.ts";
import { ensureLabIndexes } from "../../mongo/indexes.ts";
import { IOT } from "./names.ts";

/** The lab's topic (A3): three partitions, one replica. True where it was made. */
export function prepareTopic(kafka: KafkaClient, topic: string = IOT.topic): Promise<boolean> {
  return ensureTopic(kafka.topics, { topic, partitions: IOT.partitions, replicationFactor: 1 });
}

/** The lab's collections (A4) with indexes that serve what is read from them, and one for the monitor's snapshots. */
export async function prepareCollections(db: Db): Promise<void> {
  await ensureLabIndexes(db);
  await db.collection(IOT.snapshotsCollection).createIndex({ atMs: -1 }, { name: "latest_snapshots" });
}
