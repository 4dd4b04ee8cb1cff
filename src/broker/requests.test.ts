import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { errorCodes, errorName } from "../kafka-protocol/error-codes.ts";
import { encodeRequest } from "../kafka-protocol/frame.ts";
import { apiVersionsApi } from "../kafka-protocol/messages/api-versions.ts";
import { createTopicsApi } from "../kafka-protocol/messages/create-topics.ts";
import { deleteTopicsApi } from "../kafka-protocol/messages/delete-topics.ts";
import { fetchApi } from "../kafka-protocol/messages/fetch.ts";
import { findCoordinatorApi } from "../kafka-protocol/messages/find-coordinator.ts";
import { heartbeatApi } from "../kafka-protocol/messages/heartbeat.ts";
import { initProducerIdApi } from "../kafka-protocol/messages/init-producer-id.ts";
import { joinGroupApi } from "../kafka-protocol/messages/join-group.ts";
import { listOffsetsApi } from "../kafka-protocol/messages/list-offsets.ts";
import { metadataApi } from "../kafka-protocol/messages/metadata.ts";
import { offsetCommitApi } from "../kafka-protocol/messages/offset-commit.ts";
import { offsetFetchApi } from "../kafka-protocol/messages/offset-fetch.ts";
import { produceApi } from "../kafka-protocol/messages/produce.ts";
import { syncGroupApi } from "../kafka-protocol/messages/sync-group.ts";
import { encodeBatch, type BatchOptions } from "../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../kafka-protocol/record-iteration.ts";
import { connectForRequests, type RequestConnection } from "../kafka-protocol/request-connection.ts";
import { joinPieces } from "../kafka-protocol/writer.ts";
import { startBroker, type Broker } from "./broker.ts";

let folder: string;
let broker: Broker;
const open: RequestConnection[] = [];
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-requests-"));
  broker = await startBroker({ dataDir: folder });
});
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});
afterAll(async () => {
  await broker.close();
  await fs.rm(folder, { recursive: true, force: true });
});

async function connect(host: string = "127.0.0.1"): Promise<RequestConnection> {
  const connection = await connectForRequests({ host, port: broker.port, clientId: "raw" });
  open.push(connection);
  return connection;
}

let topics = 0;
async function newTopic(client: RequestConnection, configs: readonly { name: string; value: string }[] = []): Promise<string> {
  const name = `raw-${topics++}`;
  const wanted = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs };
  const answer = await client.request(createTopicsApi, 5, { topics: [wanted], timeoutMs: 1000, validateOnly: false });
  expect(answer.topics[0]?.errorCode).toBe(0);
  return name;
}

const batch = (values: readonly string[], options: BatchOptions = {}): Buffer =>
  encodeBatch(
    values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 5 })),
    options,
  );

async function produce(client: RequestConnection, topic: string, records: Buffer, acks: number = -1, version: number = 9) {
  const body = { acks, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index: 0, records }] }] };
  const answer = (await client.request(produceApi, version, body)).responses[0]?.partitionResponses[0];
  return { error: errorName(answer?.errorCode ?? 0), baseOffset: answer?.baseOffset };
}

function fetchBody(topic: string, fetchOffset: number, limits: { maxWaitMs?: number; minBytes?: number; maxBytes?: number } = {}) {
  const partition = { partition: 0, fetchOffset, partitionMaxBytes: limits.maxBytes ?? 1_000_000 };
  return {
    maxWaitMs: limits.maxWaitMs ?? 0,
    minBytes: limits.minBytes ?? 1,
    maxBytes: limits.maxBytes ?? 1_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    topics: [{ topic, partitions: [partition] }],
  };
}

async function fetchValues(client: RequestConnection, topic: string, offset: number, limits: Parameters<typeof fetchBody>[2] = {}) {
  const answer = (await client.request(fetchApi, 11, fetchBody(topic, offset, limits))).responses[0]?.partitions[0];
  if (answer?.errorCode !== 0) return errorName(answer?.errorCode ?? 0);
  return decodeRecords(answer.records ?? Buffer.alloc(0)).map((record) => `${record.offset}:${record.value?.toString()}`);
}

