import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorName } from "../kafka-protocol/error-codes.ts";
import { createTopicsApi } from "../kafka-protocol/messages/create-topics.ts";
import { deleteRecordsApi } from "../kafka-protocol/messages/delete-records.ts";
import { deleteTopicsApi } from "../kafka-protocol/messages/delete-topics.ts";
import { describeConfigsApi } from "../kafka-protocol/messages/describe-configs.ts";
import { describeLogDirsApi } from "../kafka-protocol/messages/describe-log-dirs.ts";
import { fetchApi } from "../kafka-protocol/messages/fetch.ts";
import { incrementalAlterConfigsApi } from "../kafka-protocol/messages/incremental-alter-configs.ts";
import { listOffsetsApi } from "../kafka-protocol/messages/list-offsets.ts";
import { metadataApi } from "../kafka-protocol/messages/metadata.ts";
import { produceApi } from "../kafka-protocol/messages/produce.ts";
import { encodeBatch, readBatchHeader, type BatchOptions } from "../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../kafka-protocol/record-iteration.ts";
import { connectForRequests, type RequestConnection } from "../kafka-protocol/request-connection.ts";
import { startBroker, type Broker, type BrokerOptions } from "./broker.ts";

let folder: string;
let broker: Broker;
let client: RequestConnection;

async function start(options: Partial<BrokerOptions> = {}): Promise<void> {
  broker = await startBroker({ dataDir: path.join(folder, "data"), ...options });
  client = await connectForRequests({ host: broker.host, port: broker.port });
}

async function stop(): Promise<void> {
  client.close();
  await broker.close();
}

beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-storage-"));
});
afterEach(async () => {
  await stop();
  await fs.rm(folder, { recursive: true, force: true });
});

/** Makes a topic and returns its id. */
async function create(name: string, configs: Readonly<Record<string, string>> = {}): Promise<string> {
  const wanted = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: wanted };
  const [made] = (await client.request(createTopicsApi, 7, { topics: [topic], timeoutMs: 1000, validateOnly: false })).topics;
  expect(made?.errorMessage).toBe(null);
  return made?.topicId ?? "";
}

type KeyValue = readonly [key: string | null, value: string | null];

async function produce(topic: string, pairs: readonly KeyValue[], options: BatchOptions = {}, timestampMs: number = Date.now()) {
  const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text));
  const records = encodeBatch(
    pairs.map(([key, value]) => ({ key: bytes(key), value: bytes(value), timestampMs })),
    options,
  );
  const body = { transactionalId: null, acks: -1, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index: 0, records }] }] };
  const answer = (await client.request(produceApi, 9, body)).responses[0]?.partitionResponses[0];
  return { error: errorName(answer?.errorCode ?? -1), recordErrors: answer?.recordErrors ?? [] };
}

async function fetchBytes(topic: string, fetchOffset: number): Promise<{ error: string; bytes: Buffer; logStartOffset: number }> {
  const limits = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, isolationLevel: 0, sessionId: 0, sessionEpoch: -1 };
  const topics = [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] }];
  const answer = (await client.request(fetchApi, 12, { ...limits, forgottenTopicsData: [], topics })).responses[0]?.partitions[0];
  const bytes = answer?.records ? Buffer.from(answer.records) : Buffer.alloc(0);
  return { error: errorName(answer?.errorCode ?? -1), bytes, logStartOffset: answer?.logStartOffset ?? -1 };
}

/** Every record from `fetchOffset` on. */
async function values(topic: string, fetchOffset: number): Promise<string[]> {
  const all: string[] = [];
  for (let next = fetchOffset; ;) {
    const { bytes } = await fetchBytes(topic, next);
    const found = decodeRecords(bytes, { fromOffset: next });
    const last = found.at(-1);
    if (!last) return all;
    all.push(...found.map((one) => `${one.offset}:${one.value?.toString().slice(0, 8)}`));
    next = last.offset + 1;
  }
}

