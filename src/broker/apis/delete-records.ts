import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { deleteRecordsApi } from "../../kafka-protocol/messages/delete-records.ts";
import { handlerOf, type ApiHandler, type BrokerState } from "../api-handler.ts";

const HIGH_WATERMARK = -1;

async function deleteUpTo({ catalog }: BrokerState, name: string, partitionIndex: number, offset: number) {
  const refuse = (errorCode: number) => ({ partitionIndex, lowWatermark: -1, errorCode });
  const topic = catalog.get(name);
  const log = topic?.partitions[partitionIndex];
  if (!topic || !log) return refuse(errorCodes.UNKNOWN_TOPIC_OR_PARTITION);
  if (!topic.settings.isDeleted) return refuse(errorCodes.POLICY_VIOLATION);
  const upTo = offset === HIGH_WATERMARK ? log.endOffset : offset;
  if (upTo < 0 || upTo > log.endOffset) return refuse(errorCodes.OFFSET_OUT_OF_RANGE);
  try {
    await catalog.deleteRecords(topic, partitionIndex, upTo);
  } catch {
    return refuse(errorCodes.KAFKA_STORAGE_ERROR);
  }
  return { partitionIndex, lowWatermark: log.startOffset, errorCode: errorCodes.NONE };
}

/** DeleteRecords: the first readable offset moves, for good; −1 means up to the high watermark. Topics that are only compacted keep their records. */
export const deleteRecordsHandler: ApiHandler = handlerOf(deleteRecordsApi, [0, 2], async (body, { broker }) => ({
  throttleTimeMs: 0,
  topics: await Promise.all(
    body.topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(partitions.map(({ partitionIndex, offset }) => deleteUpTo(broker, name, partitionIndex, offset))),
    })),
  ),
}));
