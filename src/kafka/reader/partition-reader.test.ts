import net from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../base/clock.ts";
import { apiTableOf } from "../../kafka-protocol/apis.ts";
import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { createFrameSplitter, encodeResponse, readRequest, readRequestHeader } from "../../kafka-protocol/frame.ts";
import { apiVersionsApi } from "../../kafka-protocol/messages/api-versions.ts";
import { fetchApi } from "../../kafka-protocol/messages/fetch.ts";
import { listOffsetsApi } from "../../kafka-protocol/messages/list-offsets.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import { createReader } from "../../kafka-protocol/reader.ts";
import { encodeBatch } from "../../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../kafka-protocol/record-iteration.ts";
import { kafkaFormat } from "../source.ts";
import { startTestCluster, type TestCluster } from "../test-cluster.ts";
import { Cluster } from "../wire/cluster.ts";
import { PartitionReader } from "./partition-reader.ts";

const never = new AbortController().signal;
const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function openReader(brokers: readonly string[], bytes?: number): PartitionReader {
  const cluster = new Cluster({ brokers }, systemClock);
  const reader = new PartitionReader({ cluster, clock: systemClock, ...(bytes === undefined ? {} : { bytes }) });
  closers.push(async () => {
    reader.close();
    await cluster.close();
  });
  return reader;
}

describe("back-pressure", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTestCluster();
    await cluster.client.topics.create({ topic: "big", partitions: 2 });
    const value = "x".repeat(4000);
    for (let i = 0; i < 40; i++) await cluster.append("big", 0, Array<string>(100).fill(value));
  });
  afterAll(() => cluster.close());

  test("no more is read ahead than two shares of the memory, and the rest comes as room is made", async () => {
    const share = 1024 * 1024;
    const reader = openReader([cluster.address], share);
    reader.seek("big", 0, 0);
    await reader.wait(() => reader.peek("big", 0) !== undefined, [], never);
    await new Promise((resolve) => setTimeout(resolve, 300));
    let next = 0;
    let ahead = 0;
    for (let fetched = reader.peek("big", 0); fetched; fetched = reader.peek("big", 0)) {
      ahead += fetched.bytes.length;
      next = fetched.next;
      reader.shift("big", 0);
    }
    expect(ahead).toBeGreaterThan(share);
    expect(ahead).toBeLessThanOrEqual(3 * share);
    while (next < 4000) {
      await reader.wait(() => reader.peek("big", 0) !== undefined, [{ topic: "big", partition: 0 }], never);
      const fetched = reader.peek("big", 0);
      expect(fetched?.from).toBe(next);
      next = fetched?.next ?? 0;
      reader.shift("big", 0);
    }
    expect(next).toBe(4000);
  });

  test("a stretch keeps its bytes until it is shifted, while the memory of those before it is used again", async () => {
    await cluster.client.topics.create({ topic: "distinct", partitions: 1 });
    const expected: string[] = [];
    for (let batch = 0; batch < 24; batch++) {
      const values = Array.from({ length: 100 }, (_, i) => `${batch}-${i} `.repeat(500));
      expected.push(...values);
      await cluster.append("distinct", 0, values);
    }
    const reader = openReader([cluster.address], 512 * 1024);
    reader.seek("distinct", 0, 0);
    const read: string[] = [];
    const memory = new Set<ArrayBufferLike>();
    for (let stretches = 1; read.length < expected.length; stretches++) {
      await reader.wait(() => reader.peek("distinct", 0) !== undefined, [{ topic: "distinct", partition: 0 }], never);
      const held = reader.peek("distinct", 0);
      if (!held) throw new Error("nothing was read");
      const before = Buffer.from(held.bytes);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(held.bytes.equals(before), `stretch ${stretches}`).toBe(true);
      for (const { value } of decodeRecords(before, { fromOffset: held.from })) read.push(String(value));
      memory.add(held.bytes.buffer);
      reader.shift("distinct", 0);
      if (read.length === expected.length) expect(memory.size).toBeLessThan(stretches);
    }
    expect(read).toEqual(expected);
  });

  test("a partition that is wanted is read although another is full", async () => {
    const reader = openReader([cluster.address], 256 * 1024);
    reader.seek("big", 0, 0);
    reader.seek("big", 1, 0);
    await reader.wait(() => reader.peek("big", 0) !== undefined, [], never);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await cluster.append("big", 1, ["wanted"]);
    await reader.wait(() => reader.peek("big", 1) !== undefined, [{ topic: "big", partition: 1 }], AbortSignal.timeout(5000));
    expect(decodeRecords(reader.peek("big", 1)?.bytes ?? Buffer.alloc(0)).map(({ value }) => String(value))).toEqual(["wanted"]);
  });
});

