import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { addOffsetsToTxnApi } from "../../kafka-protocol/messages/add-offsets-to-txn.ts";
import { addPartitionsToTxnApi } from "../../kafka-protocol/messages/add-partitions-to-txn.ts";
import { describeProducersApi } from "../../kafka-protocol/messages/describe-producers.ts";
import { describeTransactionsApi } from "../../kafka-protocol/messages/describe-transactions.ts";
import { endTxnApi } from "../../kafka-protocol/messages/end-txn.ts";
import { initProducerIdApi } from "../../kafka-protocol/messages/init-producer-id.ts";
import { listTransactionsApi } from "../../kafka-protocol/messages/list-transactions.ts";
import { txnOffsetCommitApi } from "../../kafka-protocol/messages/txn-offset-commit.ts";
import { writeTxnMarkersApi } from "../../kafka-protocol/messages/write-txn-markers.ts";
import { guardOf, parted, REFUSAL_WORDS, type Guard } from "./guard.ts";

const REFUSED = errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
const TOPIC_REFUSED = errorCodes.TOPIC_AUTHORIZATION_FAILED;

/** An idempotent producer needs a right of its own, or that to write anywhere at all (KIP-679). */
const initProducerIdGuard: Guard = guardOf(initProducerIdApi, (body, { access }, next) => {
  const refuse = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 });
  if (body.transactionalId !== null) {
    return access.allows("WRITE", "TRANSACTIONAL_ID", body.transactionalId) ? next(body) : refuse(REFUSED);
  }
  const mayWrite = access.allowsOnCluster("IDEMPOTENT_WRITE") || access.allowsSome("WRITE", "TOPIC");
  return mayWrite ? next(body) : refuse(errorCodes.CLUSTER_AUTHORIZATION_FAILED);
});

/** All or nothing: with one topic that may not be written to, the others are not attempted. */
const addPartitionsToTxnGuard: Guard = guardOf(addPartitionsToTxnApi, (body, { access }, next) => {
  const mayId = access.allows("WRITE", "TRANSACTIONAL_ID", body.v3AndBelowTransactionalId);
  const isAllowed = (name: string): boolean => access.allows("WRITE", "TOPIC", name);
  if (mayId && body.v3AndBelowTopics.every(({ name }) => isAllowed(name))) return next(body);
  const codeOf = (name: string): number => {
    if (!mayId) return REFUSED;
    return isAllowed(name) ? errorCodes.OPERATION_NOT_ATTEMPTED : TOPIC_REFUSED;
  };
  return {
    throttleTimeMs: 0,
    resultsByTopicV3AndBelow: body.v3AndBelowTopics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode: codeOf(name) })),
    })),
  };
});

const addOffsetsToTxnGuard: Guard = guardOf(addOffsetsToTxnApi, (body, { access }, next) => {
  if (!access.allows("WRITE", "TRANSACTIONAL_ID", body.transactionalId)) return { throttleTimeMs: 0, errorCode: REFUSED };
  if (access.allows("READ", "GROUP", body.groupId)) return next(body);
  return { throttleTimeMs: 0, errorCode: errorCodes.GROUP_AUTHORIZATION_FAILED };
});

const endTxnGuard: Guard = guardOf(endTxnApi, (body, { access }, next) =>
  access.allows("WRITE", "TRANSACTIONAL_ID", body.transactionalId) ? next(body) : { throttleTimeMs: 0, errorCode: REFUSED },
);

const txnOffsetCommitGuard: Guard = guardOf(txnOffsetCommitApi, async (body, { access }, next) => {
  const refusal = (errorCode: number) => (topic: (typeof body)["topics"][number]) => ({
    name: topic.name,
    partitions: topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  });
  const refuseAll = (errorCode: number) => ({ throttleTimeMs: 0, topics: body.topics.map(refusal(errorCode)) });
  if (!access.allows("WRITE", "TRANSACTIONAL_ID", body.transactionalId)) return refuseAll(REFUSED);
  if (!access.allows("READ", "GROUP", body.groupId)) return refuseAll(errorCodes.GROUP_AUTHORIZATION_FAILED);
  const { allowed, refused } = parted(body.topics, ({ name }) => access.allows("READ", "TOPIC", name));
  if (refused.length === 0) return next(body);
  const answer = allowed.length > 0 ? await next({ ...body, topics: allowed }) : refuseAll(TOPIC_REFUSED);
  if (allowed.length === 0) return answer;
  return answer && { ...answer, topics: [...answer.topics, ...refused.map(refusal(TOPIC_REFUSED))] };
});

const describeProducersGuard: Guard = guardOf(describeProducersApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.topics, ({ name }) => access.allows("READ", "TOPIC", name));
  const answer = await next({ ...body, topics: allowed });
  const refusals = refused.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      errorCode: TOPIC_REFUSED,
      errorMessage: REFUSAL_WORDS.TOPIC,
      activeProducers: [],
    })),
  }));
  return answer && { ...answer, topics: [...answer.topics, ...refusals] };
});

/** Of a transaction only those topics are told that the caller may describe. */
const describeTransactionsGuard: Guard = guardOf(describeTransactionsApi, async (body, { access }, next) => {
  const { allowed, refused } = parted(body.transactionalIds, (id) => access.allows("DESCRIBE", "TRANSACTIONAL_ID", id));
  const answer = await next({ ...body, transactionalIds: allowed });
  if (!answer) return answer;
  const known = answer.transactionStates.map((state) => ({
    ...state,
    topics: state.topics.filter(({ topic }) => access.allows("DESCRIBE", "TOPIC", topic)),
  }));
  const refusals = refused.map((transactionalId) => ({
    errorCode: REFUSED,
    transactionalId,
    transactionState: "",
    transactionTimeoutMs: 0,
    transactionStartTimeMs: 0,
    producerId: 0,
    producerEpoch: 0,
    topics: [],
  }));
  return { ...answer, transactionStates: [...known, ...refusals] };
});

const listTransactionsGuard: Guard = guardOf(listTransactionsApi, async (body, { access }, next) => {
  const answer = await next(body);
  if (!answer) return answer;
  const isAllowed = ({ transactionalId }: { readonly transactionalId: string }): boolean =>
    access.allows("DESCRIBE", "TRANSACTIONAL_ID", transactionalId);
  return { ...answer, transactionStates: answer.transactionStates.filter(isAllowed) };
});

const writeTxnMarkersGuard: Guard = guardOf(writeTxnMarkersApi, (body, { access }, next) => {
  if (access.allowsOnCluster("CLUSTER_ACTION") || access.allowsOnCluster("ALTER")) return next(body);
  const errorCode = errorCodes.CLUSTER_AUTHORIZATION_FAILED;
  return {
    markers: body.markers.map(({ producerId, topics }) => ({
      producerId,
      topics: topics.map(({ name, partitionIndexes }) => ({
        name,
        partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, errorCode })),
      })),
    })),
  };
});

/** What APIs about transactions need. */
export const transactionGuards: readonly Guard[] = [
  initProducerIdGuard,
  addPartitionsToTxnGuard,
  addOffsetsToTxnGuard,
  endTxnGuard,
  txnOffsetCommitGuard,
  describeProducersGuard,
  describeTransactionsGuard,
  listTransactionsGuard,
  writeTxnMarkersGuard,
];
