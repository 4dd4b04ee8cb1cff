import net from "node:net";
import { judgeSequence, noteBatch, type ProducerStates } from "../../broker/log/producer-state.ts";
import { apiTableOf } from "../../kafka-protocol/apis.ts";
import { errorCodes, type ErrorName } from "../../kafka-protocol/error-codes.ts";
import { createFrameSplitter, encodeResponse, readRequest, readRequestHeader } from "../../kafka-protocol/frame.ts";
import { apiVersionsApi } from "../../kafka-protocol/messages/api-versions.ts";
import { initProducerIdApi } from "../../kafka-protocol/messages/init-producer-id.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import { produceApi } from "../../kafka-protocol/messages/produce.ts";
import { createReader } from "../../kafka-protocol/reader.ts";
import { isCrcValid, readBatchHeader, type BatchHeader } from "../../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import type { RequestOf, ResponseDraft } from "../../kafka-protocol/schema.ts";

/**
 * What a broker of the script does with a batch: takes it by Kafka's rules; refuses it; takes it and answers with an error; ends the connection
 * before it takes it, or after, with no answer; takes it and never answers.
 */
export type Step = "take" | ErrorName | { readonly takeAnd: ErrorName } | "cut before" | "cut after" | "silence";

/** A batch as a broker of the script saw it, whether it took it or not. */
export type Attempt = {
  readonly node: number;
  readonly partition: number;
  readonly batch: BatchHeader;
  readonly step: Step;
  readonly atMs: number;
};

/** Brokers that do what a test says, with Kafka's rules for the sequences of producers. One topic, "t". Only for tests. */
export interface ScriptedCluster {
  readonly address: string;
  /** Values by partition, in the order of the log. */
  readonly log: string[][];
  readonly attempts: Attempt[];
  /** Who leads each partition. */
  readonly leaders: number[];
  /** Names a step for each batch; "take" for all if not given. */
  script: (partition: number, batch: BatchHeader, node: number) => Step;
  throttleMs: number;
  /** The largest batch that is taken. */
  maxBytes: number;
  /** No broker knows any producer any more. */
  forgetProducers(): void;
  close(): Promise<void>;
}

type ProduceRequest = RequestOf<typeof produceApi>;
type PartitionAnswer = ResponseDraft<typeof produceApi>["responses"][number]["partitionResponses"][number];

