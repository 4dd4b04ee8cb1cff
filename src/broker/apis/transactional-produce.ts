import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import type { produceApi } from "../../kafka-protocol/messages/produce.ts";
import { isTransactional, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import type { RequestOf } from "../../kafka-protocol/schema.ts";
import type { PartitionLog } from "../log/partition-log.ts";
import type { TransactionCoordinator } from "../transactions/transaction-coordinator.ts";

type ProduceRequest = Pick<RequestOf<typeof produceApi>, "transactionalId" | "topicData">;

/** Why a whole request is refused: transactional batches need the transactional id, and come from one producer. NONE where it is not. */
export function transactionalRequestFault({ transactionalId, topicData }: ProduceRequest): number {
  let producer: BatchHeader | undefined;
  for (const { partitionData } of topicData) {
    for (const { records } of partitionData) {
      const batch = records ? readBatchHeader(records, 0, records.length) : "cut";
      if (typeof batch === "string" || !isTransactional(batch.attributes)) continue;
      if (transactionalId === null) return errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
      if (batch.producerId < 0) continue;
      producer ??= batch;
      if (producer.producerId !== batch.producerId || producer.producerEpoch !== batch.producerEpoch) {
        return errorCodes.INVALID_PRODUCER_ID_MAPPING;
      }
    }
  }
  return errorCodes.NONE;
}

/** Why a batch may not be written. */
export interface BatchRefusal {
  readonly errorCode: number;
  readonly message: string;
}

/**
 * Whether a transactional batch belongs to an open transaction that knows of its partition (KIP-890). The coordinator is asked only where
 * the partition has no transaction of the producer open. Its errors are told in the way that producers of these versions know: one that is
 * over in a moment as NOT_ENOUGH_REPLICAS, which they try again.
 */
export function transactionFault(
  transactions: TransactionCoordinator,
  transactionalId: string | null,
  log: PartitionLog,
  topic: string,
  partition: number,
  batch: BatchHeader,
): BatchRefusal | undefined {
  if (!isTransactional(batch.attributes) || batch.producerId < 0) return undefined;
  if (log.hasOpenTransaction(batch.producerId, batch.producerEpoch)) return undefined;
  const found = transactions.verify(transactionalId ?? "", batch, { topic, partition });
  const isAttempt = found === errorCodes.NONE || found === errorCodes.TRANSACTION_ABORTABLE || found === errorCodes.CONCURRENT_TRANSACTIONS;
  if (isAttempt) log.noteAttempt(batch);
  switch (found) {
    case errorCodes.NONE:
      return undefined;
    case errorCodes.PRODUCER_FENCED:
      return { errorCode: errorCodes.INVALID_PRODUCER_EPOCH, message: "Producer attempted to produce with an old epoch." };
    case errorCodes.TRANSACTION_ABORTABLE:
      return { errorCode: errorCodes.INVALID_TXN_STATE, message: "Partition was not added to the transaction" };
    case errorCodes.CONCURRENT_TRANSACTIONS:
      return {
        errorCode: errorCodes.NOT_ENOUGH_REPLICAS,
        message: "Unable to verify the partition has been added to the transaction: its predecessor is about to end.",
      };
    default:
      return { errorCode: found, message: "The transactional id is not this producer's." };
  }
}