describe("a cluster of two nodes, of which one has lost its partition", () => {
  test("the reader asks who leads now and goes on there, with pauses", async () => {
    const batch = encodeBatch([{ key: null, value: Buffer.from("moved"), timestampMs: 1 }]);
    const state = { leader: 1, metadata: 0 };
    const fakes = await fakeCluster(state, (node) => {
      if (node === 2) return { errorCode: 0, highWatermark: 1, records: batch };
      if (state.metadata > 3) state.leader = 2;
      return { errorCode: errorCodes.NOT_LEADER_OR_FOLLOWER, highWatermark: -1, records: null };
    });
    const reader = openReader(fakes);
    reader.seek("t", 0, 0);
    await reader.wait(() => reader.peek("t", 0) !== undefined, [], AbortSignal.timeout(5000));
    expect(reader.end("t", 0)).toBe(1);
    expect(state.metadata).toBeLessThan(10);
  });
});

describe("damaged bytes", () => {
  test("a batch whose CRC-32C does not match ends the read and names its offset", async () => {
    const batch = encodeBatch([{ key: null, value: Buffer.from("good"), timestampMs: 1 }], { baseOffset: 7 });
    batch[batch.length - 2] = (batch[batch.length - 2] as number) ^ 1;
    const fakes = await fakeCluster({ leader: 1, metadata: 0 }, () => ({ errorCode: 0, highWatermark: 8, records: batch }));
    const source = await kafkaFormat.openSource?.({ options: { brokers: fakes[0] ?? "", subscribe: "t" }, clock: systemClock });
    if (!source) throw new Error("no source");
    closers.push(() => source.close());
    const reading = (async () => {
      for await (const _ of source.read({ t: { 0: 7 } }, { t: { 0: 8 } }, never));
    })();
    await expect(reading).rejects.toThrow(/record batch at offset 7 .*CRC-32C/);
  });
});

type FetchAnswer = { readonly errorCode: number; readonly highWatermark: number; readonly records: Uint8Array | null };

/** Two brokers that know one topic "t" of one partition; `onFetch` answers for a node. */
async function fakeCluster(state: { leader: number; metadata: number }, onFetch: (node: number) => FetchAnswer): Promise<string[]> {
  const servers = [1, 2].map((node) => net.createServer((socket) => serve(node, socket)));
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  closers.push(async () => {
    for (const server of servers) await new Promise((resolve) => server.close(resolve));
  });
  const answer = (node: number, key: number, version: number): object | undefined => {
    if (key === apiVersionsApi.key) {
      const apiKeys = [metadataApi, fetchApi, listOffsetsApi].map((api) => ({
        apiKey: api.key,
        minVersion: 0,
        maxVersion: api.versions[1],
      }));
      return { errorCode: 0, apiKeys };
    }
    if (key === metadataApi.key) {
      state.metadata++;
      const brokers = ports.map((port, i) => ({ nodeId: i + 1, host: "127.0.0.1", port }));
      const partitions = [{ errorCode: 0, partitionIndex: 0, leaderId: state.leader, replicaNodes: [1, 2], isrNodes: [1, 2] }];
      return { brokers, topics: [{ errorCode: 0, name: "t", partitions }], ...(version > 9 ? {} : { throttleTimeMs: 0 }) };
    }
    if (key !== fetchApi.key) return undefined;
    const partition = { partitionIndex: 0, abortedTransactions: null, ...onFetch(node) };
    return { throttleTimeMs: 0, responses: [{ topic: "t", partitions: [partition] }] };
  };
  const serve = (node: number, socket: net.Socket): void => {
    const splitter = createFrameSplitter({
      maxFrameBytes: 1_000_000,
      onFrame: (frame) => {
        const reader = createReader(frame);
        const { apiKey, apiVersion, correlationId } = readRequestHeader(reader);
        const api = apiTableOf(apiKey);
        const body = answer(node, apiKey, apiVersion);
        if (!api || !body) return void socket.destroy();
        readRequest(api, apiVersion, reader);
        for (const piece of encodeResponse(api, apiVersion, correlationId, body as never)) socket.write(piece);
      },
    });
    socket.on("data", (chunk) => splitter.push(chunk as Buffer));
    socket.on("error", () => undefined);
  };
  return ports.map((port) => `127.0.0.1:${port}`);
}
