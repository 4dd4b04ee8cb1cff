import { spawn } from "node:child_process";
import type { Kafka } from "kafkajs";
import { systemClock } from "../../../src/base/clock.ts";
import { errorCodes, errorName } from "../../../src/kafka-protocol/error-codes.ts";
import { createTopicsApi } from "../../../src/kafka-protocol/messages/create-topics.ts";
import { fetchApi } from "../../../src/kafka-protocol/messages/fetch.ts";
import { listOffsetsApi } from "../../../src/kafka-protocol/messages/list-offsets.ts";
import { produceApi } from "../../../src/kafka-protocol/messages/produce.ts";
import { encodeBatch, type BatchOptions, type RecordToWrite } from "../../../src/kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../../src/kafka-protocol/record-iteration.ts";
import type { ApiTable, RequestDraft, ResponseOf } from "../../../src/kafka-protocol/schema.ts";
import { createKafkaJs } from "../../../src/kafka/kafkajs-adapter.ts";
import type { JavaTools, ToolOptions, ToolResult } from "./java-tools.ts";
import { connectRaw, type RawClient } from "./raw-client.ts";
import { KAFKAJS_CLIENT_ID } from "./request-tap.ts";

/** A listener with TLS or a login, where the broker has it. */
export interface SecureListeners {
  /** Bootstrap lists. */
  readonly ssl: string;
  readonly saslPlaintext: string;
  readonly saslSsl: string;
  /** The file of the certificate that clients trust, as PEM, and its text. */
  readonly certificateFile: string;
  readonly certificate: string;
}

/** One of the two brokers that a scenario runs against. */
export interface Target {
  readonly name: "embedded" | "kafka";
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly secure?: SecureListeners;
}

/** Programs that a run has. */
export interface Programs {
  readonly java: JavaTools | undefined;
  readonly kcat: string | undefined;
  /** A folder for the files of tools. */
  readonly folder: string;
}

export interface TopicPlan {
  readonly name: string;
  readonly partitions?: number;
  readonly configs?: Readonly<Record<string, string>>;
}

/** A record as steps show it: texts, null where there is none. */
export interface ShownRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestampMs: number;
  readonly headers?: Readonly<Record<string, string | null>>;
}

/** What a step works with at one of the targets. */
export interface Place {
  readonly target: Target;
  readonly programs: Programs;
  /** A connection that all steps of a theme share; another one follows where it was closed. */
  ask<A extends ApiTable>(api: A, version: number, body: RequestDraft<A>): Promise<ResponseOf<A> | "closed">;
  /** The same, and a broker that closes the connection is a mistake of the step. */
  get<A extends ApiTable>(api: A, version: number, body: RequestDraft<A>): Promise<ResponseOf<A>>;
  /** A connection of its own. Steps close it. */
  connect(): Promise<RawClient>;
  /** kafkajs with its defaults but for few retries. */
  readonly kafkajs: Kafka;
  /** Creates topics and waits until they can be written to. */
  topics(...plans: readonly (TopicPlan | string)[]): Promise<void>;
  /** Appends one batch; its base offset. Throws where the broker refuses it. */
  append(topic: string, partition: number, records: readonly RecordToWrite[], options?: BatchOptions): Promise<number>;
  /** Every record from an offset to the end, by frames. */
  read(topic: string, partition?: number, from?: number, isolationLevel?: 0 | 1): Promise<ShownRecord[]>;
  /** kcat with `-b`; stdin is `input`. */
  kcat(args: readonly string[], input?: string): Promise<ToolResult>;
  /** A tool of Kafka's by its main class, without the package org.apache.kafka.tools. "@" in the arguments stands for the bootstrap address. */
  java(main: string, args: readonly string[], options?: ToolOptions): Promise<ToolResult>;
  /** Ends the shared connection; the next request makes a new one. */
  close(): void;
}

const KCAT_TIMEOUT_MS = 35_000;
/** For metadata: a TLS that Java has just begun to compile may take longer than kcat's five. */
const KCAT_PATIENCE = ["-m", "25"];
const READY_MS = 20_000;
const FETCH_BYTES = 50_000_000;

/** A record with texts. */
export function record(value: string | null, timestampMs: number = 1_700_000_000_000, key: string | null = null): RecordToWrite {
  return { key: key === null ? null : Buffer.from(key), value: value === null ? null : Buffer.from(value), timestampMs };
}