describe("ApiVersions", () => {
  test("advertises Produce and JoinGroup from version 0, and only what is served", async () => {
    const answer = await (await connect()).request(apiVersionsApi, 3, { clientSoftwareName: "raw", clientSoftwareVersion: "1" });
    const ranges = new Map(answer.apiKeys.map((one) => [one.apiKey, [one.minVersion, one.maxVersion]]));
    expect(ranges.get(0)).toEqual([0, 9]);
    expect(ranges.get(11)).toEqual([0, 7]);
    expect(ranges.get(1)).toEqual([4, 12]);
    expect(ranges.has(46)).toBe(false);
  });

  test("an unknown version is answered with error 35 in the layout of version 0", async () => {
    const raw = await connect();
    const frame = joinPieces(
      encodeRequest(apiVersionsApi, 3, { correlationId: 0, clientId: "raw" }, { clientSoftwareName: "a", clientSoftwareVersion: "1" }),
    );
    frame.writeInt16BE(77, 6);
    raw.sendBytes(frame);
    const next = raw.request(apiVersionsApi, 0, {});
    await expect(next).resolves.toMatchObject({ errorCode: errorCodes.UNSUPPORTED_VERSION });
  });

  test("IPv6 loopback is served too", async () => {
    const hasIpv6 = Object.values(os.networkInterfaces()).some((all) => all?.some((one) => one.address === "::1"));
    const client = await connect(hasIpv6 ? "::1" : "127.0.0.1");
    expect((await client.request(apiVersionsApi, 0, {})).errorCode).toBe(0);
  });
});

describe("Produce", () => {
  test.each([3, 4, 5, 6, 7, 8, 9])("version %d stores and tells the offset", async (version) => {
    const client = await connect();
    const topic = await newTopic(client);
    expect(await produce(client, topic, batch(["a", "b"]), 1, version)).toEqual({ error: "NONE", baseOffset: 0 });
    expect(await produce(client, topic, batch(["c"]), -1, version)).toEqual({ error: "NONE", baseOffset: 2 });
    expect(await fetchValues(client, topic, 0)).toEqual(["0:a", "1:b", "2:c"]);
  });

  test("acks=0 has no answer, and the next request's answer comes", async () => {
    const client = await connect();
    const topic = await newTopic(client);
    const body = { acks: 0, timeoutMs: 1, topicData: [{ name: topic, partitionData: [{ index: 0, records: batch(["quiet"]) }] }] };
    client.sendBytes(joinPieces(encodeRequest(produceApi, 7, { correlationId: 1000, clientId: null }, body)));
    expect(await produce(client, topic, batch(["loud"]))).toEqual({ error: "NONE", baseOffset: 1 });
  });

  test("refuses what Kafka refuses, by Kafka's codes", async () => {
    const client = await connect();
    const topic = await newTopic(client, [{ name: "max.message.bytes", value: "500" }]);
    const damaged = batch(["a"]);
    damaged[damaged.length - 3] = 99;
    const old = batch(["a"]);
    old[16] = 1;
    const error = async (records: Buffer, acks?: number, version?: number) => (await produce(client, topic, records, acks, version)).error;
    expect(await error(damaged)).toBe("CORRUPT_MESSAGE");
    expect(await error(batch(["a"]).subarray(0, 50))).toBe("INVALID_RECORD");
    expect(await error(Buffer.alloc(0))).toBe("INVALID_RECORD");
    expect(await error(old)).toBe("INVALID_RECORD");
    expect(await error(Buffer.concat([batch(["a"]), batch(["b"])]))).toBe("INVALID_RECORD");
    expect(await error(batch(["x".repeat(600)]))).toBe("MESSAGE_TOO_LARGE");
    expect(await error(batch(["a"], { isControl: true }))).toBe("INVALID_RECORD");
    expect(await error(batch(["a"], { compression: "zstd" }), -1, 6)).toBe("UNSUPPORTED_COMPRESSION_TYPE");
    expect(await error(batch(["a"]), 7)).toBe("INVALID_REQUIRED_ACKS");
    await expect(produce(await connect(), topic, batch(["a"]), -1, 2), "message sets of old").rejects.toThrow();
    expect((await produce(client, "nowhere", batch(["a"]))).error).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    expect(await fetchValues(client, topic, 0)).toEqual([]);
    const strict = await newTopic(client, [{ name: "min.insync.replicas", value: "2" }]);
    expect((await produce(client, strict, batch(["a"]))).error, "a topic never needs more replicas than it has").toBe("NONE");
    expect((await produce(client, strict, batch(["a"]), 1)).error).toBe("NONE");
  });

  test("a batch that comes again is stored once and gets its first offset", async () => {
    const client = await connect();
    const topic = await newTopic(client);
    const { producerId, producerEpoch } = await client.request(initProducerIdApi, 4, { transactionalId: null, transactionTimeoutMs: 0 });
    const sent = (baseSequence: number) => batch([`s${baseSequence}`], { producerId, producerEpoch, baseSequence });
    const answers = await Promise.all([0, 1, 0, 2, 1].map((sequence) => produce(client, topic, sent(sequence))));
    expect(answers.map((one) => one.baseOffset)).toEqual([0, 1, 0, 2, 1]);
    expect((await produce(client, topic, sent(9))).error).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    expect(await fetchValues(client, topic, 0)).toEqual(["0:s0", "1:s1", "2:s2"]);
  });

  test("log append time is the broker's", async () => {
    const client = await connect();
    const topic = await newTopic(client, [{ name: "message.timestamp.type", value: "LogAppendTime" }]);
    const before = Date.now();
    await produce(client, topic, batch(["a"]));
    const answer = await client.request(fetchApi, 11, fetchBody(topic, 0));
    const [record] = decodeRecords(answer.responses[0]?.partitions[0]?.records ?? Buffer.alloc(0));
    expect(record?.timestampMs).toBeGreaterThanOrEqual(before);
  });
});

