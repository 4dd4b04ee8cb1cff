import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { addOffsetsToTxnApi } from "../../kafka-protocol/messages/add-offsets-to-txn.ts";
import { addPartitionsToTxnApi } from "../../kafka-protocol/messages/add-partitions-to-txn.ts";
import { endTxnApi } from "../../kafka-protocol/messages/end-txn.ts";
import { initProducerIdApi } from "../../kafka-protocol/messages/init-producer-id.ts";
import { txnOffsetCommitApi } from "../../kafka-protocol/messages/txn-offset-commit.ts";
import type { RequestOf } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler, type RequestContext } from "../api-handler.ts";
import { isInternal, offsetsPartition } from "../transactions/offsets-partition.ts";

/** Clients before KIP-588 do not know PRODUCER_FENCED: they are told the older INVALID_PRODUCER_EPOCH. */
const errorFor = (errorCode: number, version: number, firstWithFenced: number): number =>
  errorCode === errorCodes.PRODUCER_FENCED && version < firstWithFenced ? errorCodes.INVALID_PRODUCER_EPOCH : errorCode;

/** InitProducerId: an id and epoch for an idempotent producer (KIP-98), or the next epoch of a transactional id (KIP-360). */
export const initProducerIdHandler: ApiHandler = handlerOf(initProducerIdApi, [0, 4], async (body, { broker, version }) => {
  const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = body;
  if ((producerId === -1) !== (producerEpoch === -1)) {
    return { throttleTimeMs: 0, errorCode: errorCodes.INVALID_REQUEST, producerId: -1, producerEpoch: -1 };
  }
  if (transactionalId === null) {
    return { throttleTimeMs: 0, errorCode: errorCodes.NONE, producerId: await broker.catalog.nextProducerId(), producerEpoch: 0 };
  }
  const expected = producerId === -1 ? undefined : { producerId, producerEpoch };
  const answer = await broker.transactions.initProducer(transactionalId, transactionTimeoutMs, expected);
  return { throttleTimeMs: 0, ...answer, errorCode: errorFor(answer.errorCode, version, 4) };
});

/** AddPartitionsToTxn: all partitions or none. */
export const addPartitionsToTxnHandler: ApiHandler = handlerOf(addPartitionsToTxnApi, [0, 3], async (body, { broker, version }) => {
  const isKnown = (topic: string, partition: number): boolean => broker.catalog.get(topic)?.partitions[partition] !== undefined;
  const wanted = body.v3AndBelowTopics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition })));
  const faultOf = (topic: string, partition: number): number => {
    if (isInternal(topic)) return errorCodes.TOPIC_AUTHORIZATION_FAILED;
    return isKnown(topic, partition) ? fault : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  };
  const isComplete = wanted.every(({ topic, partition }) => isKnown(topic, partition));
  const producer = { producerId: body.v3AndBelowProducerId, producerEpoch: body.v3AndBelowProducerEpoch };
  const fault = isComplete
    ? errorFor(await broker.transactions.addPartitions(body.v3AndBelowTransactionalId, producer, wanted), version, 2)
    : errorCodes.OPERATION_NOT_ATTEMPTED;
  return {
    throttleTimeMs: 0,
    resultsByTopicV3AndBelow: body.v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({
        partitionIndex,
        partitionErrorCode: isComplete ? fault : faultOf(name, partitionIndex),
      })),
    })),
  };
});

export const addOffsetsToTxnHandler: ApiHandler = handlerOf(addOffsetsToTxnApi, [0, 3], async (body, { broker, version }) => {
  const { transactionalId, producerId, producerEpoch, groupId } = body;
  const errorCode = await broker.transactions.addOffsets(transactionalId, { producerId, producerEpoch }, groupId);
  return { throttleTimeMs: 0, errorCode: errorFor(errorCode, version, 2) };
});

export const endTxnHandler: ApiHandler = handlerOf(endTxnApi, [0, 3], async (body, { broker, version }) => {
  const { transactionalId, producerId, producerEpoch, committed } = body;
  const errorCode = await broker.transactions.end(transactionalId, { producerId, producerEpoch }, committed);
  return { throttleTimeMs: 0, errorCode: errorFor(errorCode, version, 2) };
});

type CommitRequest = RequestOf<typeof txnOffsetCommitApi>;

/** Is it this producer's transaction, and of a member of the group's present generation (KIP-447)? */
function commitFault(body: CommitRequest, { broker }: RequestContext): number {
  const { transactionalId, groupId, generationId, memberId, groupInstanceId, producerId, producerEpoch } = body;
  if (groupId === "") return errorCodes.INVALID_GROUP_ID;
  const verified = broker.transactions.verify(transactionalId, { producerId, producerEpoch }, offsetsPartition(groupId));
  if (verified === errorCodes.PRODUCER_FENCED) return errorCodes.INVALID_PRODUCER_EPOCH;
  if (verified === errorCodes.TRANSACTION_ABORTABLE) return errorCodes.INVALID_TXN_STATE;
  if (verified !== errorCodes.NONE) return verified;
  const group = generationId < 0 ? broker.groups.group(groupId) : broker.groups.find(groupId);
  return group?.checkCommit({ memberId, instanceId: groupInstanceId }, generationId, true) ?? errorCodes.ILLEGAL_GENERATION;
}

/** TxnOffsetCommit: the offsets are stored, and seen when the transaction is committed. */
export const txnOffsetCommitHandler: ApiHandler = handlerOf(txnOffsetCommitApi, [0, 3], async (body, context) => {
  const { catalog, groups, settings } = context.broker;
  const isKnown = (topic: string, partition: number): boolean => catalog.get(topic)?.partitions[partition] !== undefined;
  const hasAny = body.topics.some(({ name, partitions }) => partitions.some(({ partitionIndex }) => isKnown(name, partitionIndex)));
  const fault = hasAny ? commitFault(body, context) : errorCodes.NONE;
  const atMs = Date.now();
  const topics = body.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => {
      const metadata = partition.committedMetadata ?? "";
      const isLong = metadata.length > settings.maxOffsetMetadataBytes;
      const ownFault = fault === errorCodes.NONE && isLong ? errorCodes.OFFSET_METADATA_TOO_LARGE : fault;
      const errorCode = isKnown(name, partition.partitionIndex) ? ownFault : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
      const { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch } = partition;
      return { errorCode, offset: { topic: name, partition: partitionIndex, offset, leaderEpoch, metadata, atMs } };
    }),
  }));
  const accepted = topics.flatMap(({ partitions }) => partitions.filter(({ errorCode }) => errorCode === errorCodes.NONE));
  let stored: number = errorCodes.NONE;
  if (accepted.length > 0) {
    await groups.offsets
      .commitPending(
        body.groupId,
        body.producerId,
        accepted.map(({ offset }) => offset),
      )
      .catch(() => (stored = errorCodes.NOT_COORDINATOR));
  }
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ errorCode, offset }) => ({
        partitionIndex: offset.partition,
        errorCode: errorCode === errorCodes.NONE ? stored : errorCode,
      })),
    })),
  };
});
