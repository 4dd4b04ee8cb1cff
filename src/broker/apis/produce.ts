import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { produceApi } from "../../kafka-protocol/messages/produce.ts";
import { isControl, isCrcValid, readBatchHeader, stampLogAppendTime, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { handlerOf, type ApiHandler, type RequestContext } from "../api-handler.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import type { Topic } from "../topics/topic-catalog.ts";
import { transactionalRequestFault, transactionFault } from "./transactional-produce.ts";

interface PartitionAnswer {
  readonly index: number;
  readonly errorCode: number;
  readonly baseOffset: number;
  readonly logAppendTimeMs?: number;
  readonly logStartOffset?: number;
  readonly errorMessage?: string | null;
}

const ZSTD = 4;
const FIRST_VERSION_WITH_BATCHES = 3;
const FIRST_VERSION_WITH_ZSTD = 7;

class Refusal extends Error {
  readonly errorCode: number;
  constructor(errorCode: number, message: string) {
    super(message);
    this.errorCode = errorCode;
  }
}

/** Kafka's checks of a producer's batch, in its order: exactly one, whole, of this format, sound, and of a size that the topic takes. */
function checkedBatch(records: Buffer, topic: Topic, version: number): BatchHeader {
  const batch = readBatchHeader(records, 0, records.length);
  if (batch === "old format") throw new Refusal(errorCodes.INVALID_RECORD, "Message formats before Kafka 0.11 are not taken.");
  if (typeof batch === "string") throw new Refusal(errorCodes.INVALID_RECORD, "The record batch is cut or its length is wrong.");
  if (batch.end !== records.length) throw new Refusal(errorCodes.INVALID_RECORD, "A partition takes exactly one record batch a request.");
  if (!isCrcValid(records, batch)) throw new Refusal(errorCodes.CORRUPT_MESSAGE, "The CRC-32C of the record batch does not match.");
  if (batch.count <= 0 || batch.lastOffset - batch.baseOffset !== batch.count - 1) {
    throw new Refusal(errorCodes.INVALID_RECORD, "The record count of the batch does not fit its last offset.");
  }
  if (isControl(batch.attributes)) throw new Refusal(errorCodes.INVALID_RECORD, "Clients may not write control batches.");
  if (batch.producerId >= 0 && batch.baseSequence < 0) {
    throw new Refusal(errorCodes.INVALID_RECORD, "A batch of an idempotent producer needs a sequence.");
  }
  const compression = batch.attributes & 7;
  if (compression > ZSTD || (compression === ZSTD && version < FIRST_VERSION_WITH_ZSTD)) {
    throw new Refusal(errorCodes.UNSUPPORTED_COMPRESSION_TYPE, "This version of Produce does not know the compression of the batch.");
  }
  const limit = topic.settings.maxMessageBytes;
  if (records.length > limit) {
    throw new Refusal(errorCodes.MESSAGE_TOO_LARGE, `The record batch is ${records.length} bytes large, the topic takes ${limit}.`);
  }
  return batch;
}

function refusalOf(thrown: unknown): { errorCode: number; errorMessage: string } {
  if (thrown instanceof Refusal) return { errorCode: thrown.errorCode, errorMessage: thrown.message };
  return { errorCode: errorCodes.KAFKA_STORAGE_ERROR, errorMessage: thrown instanceof Error ? thrown.message : String(thrown) };
}

/** Appends at once, so that requests of one connection keep their order; the answer comes when the batch is stored. */
function append(
  { broker, version }: RequestContext,
  transactionalId: string | null,
  topic: Topic,
  log: PartitionLog,
  index: number,
  records: Buffer,
): Promise<PartitionAnswer> {
  let batch = checkedBatch(records, topic, version);
  const fault = transactionFault(broker.transactions, transactionalId, log, topic.name, index, batch);
  if (fault) throw new Refusal(fault.errorCode, fault.message);
  const verdict = log.judge(batch);
  if (verdict.kind === "fenced") throw new Refusal(errorCodes.INVALID_PRODUCER_EPOCH, "A newer producer with this id has taken over.");
  if (verdict.kind === "out of order") {
    throw new Refusal(
      errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
      `Sequence ${batch.baseSequence} of producer ${batch.producerId} is not the next.`,
    );
  }
  if (verdict.kind === "not in its transaction") {
    throw new Refusal(errorCodes.INVALID_TXN_STATE, `Producer ${batch.producerId} has a transaction open and must write in it.`);
  }
  if (verdict.kind === "duplicate") {
    const answer = { index, errorCode: errorCodes.NONE, baseOffset: verdict.baseOffset };
    return log.settled().then(() => {
      if (log.endOffset > verdict.lastOffset) return { ...answer, logStartOffset: log.startOffset };
      throw new Error("the first write of this batch failed");
    });
  }
  let logAppendTimeMs = -1;
  if (topic.settings.isLogAppendTime) {
    logAppendTimeMs = Date.now();
    stampLogAppendTime(records, batch, logAppendTimeMs);
    batch = { ...batch, maxTimestampMs: logAppendTimeMs };
  }
  const { baseOffset, stored } = log.append(batch, records);
  return stored.then(() => ({ index, errorCode: errorCodes.NONE, baseOffset, logAppendTimeMs, logStartOffset: log.startOffset }));
}

async function produceTo(
  context: RequestContext,
  { acks, transactionalId }: { readonly acks: number; readonly transactionalId: string | null },
  name: string,
  partition: { readonly index: number; readonly records: Buffer | null },
): Promise<PartitionAnswer> {
  const { index, records } = partition;
  try {
    const topic = context.broker.catalog.get(name);
    const log = topic?.partitions[index];
    if (!topic || !log) throw new Refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
    if (context.version < FIRST_VERSION_WITH_BATCHES) {
      throw new Refusal(errorCodes.UNSUPPORTED_FOR_MESSAGE_FORMAT, "Use Produce version 3 or later.");
    }
    if (acks === -1 && topic.settings.minInsyncReplicas > 1) {
      throw new Refusal(errorCodes.NOT_ENOUGH_REPLICAS, "min.insync.replicas asks for more than the one replica that there is.");
    }
    return await append(context, transactionalId, topic, log, index, records ?? Buffer.alloc(0));
  } catch (thrown) {
    return { index, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, ...refusalOf(thrown) };
  }
}

/**
 * Produce. Advertised from version 0, as Kafka 4 does, because librdkafka before 2.11 takes a higher lowest version for a broker without
 * compression; versions 0–2, which carry message sets, are refused per partition (KAFKA-18659).
 */
export const produceHandler: ApiHandler = handlerOf(produceApi, [0, 9], async (body, context) => {
  const acksKnown = body.acks >= -1 && body.acks <= 1;
  const fault = acksKnown ? transactionalRequestFault(body) : errorCodes.INVALID_REQUIRED_ACKS;
  const responses = await Promise.all(
    body.topicData.map(async ({ name, partitionData }) => ({
      name,
      partitionResponses: await Promise.all(
        partitionData.map(async (partition): Promise<PartitionAnswer> => {
          if (fault !== errorCodes.NONE) return { index: partition.index, errorCode: fault, baseOffset: -1 };
          return produceTo(context, body, name, partition);
        }),
      ),
    })),
  );
  return body.acks === 0 ? undefined : { responses };
});