async function offsetAt(topic: string, timestamp: number): Promise<number> {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }];
  return (await client.request(listOffsetsApi, 7, { replicaId: -1, isolationLevel: 0, topics })).topics[0]?.partitions[0]?.offset ?? NaN;
}

const EARLIEST = -2;
const LATEST = -1;

async function deleteRecords(topic: string, offset: number) {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }];
  const answer = (await client.request(deleteRecordsApi, 2, { topics, timeoutMs: 1000 })).topics[0]?.partitions[0];
  return { error: errorName(answer?.errorCode ?? -1), lowWatermark: answer?.lowWatermark };
}

async function change(topic: string, name: string, value: string, configOperation: number = 0): Promise<string> {
  const resources = [{ resourceType: 2, resourceName: topic, configs: [{ name, configOperation, value }] }];
  const answer = await client.request(incrementalAlterConfigsApi, 1, { resources, validateOnly: false });
  return errorName(answer.responses[0]?.errorCode ?? -1);
}

const large = (letter: string): KeyValue => [letter, letter.repeat(2000)];

describe("the first offset", () => {
  test("moves with DeleteRecords, is told everywhere, and is the same after a restart", async () => {
    await start();
    await create("t");
    for (let i = 0; i < 5; i++) await produce("t", [["k", `value ${i}`]]);
    expect(await deleteRecords("t", 3)).toEqual({ error: "NONE", lowWatermark: 3 });
    expect(await deleteRecords("t", 2), "never back").toEqual({ error: "NONE", lowWatermark: 3 });
    expect(await deleteRecords("t", 6)).toEqual({ error: "OFFSET_OUT_OF_RANGE", lowWatermark: -1 });
    expect(await deleteRecords("none", 0)).toMatchObject({ error: "UNKNOWN_TOPIC_OR_PARTITION" });
    for (const restart of [false, true]) {
      if (restart) {
        await stop();
        await start();
      }
      expect([await offsetAt("t", EARLIEST), await offsetAt("t", LATEST), await offsetAt("t", 0)]).toEqual([3, 5, 3]);
      expect(await fetchBytes("t", 2)).toMatchObject({ error: "OFFSET_OUT_OF_RANGE" });
      expect((await fetchBytes("t", 3)).logStartOffset).toBe(3);
      expect(await values("t", 3)).toEqual(["3:value 3", "4:value 4"]);
    }
    expect(await deleteRecords("t", -1), "up to the high watermark").toEqual({ error: "NONE", lowWatermark: 5 });
    expect(await offsetAt("t", EARLIEST)).toBe(5);
  });

  test("moves with retention.ms and retention.bytes, the last segment included", async () => {
    await start({ configs: { "log.retention.check.interval.ms": "20" } });
    await create("by-time", { "retention.ms": "1000" });
    await produce("by-time", [["a", "old"]], {}, Date.now() - 60_000);
    await expect.poll(() => offsetAt("by-time", EARLIEST), { timeout: 10_000 }).toBe(1);
    await produce("by-time", [["a", "new"]]);
    expect(await values("by-time", 1)).toEqual(["1:new"]);
    await create("by-size", { "retention.bytes": "5000", "internal.segment.bytes": "2500" });
    for (const letter of "abcdef") await produce("by-size", [large(letter)]);
    await expect.poll(() => offsetAt("by-size", EARLIEST), { timeout: 10_000 }).toBe(3);
    expect(await offsetAt("by-size", LATEST)).toBe(6);
  });
});