/** Waits until something is so; says what where it does not become so. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, withinMs: number = READY_MS): Promise<T> {
  const deadline = systemClock.monotonicMs() + withinMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (systemClock.monotonicMs() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await systemClock.sleep(15);
  }
}

function runProgram(program: string, args: readonly string[], input: string): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "pipe", signal: AbortSignal.timeout(KCAT_TIMEOUT_MS), killSignal: "SIGKILL" });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.once("error", (cause) => (cause.name === "AbortError" ? resolve({ exit: -1, out, err }) : reject(cause)));
    child.once("close", (code) => resolve({ exit: code ?? -1, out, err }));
  });
}

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString("utf8"));

/** A place at a target. Themes have one each, so that they may run side by side. */
export function placeAt(target: Target, programs: Programs): Place {
  let shared: Promise<RawClient> | undefined;
  const ask: Place["ask"] = async (api, version, body) => {
    const client = await (shared ??= connectRaw(target.port, target.host));
    const answer = await client.ask(api, version, body);
    if (answer === "closed") shared = undefined;
    return answer;
  };
  const get: Place["get"] = async (api, version, body) => {
    const answer = await ask(api, version, body);
    if (answer === "closed") throw new Error(`the broker closed the connection at ${api.name} v${version}`);
    return answer;
  };
  const topics: Place["topics"] = async (...plans) => {
    const wanted = plans.map((plan) => (typeof plan === "string" ? { name: plan } : plan));
    const made = await get(createTopicsApi, 5, {
      timeoutMs: 10_000,
      validateOnly: false,
      topics: wanted.map(({ name, partitions = 1, configs = {} }) => ({
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        assignments: [],
        configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
      })),
    });
    const fault = made.topics.find(({ errorCode }) => errorCode !== errorCodes.NONE);
    if (fault) throw new Error(`cannot create ${fault.name}: ${errorName(fault.errorCode)}, ${fault.errorMessage}`);
    await eventually(`topics ${wanted.map(({ name }) => name).join(", ")}`, async () => {
      const offsets = await get(listOffsetsApi, 5, {
        replicaId: -1,
        isolationLevel: 0,
        topics: wanted.map(({ name, partitions = 1 }) => ({
          name,
          partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 })),
        })),
      });
      return offsets.topics.every((one) => one.partitions.every(({ errorCode }) => errorCode === errorCodes.NONE)) || undefined;
    });
  };
  return {
    target,
    programs,
    ask,
    get,
    connect: () => connectRaw(target.port, target.host),
    kafkajs: createKafkaJs({ brokers: [target.address], clientId: KAFKAJS_CLIENT_ID }, 2),
    topics,
    append: async (topic, partition, records, options = {}) => {
      const answer = await get(produceApi, 7, {
        transactionalId: null,
        acks: -1,
        timeoutMs: 10_000,
        topicData: [{ name: topic, partitionData: [{ index: partition, records: encodeBatch(records, options) }] }],
      });
      const { errorCode = -1, baseOffset = -1 } = answer.responses[0]?.partitionResponses[0] ?? {};
      if (errorCode !== errorCodes.NONE) throw new Error(`cannot append to ${topic}-${partition}: ${errorName(errorCode)}`);
      return baseOffset;
    },
    read: async (topic, partition = 0, from = 0, isolationLevel = 0) => {
      const shown: ShownRecord[] = [];
      for (let at = from; ;) {
        const answer = await get(fetchApi, 11, {
          maxWaitMs: 100,
          minBytes: 1,
          maxBytes: FETCH_BYTES,
          isolationLevel,
          topics: [{ topic, partitions: [{ partition, fetchOffset: at, partitionMaxBytes: FETCH_BYTES }] }],
          forgottenTopicsData: [],
        });
        const found = answer.responses[0]?.partitions[0];
        if (!found || found.errorCode !== errorCodes.NONE) throw new Error(`cannot read ${topic}: ${errorName(found?.errorCode ?? -1)}`);
        const records = decodeRecords(found.records ?? Buffer.alloc(0), { fromOffset: at });
        const last = records.at(-1);
        if (!last) return shown;
        for (const { offset, key, value, timestampMs, headers } of records)
          shown.push({
            offset,
            key: text(key),
            value: text(value),
            timestampMs,
            ...(headers.length > 0 ? { headers: Object.fromEntries(headers.map(([name, given]) => [name, text(given)])) } : {}),
          });
        at = last.offset + 1;
      }
    },
    kcat: (args, input = "") => runProgram(programs.kcat ?? "kcat", ["-b", target.address, ...KCAT_PATIENCE, ...args], input),
    java: (main, args, options) => {
      if (!programs.java) throw new Error("no Java tools in this run");
      const bound = args.map((one) => (one === "@" ? target.address : one));
      return programs.java.run(
        main.includes("org.") || main.startsWith("kafka.") ? main : `org.apache.kafka.tools.${main}`,
        bound,
        options,
      );
    },
    close: () => {
      void shared?.then((client) => client.close());
      shared = undefined;
    },
  };
}
