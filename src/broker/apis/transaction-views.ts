import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { describeProducersApi } from "../../kafka-protocol/messages/describe-producers.ts";
import { describeTransactionsApi } from "../../kafka-protocol/messages/describe-transactions.ts";
import { listTransactionsApi } from "../../kafka-protocol/messages/list-transactions.ts";
import { writeTxnMarkersApi } from "../../kafka-protocol/messages/write-txn-markers.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";
import { appendMarker } from "../transactions/transaction-coordinator.ts";
import { matchingIds } from "../transactions/id-pattern.ts";
import { transactionStates, type TransactionPartition } from "../transactions/transaction.ts";

/** ListTransactions (KIP-664): by state, producer id, how long they run (KIP-994), and a pattern that the whole id matches (KIP-1152). */
export const listTransactionsHandler: ApiHandler = handlerOf(listTransactionsApi, [0, 2], (body, { broker }) => {
  const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = body;
  const answer = { throttleTimeMs: 0, unknownStateFilters: stateFilters.filter((state) => !transactionStates.includes(state)) };
  const all = [...broker.transactions.list()];
  const matching = transactionalIdPattern
    ? matchingIds(
        transactionalIdPattern,
        all.map(({ id }) => id),
      )
    : undefined;
  if (transactionalIdPattern && !matching) return { ...answer, errorCode: errorCodes.INVALID_REGULAR_EXPRESSION, transactionStates: [] };
  const nowMs = Date.now();
  const found = all.filter(
    ({ id, state, producerId, startMs }) =>
      (stateFilters.length === 0 || stateFilters.includes(state)) &&
      (producerIdFilters.length === 0 || producerIdFilters.includes(producerId)) &&
      (durationFilter < 0 || nowMs - startMs > durationFilter) &&
      (matching?.has(id) ?? true),
  );
  return {
    ...answer,
    errorCode: errorCodes.NONE,
    transactionStates: found.map(({ id, producerId, state }) => ({ transactionalId: id, producerId, transactionState: state })),
  };
});

function byTopic(partitions: readonly TransactionPartition[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  return [...topics].map(([topic, numbers]) => ({ topic, partitions: numbers }));
}

export const describeTransactionsHandler: ApiHandler = handlerOf(describeTransactionsApi, [0, 0], (body, { broker }) => ({
  throttleTimeMs: 0,
  transactionStates: body.transactionalIds.map((transactionalId) => {
    const found = broker.transactions.get(transactionalId);
    if (!found) {
      const errorCode = transactionalId === "" ? errorCodes.INVALID_REQUEST : errorCodes.TRANSACTIONAL_ID_NOT_FOUND;
      const nothing = { transactionState: "", transactionTimeoutMs: 0, transactionStartTimeMs: 0, producerId: 0, producerEpoch: 0 };
      return { errorCode, transactionalId, ...nothing, topics: [] };
    }
    return {
      errorCode: errorCodes.NONE,
      transactionalId,
      transactionState: found.state,
      transactionTimeoutMs: found.timeoutMs,
      transactionStartTimeMs: found.startMs,
      producerId: found.producerId,
      producerEpoch: found.producerEpoch,
      topics: byTopic(found.partitions),
    };
  }),
}));

/** DescribeProducers (KIP-664): what each partition knows of the producers that write to it. */
export const describeProducersHandler: ApiHandler = handlerOf(describeProducersApi, [0, 0], (body, { broker }) => ({
  throttleTimeMs: 0,
  topics: body.topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      const log = broker.catalog.get(name)?.partitions[partitionIndex];
      if (!log) {
        const errorMessage = broker.catalog.get(name) ? null : "This server does not host this topic-partition.";
        return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage, activeProducers: [] };
      }
      const activeProducers = [...log.producers()].map((producer) => ({
        producerId: producer.id,
        producerEpoch: producer.epoch,
        lastSequence: producer.batches.at(-1)?.lastSequence ?? -1,
        lastTimestamp: producer.lastTimestampMs,
        coordinatorEpoch: producer.coordinatorEpoch ?? -1,
        currentTxnStartOffset: producer.transactionStart ?? -1,
      }));
      return { partitionIndex, errorCode: errorCodes.NONE, errorMessage: null, activeProducers };
    }),
  })),
}));

/** WriteTxnMarkers: an administrator ends a transaction of which only a partition knows. */
export const writeTxnMarkersHandler: ApiHandler = handlerOf(writeTxnMarkersApi, [1, 1], async (body, { broker }) => {
  const end = async (marker: (typeof body.markers)[number], topic: string, partition: number): Promise<number> => {
    const log = broker.catalog.get(topic)?.partitions[partition];
    if (!log) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    const known = [...log.producers()].find(({ id }) => id === marker.producerId);
    if (known && marker.producerEpoch < known.epoch) return errorCodes.INVALID_PRODUCER_EPOCH;
    if ((known?.coordinatorEpoch ?? -1) > marker.coordinatorEpoch) return errorCodes.TRANSACTION_COORDINATOR_FENCED;
    try {
      await appendMarker(log, marker, marker.transactionResult, marker.coordinatorEpoch, Date.now()).stored;
      return errorCodes.NONE;
    } catch {
      return errorCodes.KAFKA_STORAGE_ERROR;
    }
  };
  return {
    markers: await Promise.all(
      body.markers.map(async (marker) => ({
        producerId: marker.producerId,
        topics: await Promise.all(
          marker.topics.map(async ({ name, partitionIndexes }) => ({
            name,
            partitions: await Promise.all(
              partitionIndexes.map(async (partitionIndex) => ({ partitionIndex, errorCode: await end(marker, name, partitionIndex) })),
            ),
          })),
        ),
      })),
    ),
  };
});