describe("a compacted topic", () => {
  test("keeps the last value of each key; a record without key is refused by its place", async () => {
    await start({ configs: { "log.cleaner.backoff.ms": "20" } });
    await create("t", { "cleanup.policy": "compact", "internal.segment.bytes": "2500", "min.cleanable.dirty.ratio": "0.01" });
    for (const letter of "abab") await produce("t", [large(letter)]);
    await produce("t", [large("c")]);
    await expect.poll(() => values("t", 0), { timeout: 10_000 }).toEqual(["2:aaaaaaaa", "3:bbbbbbbb", "4:cccccccc"]);
    expect([await offsetAt("t", EARLIEST), await offsetAt("t", LATEST)]).toEqual([0, 5]);
    const refused = await produce("t", [
      ["k", "v"],
      [null, "v"],
    ]);
    expect(refused).toMatchObject({ error: "INVALID_RECORD", recordErrors: [{ batchIndex: 1 }] });
    expect(await deleteRecords("t", 1)).toMatchObject({ error: "POLICY_VIOLATION" });
  });

  test("becomes one by APPEND, and none by SUBTRACT", async () => {
    await start();
    await create("t");
    expect(await change("t", "cleanup.policy", "compact", 2)).toBe("NONE");
    expect((await produce("t", [[null, "v"]])).error).toBe("INVALID_RECORD");
    expect(await change("t", "cleanup.policy", "compact", 3)).toBe("NONE");
    expect((await produce("t", [[null, "v"]])).error).toBe("NONE");
    expect(await change("t", "cleanup.policy", "shred")).toBe("INVALID_CONFIG");
  });
});

describe("what a topic stores", () => {
  test.each([
    ["gzip", 1],
    ["snappy", 2],
    ["lz4", 3],
    ["zstd", 4],
    ["uncompressed", 0],
  ] as const)("compression.type=%s packs batches anew, whatever the producer did", async (type, code) => {
    await start({ storage: "memory" });
    await create("t", { "compression.type": type });
    await produce("t", [
      ["a", "1"],
      ["b", "2"],
    ]);
    await produce("t", [["c", "3"]], { compression: type === "gzip" ? "lz4" : "gzip", producerId: 7, producerEpoch: 0, baseSequence: 0 });
    const { bytes } = await fetchBytes("t", 0);
    const first = readBatchHeader(bytes, 0, bytes.length);
    const second = typeof first === "object" ? readBatchHeader(bytes, first.end, bytes.length) : first;
    expect([first, second]).toMatchObject([{ attributes: code }, { attributes: code, producerId: 7, baseSequence: 0, baseOffset: 2 }]);
    expect(decodeRecords(bytes).map(({ value }) => value?.toString())).toEqual(["1", "2", "3"]);
  });

  test("times too far from the broker's clock are refused by their place, unless the broker stamps", async () => {
    await start({ storage: "memory" });
    const configs = { "message.timestamp.before.max.ms": "60000", "message.timestamp.after.max.ms": "60000" };
    await create("t", configs);
    await create("stamped", { ...configs, "message.timestamp.type": "LogAppendTime" });
    for (const timestampMs of [Date.now() - 120_000, Date.now() + 120_000]) {
      expect(await produce("t", [["a", "1"]], {}, timestampMs)).toMatchObject({
        error: "INVALID_TIMESTAMP",
        recordErrors: [{ batchIndex: 0 }],
      });
      expect((await produce("stamped", [["a", "1"]], {}, timestampMs)).error).toBe("NONE");
    }
    expect((await produce("t", [["a", "1"]])).error).toBe("NONE");
  });

  test("max.message.bytes holds for the batch as it is packed (F21)", async () => {
    await start({ storage: "memory" });
    await create("t", { "max.message.bytes": "3000000" });
    await create("small");
    const huge: KeyValue = ["k", "x".repeat(2_000_000)];
    expect((await produce("t", [huge])).error).toBe("NONE");
    expect((await produce("small", [huge])).error).toBe("MESSAGE_TOO_LARGE");
    expect((await produce("small", [huge], { compression: "gzip" })).error).toBe("NONE");
    expect((await fetchBytes("t", 0)).bytes.length).toBeGreaterThan(2_000_000);
  });
});

