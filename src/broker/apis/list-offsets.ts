import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { listOffsetsApi } from "../../kafka-protocol/messages/list-offsets.ts";
import type { RequestOf } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";
import type { PartitionLog } from "../log/partition-log.ts";

const READ_COMMITTED = 1;
const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;
const LATEST_TIERED = -5;
/** The first version that knows what a negative time stands for. */
const KNOWN_FROM: Readonly<Record<number, number>> = {
  [LATEST]: 0,
  [EARLIEST]: 0,
  [MAX_TIMESTAMP]: 7,
  [EARLIEST_LOCAL]: 8,
  [LATEST_TIERED]: 9,
};

/** `isCommitted`: as read_committed sees it, up to the last stable offset. */
async function offsetAt(log: PartitionLog, timestampMs: number, isCommitted: boolean): Promise<{ offset: number; timestampMs: number }> {
  const end = isCommitted ? log.lastStableOffset : log.endOffset;
  if (timestampMs === LATEST) return { offset: end, timestampMs: -1 };
  if (timestampMs === LATEST_TIERED) return { offset: -1, timestampMs: -1 };
  if (timestampMs === EARLIEST || timestampMs === EARLIEST_LOCAL) return { offset: log.startOffset, timestampMs: -1 };
  const wanted = timestampMs === MAX_TIMESTAMP ? log.latestTimestampMs : timestampMs;
  const found = wanted < 0 ? undefined : await log.findTime(wanted);
  return found && found.offset < end ? found : { offset: -1, timestampMs: -1 };
}

type AskedPartition = Pick<
  RequestOf<typeof listOffsetsApi>["topics"][number]["partitions"][number],
  "partitionIndex" | "timestamp" | "currentLeaderEpoch"
>;

const isTwice = (partitions: readonly AskedPartition[], index: number): boolean =>
  partitions.filter(({ partitionIndex }) => partitionIndex === index).length > 1;

const once = (partitions: readonly AskedPartition[]): AskedPartition[] => [
  ...new Map(partitions.map((one) => [one.partitionIndex, one])).values(),
];

/**
 * ListOffsets: the end (−1), the start (−2), the record with the latest time (−3, KIP-734), the start on this disk (−4, KIP-405), the end in tiered
 * storage (−5, KIP-1005), which there is not, or the first at or after a time. A partition that is named twice is refused.
 */
export const listOffsetsHandler: ApiHandler = handlerOf(listOffsetsApi, [0, 9], async (body, context) => ({
  topics: await Promise.all(
    body.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        once(partitions).map(async ({ partitionIndex, timestamp, currentLeaderEpoch }) => {
          if (isTwice(partitions, partitionIndex)) return { partitionIndex, errorCode: errorCodes.INVALID_REQUEST };
          const log = context.broker.catalog.get(name)?.partitions[partitionIndex];
          if (!log) return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
          if (currentLeaderEpoch > 0) return { partitionIndex, errorCode: errorCodes.UNKNOWN_LEADER_EPOCH };
          const isKnown = timestamp >= 0 || context.version >= (KNOWN_FROM[timestamp] ?? Infinity);
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
