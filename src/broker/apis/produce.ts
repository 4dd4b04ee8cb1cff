import { errorCodes, errorName } from "../../kafka-protocol/error-codes.ts";
import { produceApi } from "../../kafka-protocol/messages/produce.ts";
import { handlerOf, type ApiHandler, type RequestContext } from "../api-handler.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import type { Topic } from "../topics/topic-catalog.ts";
import { producedBatch, Refusal, type RecordError } from "./produced-batch.ts";
import { transactionalRequestFault, transactionFault } from "./transactional-produce.ts";

interface PartitionAnswer {
  readonly index: number;
  readonly errorCode: number;
  readonly baseOffset: number;
  readonly logAppendTimeMs?: number;
  readonly logStartOffset?: number;
  readonly errorMessage?: string | null;
  readonly recordErrors?: readonly RecordError[];
}

const FIRST_VERSION_WITH_BATCHES = 3;

function refusalOf(thrown: unknown, log: PartitionLog | undefined): Partial<PartitionAnswer> & { readonly errorCode: number } {
  if (thrown instanceof Refusal) {
    const { errorCode, recordErrors, message, byLog } = thrown;
    const isTold = recordErrors.length > 0 || (errorCode === errorCodes.INVALID_TXN_STATE && !byLog);
    const errorMessage = isTold ? message : null;
    return { errorCode, logStartOffset: byLog && log ? log.startOffset : -1, errorMessage, recordErrors };
  }
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
  const { batch, bytes, logAppendTimeMs } = producedBatch(records, topic.settings, version, `${topic.name}-${index}`);
  const fault = transactionFault(broker.transactions, transactionalId, log, topic.name, index, batch);
  if (fault) throw new Refusal(fault.errorCode, fault.message);
  const verdict = log.judge(batch);
  if (verdict.kind === "fenced")
    throw new Refusal(errorCodes.INVALID_PRODUCER_EPOCH, "A newer producer with this id has taken over.", true);
  if (verdict.kind === "out of order") {
    throw new Refusal(
      errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
      `Sequence ${batch.baseSequence} of producer ${batch.producerId} is not the next.`,
      true,
    );
  }
  if (verdict.kind === "not in its transaction") {
    throw new Refusal(errorCodes.INVALID_TXN_STATE, `Producer ${batch.producerId} has a transaction open and must write in it.`, true);
  }
  if (verdict.kind === "duplicate") {
    const answer = { index, errorCode: errorCodes.NONE, baseOffset: verdict.baseOffset, logAppendTimeMs: batch.maxTimestampMs };
    return log.settled().then(() => {
      if (log.endOffset > verdict.lastOffset) return { ...answer, logStartOffset: log.startOffset };
      throw new Error("the first write of this batch failed");
    });
  }
  const { baseOffset, stored } = log.append(batch, bytes);
  return stored.then(() => ({ index, errorCode: errorCodes.NONE, baseOffset, logAppendTimeMs, logStartOffset: log.startOffset }));
}

async function produceTo(
  context: RequestContext,
  transactionalId: string | null,
  name: string,
  partition: { readonly index: number; readonly records: Buffer | null },
): Promise<PartitionAnswer> {
  const { index, records } = partition;
  const topic = context.broker.catalog.get(name);
  const log = topic?.partitions[index];
  try {
    if (!topic || !log) throw new Refusal(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition.");
    return await append(context, transactionalId, topic, log, index, records ?? Buffer.alloc(0));
  } catch (thrown) {
    return { index, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, ...refusalOf(thrown, log) };
  }
}

/**
 * Produce. Advertised from version 0, as Kafka 4 does, because librdkafka before 2.11 takes a higher lowest version for a broker without
 * compression; versions 0–2, which carry message sets, end the connection (KAFKA-18659), as does a write with acks=0 that is refused: no answer
 * can say so. min.insync.replicas counts only as far as a partition has replicas: here that is one.
 */
export const produceHandler: ApiHandler = handlerOf(produceApi, [0, 9], async (body, context) => {
  if (context.version < FIRST_VERSION_WITH_BATCHES) throw new Error(`Produce version ${context.version} carries message sets`);
  const acksKnown = body.acks >= -1 && body.acks <= 1;
  const fault = acksKnown ? transactionalRequestFault(body) : errorCodes.INVALID_REQUIRED_ACKS;
  const responses = await Promise.all(
    body.topicData.map(async ({ name, partitionData }) => ({
      name,
      partitionResponses: await Promise.all(
        partitionData.map(async (partition): Promise<PartitionAnswer> => {
          if (fault !== errorCodes.NONE) return { index: partition.index, errorCode: fault, baseOffset: -1 };
          return produceTo(context, body.transactionalId, name, partition);
        }),
      ),
    })),
  );
  if (body.acks !== 0) return { responses };
  const failed = responses.flatMap((one) => one.partitionResponses).find(({ errorCode }) => errorCode !== errorCodes.NONE);
  if (failed) throw new Error(`a write that wants no answer was refused with ${errorName(failed.errorCode)}`);
  return undefined;
});