describe("memory", () => {
  test("holds topics, records and configs as long as the broker runs, and leaves nothing on the disk", async () => {
    const before = await fs.readdir(folder);
    await start({ storage: "memory" });
    await create("t", { "internal.segment.bytes": "2500" });
    for (const letter of "abcdef") await produce("t", [large(letter)]);
    expect(await values("t", 0)).toHaveLength(6);
    expect(await values("t", 5)).toEqual(["5:ffffffff"]);
    await deleteRecords("t", 4);
    expect(await offsetAt("t", EARLIEST)).toBe(4);
    expect(await fs.readdir(folder)).toEqual(before);
    await stop();
    await start({ storage: "memory" });
    const { topics } = await client.request(metadataApi, 12, { topics: null, allowAutoTopicCreation: false });
    expect(topics).toEqual([]);
  });
});

test("F24: a topic that is deleted and made again is another one", async () => {
  await start();
  const id = await create("t");
  await produce("t", [["k", "old"]]);
  const topics = [{ name: null, topicId: id }];
  const gone = await client.request(deleteTopicsApi, 6, { topics, topicNames: [], timeoutMs: 1000 });
  expect(gone.responses[0]).toMatchObject({ name: "t", errorCode: 0 });
  expect((await fetchBytes("t", 0)).error).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  const again = await create("t");
  expect(again).not.toBe(id);
  const asked = await client.request(metadataApi, 12, { topics: [{ name: null, topicId: id }], allowAutoTopicCreation: false });
  expect(errorName(asked.topics[0]?.errorCode ?? -1)).toBe("UNKNOWN_TOPIC_ID");
  expect((await fetchBytes("t", 1)).error).toBe("OFFSET_OUT_OF_RANGE");
  expect(await values("t", 0)).toEqual([]);
});

test("DescribeLogDirs tells each partition's bytes and the room there is", async () => {
  await start();
  await create("t");
  await produce("t", [["k", "v"]]);
  const { results } = await client.request(describeLogDirsApi, 4, { topics: [{ topic: "t", partitions: [0, 7] }] });
  const [dir] = results;
  expect(dir?.topics).toEqual([{ name: "t", partitions: [{ partitionIndex: 0, partitionSize: 70, offsetLag: 0, isFutureKey: false }] }]);
  expect(dir?.usableBytes).toBeGreaterThan(0);
});

test("configs of the broker are the defaults of topics, in the order of their sources", async () => {
  await start({ configs: { "log.retention.ms": "5000" } });
  await create("t");
  const described = async () => {
    const resources = [{ resourceType: 2, resourceName: "t", configurationKeys: ["retention.ms"] }];
    const answer = await client.request(describeConfigsApi, 4, { resources, includeSynonyms: true, includeDocumentation: false });
    const [config] = answer.results[0]?.configs ?? [];
    return [config?.value, config?.configSource, config?.synonyms.map(({ source }) => source)];
  };
  const alterBroker = async (name: string, resourceName: string, value: string): Promise<string> => {
    const resources = [{ resourceType: 4, resourceName, configs: [{ name, configOperation: 0, value }] }];
    return errorName(
      (await client.request(incrementalAlterConfigsApi, 1, { resources, validateOnly: false })).responses[0]?.errorCode ?? -1,
    );
  };
  expect(await described()).toEqual(["5000", 4, [4, 5]]);
  expect(await alterBroker("log.retention.ms", "", "6000")).toBe("NONE");
  expect(await alterBroker("log.retention.ms", "1", "7000")).toBe("NONE");
  expect(await alterBroker("num.partitions", "1", "7")).toBe("INVALID_REQUEST");
  expect(await described()).toEqual(["7000", 2, [2, 3, 4, 5]]);
  await stop();
  await start();
  expect(await described(), "dynamic configs survive, those of the command line do not").toEqual(["7000", 2, [2, 3, 5]]);
  expect(await change("t", "retention.ms", "8000")).toBe("NONE");
  expect(await described()).toEqual(["8000", 1, [1, 2, 3, 5]]);
});