export async function startScriptedCluster(
  options: { readonly nodes?: number; readonly partitions?: number } = {},
): Promise<ScriptedCluster> {
  const { nodes = 1, partitions = 1 } = options;
  const states: ProducerStates[] = Array.from({ length: partitions }, () => new Map());
  const sockets = new Set<net.Socket>();
  const ports: number[] = [];
  let producers = 100;
  const cluster: ScriptedCluster = {
    address: "",
    log: Array.from({ length: partitions }, () => []),
    attempts: [],
    leaders: Array.from({ length: partitions }, (_, partition) => partition % nodes),
    script: () => "take",
    throttleMs: 0,
    maxBytes: Infinity,
    forgetProducers: () => states.forEach((known) => known.clear()),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };

  const append = (partition: number, records: Buffer, batch: BatchHeader): PartitionAnswer => {
    const known = states[partition] as ProducerStates;
    const log = cluster.log[partition] as string[];
    const refused = (error: ErrorName): PartitionAnswer => ({ index: partition, errorCode: errorCodes[error], baseOffset: -1 });
    if (!isCrcValid(records, batch)) return refused("CORRUPT_MESSAGE");
    if (records.length > cluster.maxBytes) return refused("MESSAGE_TOO_LARGE");
    const verdict = judgeSequence(known, batch);
    if (verdict.kind === "out of order") return refused("OUT_OF_ORDER_SEQUENCE_NUMBER");
    if (verdict.kind === "fenced") return refused("INVALID_PRODUCER_EPOCH");
    if (verdict.kind === "duplicate") return { index: partition, errorCode: 0, baseOffset: verdict.baseOffset };
    const baseOffset = log.length;
    noteBatch(known, { ...batch, baseOffset, lastOffset: baseOffset + batch.count - 1 });
    for (const { value } of decodeRecords(records)) log.push(String(value));
    return { index: partition, errorCode: 0, baseOffset };
  };

  const produce = (node: number, request: ProduceRequest): ResponseDraft<typeof produceApi> | "cut" | "silence" => {
    let end: "cut" | "silence" | undefined;
    const responses = request.topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index, records }): PartitionAnswer => {
        const bytes = Buffer.from(records as Buffer);
        const batch = readBatchHeader(bytes, 0, bytes.length) as BatchHeader;
        const step = cluster.leaders[index] === node ? cluster.script(index, batch, node) : "NOT_LEADER_OR_FOLLOWER";
        cluster.attempts.push({ node, partition: index, batch, step, atMs: performance.now() });
        if (step === "cut before" || end === "cut") {
          end = "cut";
          return { index, errorCode: 0, baseOffset: 0 };
        }
        if (typeof step === "string" && step in errorCodes) return { index, errorCode: errorCodes[step as ErrorName], baseOffset: -1 };
        const answer = append(index, bytes, batch);
        if (step === "cut after") end = "cut";
        if (step === "silence") end ??= "silence";
        return typeof step === "object" ? { ...answer, errorCode: errorCodes[step.takeAnd], baseOffset: -1 } : answer;
      }),
    }));
    return end ?? { responses, throttleTimeMs: cluster.throttleMs };
  };

  const serve = (node: number, socket: net.Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    const answer = (pieces: readonly Uint8Array[]): void => pieces.forEach((piece) => void socket.write(piece));
    const splitter = createFrameSplitter({
      maxFrameBytes: 2 ** 28,
      onFrame: (frame) => {
        if (socket.destroyed) return;
        const reader = createReader(frame);
        const { apiKey, apiVersion, correlationId } = readRequestHeader(reader);
        const api = apiTableOf(apiKey);
        if (api === apiVersionsApi) {
          const apiKeys = [apiVersionsApi, metadataApi, produceApi, initProducerIdApi].map(({ key, versions }) => ({
            apiKey: key,
            minVersion: versions[0],
            maxVersion: versions[1],
          }));
          answer(encodeResponse(apiVersionsApi, apiVersion, correlationId, { errorCode: 0, apiKeys }));
        } else if (api === metadataApi) {
          const { body } = readRequest(metadataApi, apiVersion, reader);
          const topics = (body.topics ?? []).map(({ name }) => ({
            errorCode: name === "t" ? 0 : errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
            name: name ?? null,
            partitions:
              name === "t"
                ? cluster.leaders.map((leaderId, partitionIndex) => ({
                    errorCode: 0,
                    partitionIndex,
                    leaderId,
                    replicaNodes: [],
                    isrNodes: [],
                  }))
                : [],
          }));
          const brokers = ports.map((port, nodeId) => ({ nodeId, host: "127.0.0.1", port, rack: null }));
          answer(encodeResponse(metadataApi, apiVersion, correlationId, { brokers, clusterId: "scripted", controllerId: 0, topics }));
        } else if (api === initProducerIdApi) {
          const body = { throttleTimeMs: 0, errorCode: 0, producerId: producers++, producerEpoch: 0 };
          answer(encodeResponse(initProducerIdApi, apiVersion, correlationId, body));
        } else {
          const { body } = readRequest(produceApi, apiVersion, reader);
          const result = produce(node, body);
          if (result === "cut") socket.destroy();
          else if (result !== "silence" && body.acks !== 0) answer(encodeResponse(produceApi, apiVersion, correlationId, result));
        }
      },
    });
    socket.on("data", (chunk) => splitter.push(chunk));
  };

  const servers = Array.from({ length: nodes }, (_, node) => net.createServer((socket) => serve(node, socket)));
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as net.AddressInfo).port);
  }
  return Object.assign(cluster, { address: `127.0.0.1:${ports[0]}` });
}