describe("Fetch", () => {
  test.each([4, 5, 7, 10, 11, 12])("version %d: from within a batch, over the limit, behind the end", async (version) => {
    const client = await connect();
    const topic = await newTopic(client);
    await produce(client, topic, batch(["a", "b", "c"]));
    const answer = await client.request(fetchApi, version, fetchBody(topic, 1, { maxBytes: 1 }));
    const partition = answer.responses[0]?.partitions[0];
    expect(decodeRecords(partition?.records ?? Buffer.alloc(0)).map((one) => one.offset)).toEqual([0, 1, 2]);
    expect(partition).toMatchObject({ highWatermark: 3, lastStableOffset: 3 });
    expect(await fetchValues(client, topic, 3)).toEqual([]);
    expect(await fetchValues(client, topic, 4)).toBe("OFFSET_OUT_OF_RANGE");
    expect(await fetchValues(client, topic, -1)).toBe("OFFSET_OUT_OF_RANGE");
    expect(await fetchValues(client, "nowhere", 0)).toBe("UNKNOWN_TOPIC_OR_PARTITION");
  });

  test("an append wakes a waiting fetch long before its time is over", async () => {
    const [reader, writer] = [await connect(), await connect()];
    const topic = await newTopic(writer);
    const start = performance.now();
    const waiting = fetchValues(reader, topic, 0, { maxWaitMs: 20_000 });
    await produce(writer, topic, batch(["wake"]));
    expect(await waiting).toEqual(["0:wake"]);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test("fewer than the least bytes are waited for, and given when the time is over", async () => {
    const [reader, writer] = [await connect(), await connect()];
    const topic = await newTopic(writer);
    await produce(writer, topic, batch(["small"]));
    expect(await fetchValues(reader, topic, 0, { minBytes: 100_000, maxWaitMs: 30 })).toEqual(["0:small"]);
    const waiting = fetchValues(reader, topic, 0, { minBytes: 1000, maxWaitMs: 20_000 });
    await produce(writer, topic, batch(["x".repeat(1000)]));
    expect(await waiting).toHaveLength(2);
  });

  test("deleting a topic wakes who waits for it, and a new one of that name is empty", async () => {
    const [reader, writer] = [await connect(), await connect()];
    const topic = await newTopic(writer);
    await produce(writer, topic, batch(["old"]));
    const waiting = fetchValues(reader, topic, 1, { maxWaitMs: 20_000 });
    const deleted = await writer.request(deleteTopicsApi, 4, { topicNames: [topic], timeoutMs: 1000 });
    expect(deleted.responses[0]?.errorCode).toBe(0);
    expect(await waiting).toBe("UNKNOWN_TOPIC_OR_PARTITION");
    const wanted = { name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    await writer.request(createTopicsApi, 5, { topics: [wanted], timeoutMs: 1000, validateOnly: false });
    expect(await produce(writer, topic, batch(["new"]))).toEqual({ error: "NONE", baseOffset: 0 });
    expect(await fetchValues(reader, topic, 0)).toEqual(["0:new"]);
  });

  test("answers keep the order of the requests, also behind one that waits", async () => {
    const [reader, writer] = [await connect(), await connect()];
    const topic = await newTopic(writer);
    const order: string[] = [];
    const waiting = reader.request(fetchApi, 11, fetchBody(topic, 0, { maxWaitMs: 20_000 })).then(() => order.push("fetch"));
    const behind = reader.request(metadataApi, 1, { topics: [] }).then(() => order.push("metadata"));
    await produce(writer, topic, batch(["go"]));
    await Promise.all([waiting, behind]);
    expect(order).toEqual(["fetch", "metadata"]);
  });
});

describe("groups on the wire", () => {
  const join = (groupId: string, memberId: string, version: number = 5) => ({
    version,
    body: {
      groupId,
      sessionTimeoutMs: 6000,
      rebalanceTimeoutMs: 1000,
      memberId,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: Buffer.from("m") }],
    },
  });

  test("a new member is told its id first from version 4 on, and generations fence", async () => {
    const client = await connect();
    const first = join("fenced", "");
    const told = await client.request(joinGroupApi, first.version, first.body);
    expect(errorName(told.errorCode)).toBe("MEMBER_ID_REQUIRED");
    const again = join("fenced", told.memberId);
    const joined = await client.request(joinGroupApi, again.version, again.body);
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, leader: told.memberId, protocolName: "range" });
    const { memberId, generationId } = joined;
    const base = { groupId: "fenced", memberId, generationId };
    const assignments = [{ memberId, assignment: Buffer.from("mine") }];
    const synced = await client.request(syncGroupApi, 3, { ...base, assignments });
    expect(synced.assignment.toString()).toBe("mine");
    const beat = async (over: Partial<typeof base>) => errorName((await client.request(heartbeatApi, 3, { ...base, ...over })).errorCode);
    expect(await beat({})).toBe("NONE");
    expect(await beat({ generationId: 0 })).toBe("ILLEGAL_GENERATION");
    expect(await beat({ memberId: "stranger" })).toBe("UNKNOWN_MEMBER_ID");
    expect(await beat({ groupId: "unheard-of" })).toBe("UNKNOWN_MEMBER_ID");
    const odd = join("fenced", "");
    const refused = await client.request(joinGroupApi, 3, { ...odd.body, protocols: [{ name: "other", metadata: Buffer.alloc(0) }] });
    expect(errorName(refused.errorCode)).toBe("INCONSISTENT_GROUP_PROTOCOL");
    const short = await client.request(joinGroupApi, 3, { ...odd.body, groupId: "short", sessionTimeoutMs: 10 });
    expect(errorName(short.errorCode)).toBe("INVALID_SESSION_TIMEOUT");
  });

  test("a member that does not join again is out when the rebalance ends", async () => {
    const [one, two] = [await connect(), await connect()];
    const joinOnce = (client: RequestConnection, memberId: string = "") => {
      const { body } = join("leaving", memberId);
      return client.request(joinGroupApi, 3, body);
    };
    const first = await joinOnce(one);
    await one.request(syncGroupApi, 3, { groupId: "leaving", memberId: first.memberId, generationId: 1, assignments: [] });
    const second = joinOnce(two);
    const base = { groupId: "leaving", memberId: first.memberId, generationId: 1 };
    expect(errorName((await one.request(heartbeatApi, 3, base)).errorCode)).toBe("REBALANCE_IN_PROGRESS");
    const joined = await second;
    expect(joined).toMatchObject({ errorCode: 0, generationId: 2 });
    expect(joined.members.map((member) => member.memberId)).toEqual([joined.memberId]);
    expect(errorName((await one.request(heartbeatApi, 3, base)).errorCode)).toBe("UNKNOWN_MEMBER_ID");
  });

  test.each([2, 5, 8])(
    "OffsetCommit v%d: metadata comes back as sent, and a stranger may not commit into a live group",
    async (version) => {
      const client = await connect();
      const topic = await newTopic(client);
      const partition = { partitionIndex: 0, committedOffset: 42, committedMetadata: "späte Grüße" };
      const body = {
        groupId: `commits-${version}`,
        topics: [{ name: topic, partitions: [partition, { ...partition, partitionIndex: 9 }] }],
      };
      const answer = await client.request(offsetCommitApi, version, body);
      expect(answer.topics[0]?.partitions.map((one) => errorName(one.errorCode))).toEqual(["NONE", "UNKNOWN_TOPIC_OR_PARTITION"]);
      const fetched = await client.request(offsetFetchApi, 5, {
        groupId: body.groupId,
        topics: [{ name: topic, partitionIndexes: [0, 1] }],
      });
      expect(fetched.topics[0]?.partitions).toMatchObject([
        { committedOffset: 42, metadata: "späte Grüße" },
        { committedOffset: -1, metadata: "" },
      ]);
      const { body: joining } = join(body.groupId, "");
      await client.request(joinGroupApi, 3, joining);
      const late = await client.request(offsetCommitApi, version, body);
      expect(errorName(late.topics[0]?.partitions[0]?.errorCode ?? 0)).toBe("UNKNOWN_MEMBER_ID");
    },
  );
});

