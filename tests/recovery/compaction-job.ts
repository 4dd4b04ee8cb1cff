import { encodeBatch, readBatchHeader } from "../../src/kafka-protocol/record-batch.ts";
import { defaultTopicSettings } from "../../src/broker/configs/topic-settings.ts";
import { PartitionLog } from "../../src/broker/log/partition-log.ts";

/** Opens the log of `compaction-job`'s partition: small segments, compacted whenever it is asked. */
export function openCompactedLog(folder: string): Promise<PartitionLog> {
  const settings = { ...defaultTopicSettings, isCompacted: true, isDeleted: false, segmentBytes: 400, minCleanableDirtyRatio: 0 };
  return PartitionLog.open({ folder, settings: () => settings, sync: false, cacheBytes: 0 });
}

/** Writes `rounds` values of each of ten keys. */
export async function writeRounds(log: PartitionLog, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (let key = 0; key < 10; key++) {
      const bytes = encodeBatch([{ key: Buffer.from(`k${key}`), value: Buffer.from(`v${round}-${"x".repeat(30)}`), timestampMs: 1 }]);
      const header = readBatchHeader(bytes, 0, bytes.length);
      if (typeof header === "object") await log.append(header, bytes).stored;
    }
  }
}

const folder = process.argv[2];
if (folder !== undefined && process.argv[1]?.endsWith("compaction-job.ts")) {
  const log = await openCompactedLog(folder);
  await writeRounds(log, 5);
  await log.compact(Date.now(), 1_000_000);
  await log.close();
}
