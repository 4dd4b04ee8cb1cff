import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { listOffsetsApi } from "../../kafka-protocol/messages/list-offsets.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";
import type { PartitionLog } from "../log/partition-log.ts";

const READ_COMMITTED = 1;
const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const FIRST_VERSION_WITH_MAX_TIMESTAMP = 7;

/** `isCommitted`: as read_committed sees it, up to the last stable offset. */
async function offsetAt(log: PartitionLog, timestampMs: number, isCommitted: boolean): Promise<{ offset: number; timestampMs: number }> {
  const end = isCommitted ? log.lastStableOffset : log.endOffset;
  if (timestampMs === LATEST) return { offset: end, timestampMs: -1 };
  if (timestampMs === EARLIEST) return { offset: log.startOffset, timestampMs: -1 };
  const wanted = timestampMs === MAX_TIMESTAMP ? log.latestTimestampMs : timestampMs;
  const found = wanted < 0 ? undefined : await log.findTime(wanted);
  return found && found.offset < end ? found : { offset: -1, timestampMs: -1 };
}

/** ListOffsets: the end (−1), the start (−2), the record with the latest time (−3, KIP-734), or the first at or after a time. */
export const listOffsetsHandler: ApiHandler = handlerOf(listOffsetsApi, [0, 7], async (body, context) => ({
  topics: await Promise.all(
    body.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        partitions.map(async ({ partitionIndex, timestamp, currentLeaderEpoch }) => {
          const log = context.broker.catalog.get(name)?.partitions[partitionIndex];
          if (!log) return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
          if (currentLeaderEpoch > 0) return { partitionIndex, errorCode: errorCodes.UNKNOWN_LEADER_EPOCH };
          const isKnown = timestamp >= EARLIEST || (timestamp === MAX_TIMESTAMP && context.version >= FIRST_VERSION_WITH_MAX_TIMESTAMP);
          if (!isKnown) return { partitionIndex, errorCode: errorCodes.UNSUPPORTED_VERSION };
          try {
            const { offset, timestampMs } = await offsetAt(log, timestamp, body.isolationLevel === READ_COMMITTED);
            const oldStyleOffsets = offset < 0 ? [] : [offset];
            return {
              partitionIndex,
              errorCode: errorCodes.NONE,
              timestamp: timestampMs,
              offset,
              leaderEpoch: offset < 0 ? -1 : 0,
              oldStyleOffsets,
            };
          } catch {
            return { partitionIndex, errorCode: errorCodes.KAFKA_STORAGE_ERROR };
          }
        }),
      ),
    })),
  ),
}));