test("ListOffsets tells start, end and the latest time; FindCoordinator names this broker", async () => {
  const client = await connect();
  const topic = await newTopic(client);
  await produce(client, topic, encodeBatch([9, 30, 20].map((timestampMs) => ({ key: null, value: null, timestampMs }))));
  const at = async (timestamp: number) => {
    const answer = await client.request(listOffsetsApi, 7, {
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
    });
    const partition = answer.topics[0]?.partitions[0];
    return [partition?.offset, partition?.timestamp];
  };
  expect(await at(-2)).toEqual([0, -1]);
  expect(await at(-1)).toEqual([3, -1]);
  expect(await at(-3)).toEqual([1, 30]);
  expect(await at(10)).toEqual([1, 30]);
  expect(await at(31)).toEqual([-1, -1]);
  const found = await client.request(findCoordinatorApi, 4, { coordinatorKeys: ["g"] });
  expect(found.coordinators[0]).toMatchObject({ key: "g", host: "127.0.0.1", port: broker.port, errorCode: 0 });
});

describe("broken frames end their own connection and nothing else", () => {
  const isAlive = async () => expect((await (await connect()).request(apiVersionsApi, 0, {})).errorCode).toBe(0);

  test.each([
    ["a length that is too large", Buffer.from("7fffffff", "hex")],
    ["a negative length", Buffer.from("ffffffff00", "hex")],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["an unknown API", Buffer.from("0000000a" + "03e7" + "0000" + "00000001" + "ffff", "hex")],
    ["a version that is not served", Buffer.from("0000000a" + "0001" + "0063" + "00000001" + "ffff", "hex")],
    ["an empty frame", Buffer.from("00000000", "hex")],
    ["a message that ends early", Buffer.from("0000000c" + "0003" + "0001" + "00000001" + "ffff" + "0000", "hex")],
    ["a list of two thousand million", Buffer.from("0000000e" + "0003" + "0001" + "00000001" + "ffff" + "7fffffff", "hex")],
  ])("%s", async (_what, bytes) => {
    const client = await connect();
    client.sendBytes(bytes);
    await client.ended;
    await isAlive();
  });

  test("random bytes in frames of every API are answered or end the connection", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 70 }),
        fc.integer({ min: 0, max: 13 }),
        fc.uint8Array({ maxLength: 120 }),
        async (key, version, noise) => {
          const client = await connect();
          const frame = Buffer.alloc(12 + 2 + noise.length);
          frame.writeInt32BE(frame.length - 4, 0);
          frame.writeInt16BE(key, 4);
          frame.writeInt16BE(version, 6);
          frame.writeInt16BE(-1, 12);
          frame.set(noise, 14);
          client.sendBytes(frame);
          const alive = client.request(apiVersionsApi, 0, {}).then(
            () => true,
            () => false,
          );
          await Promise.race([alive, client.ended]);
          client.close();
        },
      ),
      { numRuns: 150 },
    );
    await isAlive();
  });

  test("a client that goes away in the midst of a frame or a long poll leaves nothing behind", async () => {
    const client = await connect();
    const topic = await newTopic(client);
    void client.request(fetchApi, 11, fetchBody(topic, 0, { maxWaitMs: 60_000 })).catch(() => undefined);
    client.sendBytes(Buffer.from("000000ff0003", "hex"));
    client.close();
    await client.ended;
    await isAlive();
  });
});
