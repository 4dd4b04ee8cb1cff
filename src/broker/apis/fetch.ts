import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { fetchApi } from "../../kafka-protocol/messages/fetch.ts";
import type { RequestOf } from "../../kafka-protocol/schema.ts";
import { handlerOf, type ApiHandler, type RequestContext } from "../api-handler.ts";
import type { AbortedRange } from "../log/aborted-transactions.ts";
import type { PartitionLog } from "../log/partition-log.ts";

type FetchRequest = RequestOf<typeof fetchApi>;
type FetchPartition = FetchRequest["topics"][number]["partitions"][number];

interface PartitionAnswer {
  readonly partitionIndex: number;
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** Null to those who read uncommitted. */
  readonly abortedTransactions: readonly AbortedRange[] | null;
  readonly records: readonly Uint8Array[];
}

interface Round {
  readonly responses: readonly { readonly topic: string; readonly partitions: readonly PartitionAnswer[] }[];
  readonly bytes: number;
  readonly failed: boolean;
}

const LEADER_EPOCH = 0;
const READ_COMMITTED = 1;

function faultOf(log: PartitionLog | undefined, partition: FetchPartition, replicaId: number): number {
  if (!log) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
  if (replicaId >= 0) return errorCodes.NOT_LEADER_OR_FOLLOWER;
  if (partition.currentLeaderEpoch > LEADER_EPOCH) return errorCodes.UNKNOWN_LEADER_EPOCH;
  if (partition.fetchOffset < log.startOffset || partition.fetchOffset > log.endOffset) return errorCodes.OFFSET_OUT_OF_RANGE;
  return errorCodes.NONE;
}

/** How far a request may read a log. */
const readableEnd = (log: PartitionLog, { isolationLevel }: FetchRequest): number =>
  isolationLevel === READ_COMMITTED ? log.lastStableOffset : log.endOffset;

/** Reads every partition once. The first batch of the whole answer comes whatever its size (KIP-74). */
async function readRound(request: FetchRequest, context: RequestContext): Promise<Round> {
  const { catalog, settings } = context.broker;
  let left = Math.min(request.maxBytes, settings.maxFetchBytes);
  let bytes = 0;
  let failed = false;
  const isCommitted = request.isolationLevel === READ_COMMITTED;
  const responses: { topic: string; partitions: PartitionAnswer[] }[] = [];
  for (const { topic, partitions } of request.topics) {
    const answers: PartitionAnswer[] = [];
    for (const partition of partitions) {
      const log = catalog.get(topic)?.partitions[partition.partition];
      let errorCode = faultOf(log, partition, request.replicaId);
      let records: readonly Uint8Array[] = [];
      let aborted: readonly AbortedRange[] | null = null;
      if (log && errorCode === errorCodes.NONE) {
        try {
          const most = Math.min(left, partition.partitionMaxBytes);
          const read = log.read(partition.fetchOffset, most, bytes === 0, readableEnd(log, request));
          records = read instanceof Promise ? await read : read;
          if (isCommitted) aborted = log.abortedIn(partition.fetchOffset, records);
        } catch {
          errorCode = errorCodes.KAFKA_STORAGE_ERROR;
        }
      }
      failed ||= errorCode !== errorCodes.NONE;
      for (const piece of records) bytes += piece.length;
      left = Math.max(0, Math.min(request.maxBytes, settings.maxFetchBytes) - bytes);
      answers.push({
        partitionIndex: partition.partition,
        errorCode,
        highWatermark: log && errorCode === errorCodes.NONE ? log.endOffset : -1,
        lastStableOffset: log && errorCode === errorCodes.NONE ? log.lastStableOffset : -1,
        logStartOffset: log && errorCode === errorCodes.NONE ? log.startOffset : -1,
        abortedTransactions: errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION ? [] : aborted,
        records,
      });
    }
    responses.push({ topic, partitions: answers });
  }
  return { responses, bytes, failed };
}

/**
 * Resolves when `wanted` more bytes have become readable, a log went away, the time is over or the client is gone. To read_committed what
 * is written becomes readable when a last stable offset moves.
 */
function waitForBytes(request: FetchRequest, context: RequestContext, wanted: number, until: number): Promise<void> {
  return new Promise((resolve) => {
    let more = 0;
    const stops: (() => void)[] = [];
    const done = (): void => {
      clearTimeout(timer);
      context.signal.removeEventListener("abort", done);
      for (const stop of stops) stop();
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, until - performance.now()));
    context.signal.addEventListener("abort", done, { once: true });
    for (const { topic, partitions } of request.topics) {
      for (const partition of partitions) {
        const log = context.broker.catalog.get(topic)?.partitions[partition.partition];
        if (!log) continue;
        const before = readableEnd(log, request);
        const isCommitted = request.isolationLevel === READ_COMMITTED;
        const stop = log.listen((bytes) => {
          more += bytes;
          const isEnough = isCommitted ? readableEnd(log, request) > before : more >= wanted;
          if (bytes < 0 || isEnough) done();
        });
        stops.push(stop);
      }
    }
    if (context.signal.aborted) done();
  });
}

function endsOf(request: FetchRequest, context: RequestContext): number {
  let sum = 0;
  for (const { topic, partitions } of request.topics) {
    for (const { partition } of partitions) {
      const log = context.broker.catalog.get(topic)?.partitions[partition];
      if (log) sum += readableEnd(log, request);
    }
  }
  return sum;
}

/**
 * Fetch. Every request is answered in full: the broker keeps no fetch sessions (KIP-227) and says so with session id 0. A client that has
 * enough to read is answered at once; else the request waits and the append that completes it wakes it.
 */
export const fetchHandler: ApiHandler = handlerOf(fetchApi, [4, 12], async (request, context) => {
  const session = { throttleTimeMs: 0, errorCode: errorCodes.NONE, sessionId: 0 };
  if (request.sessionId !== 0 && request.sessionEpoch > 0) {
    return { ...session, errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND, responses: [] };
  }
  if (request.isolationLevel > READ_COMMITTED || request.isolationLevel < 0) {
    const errorCode = errorCodes.UNKNOWN_SERVER_ERROR;
    const none = { errorCode, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: [], records: [] };
    const responses = request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partitionIndex: partition, ...none })),
    }));
    return { ...session, errorCode, responses };
  }
  const until = performance.now() + request.maxWaitMs;
  for (;;) {
    const ends = endsOf(request, context);
    const round = await readRound(request, context);
    const isEnough = round.bytes >= request.minBytes || round.failed || request.topics.length === 0;
    if (isEnough || performance.now() >= until || context.signal.aborted) return { ...session, responses: round.responses };
    if (endsOf(request, context) === ends) await waitForBytes(request, context, request.minBytes - round.bytes, until);
  }
});
