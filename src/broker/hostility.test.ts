import fs from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createRandom, type Random } from "../base/random.ts";
import { apiTables } from "../kafka-protocol/apis.ts";
import { encodeRequest } from "../kafka-protocol/frame.ts";
import { apiVersionsApi } from "../kafka-protocol/messages/api-versions.ts";
import { createTopicsApi } from "../kafka-protocol/messages/create-topics.ts";
import { fetchApi } from "../kafka-protocol/messages/fetch.ts";
import { metadataApi } from "../kafka-protocol/messages/metadata.ts";
import { produceApi } from "../kafka-protocol/messages/produce.ts";
import { encodeBatch } from "../kafka-protocol/record-batch.ts";
import { connectForRequests, type RequestConnection } from "../kafka-protocol/request-connection.ts";
import { resolveField, type ApiTable, type FieldSpec, type Fields, type RequestDraft } from "../kafka-protocol/schema.ts";
import { joinPieces } from "../kafka-protocol/writer.ts";
import { startBroker, type Broker } from "./broker.ts";
import { apiHandlers } from "./handlers.ts";

const SEED = 20_260;
let folder: string;
let broker: Broker;
const log: string[] = [];
const open: { close(): void }[] = [];

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-hostility-"));
  broker = await startBroker({ dataDir: folder, autoCreateTopics: false, log: (line) => log.push(line) });
  const client = await connect();
  const topics = ["t", "fuzzed"].map((name) => ({ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }));
  await client.request(createTopicsApi, 5, { topics, timeoutMs: 1000, validateOnly: false });
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
afterAll(async () => {
  await broker.close();
  await fs.rm(folder, { recursive: true, force: true });
});

async function connect(): Promise<RequestConnection> {
  const connection = await connectForRequests({ host: "127.0.0.1", port: broker.port, clientId: "hostile" });
  open.push(connection);
  return connection;
}

const isAlive = async (): Promise<void> => expect((await (await connect()).request(apiVersionsApi, 0, {})).errorCode).toBe(0);

/** A socket without any protocol. */
async function raw(): Promise<net.Socket> {
  const socket = net.connect({ host: "127.0.0.1", port: broker.port });
  socket.on("error", () => undefined);
  open.push({ close: () => socket.destroy() });
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

const ended = (socket: net.Socket): Promise<void> => new Promise((resolve) => socket.once("close", () => resolve()));

/** Asks again and again until it is so. */
async function until(what: string, check: () => boolean, withinMs: number = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Some value of a field, as small or as odd as the randomness likes. */
function anyValue(spec: FieldSpec, name: string, version: number, random: Random): unknown {
  const field = resolveField(name, spec, version);
  if (field.nullable && random.below(5) === 0) return null;
  const one = (): unknown => {
    if (field.fields) return anyMessage(field.fields, version, random);
    switch (field.scalar) {
      case "bool":
        return random.below(2) === 0;
      case "string":
        return ["fuzzed", "", "g", "nowhere", "x".repeat(random.below(300)), "\u0000é"][random.below(6)];
      case "uuid":
        return "AAAAAAAAAAAAAAAAAAAAAA";
      case "bytes":
      case "records":
        return Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
      case "float64":
        return random.next();
      case "int8":
        return random.below(256) - 128;
      case "uint16":
      case "uint32":
        return random.below(60_000);
      default:
        return [0, 1, -1, -2, random.below(30_000), -random.below(30_000)][random.below(6)];
    }
  };
  if (field.isArray) return Array.from({ length: random.below(3) }, one);
  return one();
}

function anyMessage(fields: Fields, version: number, random: Random): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, spec]) => [name, anyValue(spec, name, version, random)]));
}

/** Waits are cut short: what is asked here is whether there is an answer. */
const SHORT: Readonly<Record<string, unknown>> = { maxWaitMs: 1, timeoutMs: 1, rebalanceTimeoutMs: 1, sessionTimeoutMs: 1, acks: 1 };

function validFrame(api: ApiTable, version: number, random: Random): Buffer {
  const body = { ...anyMessage(api.request, version, random) };
  for (const [name, value] of Object.entries(SHORT)) if (name in body) body[name] = value;
  const header = { correlationId: random.below(1000), clientId: random.below(9) === 0 ? null : "fuzz" };
  return joinPieces(encodeRequest(api, version, header, body as RequestDraft<ApiTable>));
}

/** What is done to a valid frame. */
function damaged(frame: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(frame);
  const kind = random.below(7);
  const at = 8 + random.below(Math.max(1, bytes.length - 8));
  if (kind === 0) for (let i = 0; i <= random.below(4); i++) bytes[8 + random.below(bytes.length - 8)] = random.below(256);
  if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  if (kind === 2 && at + 4 <= bytes.length) bytes.writeInt32BE([-1, 0x7fffffff, -2147483648, 65_536][random.below(4)] as number, at);
  if (kind === 3) {
    const cut = Buffer.from(bytes.subarray(0, Math.max(12, at)));
    cut.writeInt32BE(cut.length - 4, 0);
    return cut;
  }
  if (kind === 4) {
    const longer = Buffer.concat([bytes, Buffer.from(Array.from({ length: 1 + random.below(40) }, () => random.below(256)))]);
    longer.writeInt32BE(longer.length - 4, 0);
    return longer;
  }
  if (kind === 5 && at + 2 <= bytes.length) bytes.writeInt16BE(-random.below(3000), at);
  return bytes;
}

describe("damaged requests", () => {
  test("of every API and version are answered or end their connection; the broker lives, and does not grow", async () => {
    const random = createRandom(SEED);
    const versions = apiHandlers.flatMap(({ api, versions: [from, to] }) => {
      const last = Math.min(to, api.versions[1]);
      return Array.from({ length: last - Math.max(from, api.versions[0]) + 1 }, (_, i) => ({
        api,
        version: Math.max(from, api.versions[0]) + i,
      }));
    });
    const before = process.memoryUsage().rss;
    let answered = 0;
    let closed = 0;
    for (const { api, version } of versions) {
      for (let round = 0; round < 12; round++) {
        const frame = validFrame(api, version, random);
        const socket = await raw();
        const heard = new Promise<"answered" | "closed">((resolve) => {
          let bytes = 0;
          socket.on("data", (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes >= 8) resolve("answered");
          });
          socket.once("close", () => resolve("closed"));
        });
        socket.write(round === 0 ? frame : damaged(frame, random));
        socket.end();
        const how = await Promise.race([heard, new Promise<"hung">((resolve) => setTimeout(() => resolve("hung"), 10_000).unref())]);
        expect(how, `seed ${SEED}, ${api.name} v${version}, round ${round}`).not.toBe("hung");
        if (how === "answered") answered++;
        else closed++;
        socket.destroy();
      }
    }
    await isAlive();
    expect(answered).toBeGreaterThan(versions.length);
    expect(closed).toBeGreaterThan(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 * 1024);
  }, 60_000);

  test("every API that has a table and a handler is asked", () => {
    const tables = new Set(apiTables.map(({ key }) => key));
    for (const { api } of apiHandlers) expect(tables.has(api.key), api.name).toBe(true);
  });

  test("batches of a few bytes that unpack to much are unpacked one at a time, and leave nothing behind", async () => {
    const client = await connect();
    const bomb = encodeBatch([{ key: null, value: Buffer.alloc(64 * 1024 * 1024), timestampMs: 1 }], { compression: "gzip" });
    expect(bomb.length).toBeLessThan(200_000);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 5; i++) {
      const topicData = [{ name: "t", partitionData: [{ index: 1, records: bomb }] }];
      await client.request(produceApi, 7, { acks: -1, timeoutMs: 1000, topicData });
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });
});

describe("lengths", () => {
  test("a frame above socket.request.max.bytes is refused before it is read", async () => {
    const socket = await raw();
    const length = Buffer.alloc(4);
    length.writeInt32BE(104_857_601);
    socket.write(length);
    await ended(socket);
    await until("the log names it", () => log.some((line) => line.includes("104857601 bytes")));
  });

  test("memory follows the bytes that come, not those that are promised", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const length = Buffer.alloc(4);
    length.writeInt32BE(100_000_000);
    const sockets = await Promise.all(Array.from({ length: 200 }, raw));
    for (const socket of sockets) socket.write(Buffer.concat([length, Buffer.alloc(1000)]));
    await isAlive();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 1024 * 1024);
    for (const socket of sockets) socket.destroy();
  });

  test("a frame that comes byte by byte is a frame, and holds nobody up", async () => {
    const frame = joinPieces(encodeRequest(apiVersionsApi, 0, { correlationId: 7, clientId: "slow" }, {}));
    const socket = await raw();
    const answer = new Promise<Buffer>((resolve) => socket.once("data", resolve));
    for (const byte of frame) {
      socket.write(Buffer.of(byte));
      await isAlive();
    }
    expect((await answer).readInt32BE(4)).toBe(7);
  });

  test("TLS, or a request of the web, on a listener without is named in the log", async () => {
    for (const [bytes, words] of [
      [Buffer.from("16030100f0010000ec0303", "hex"), "speaks TLS"],
      [Buffer.from("GET / HTTP/1.1\r\n\r\n"), "speaks Kafka's protocol on this port"],
    ] as const) {
      const socket = await raw();
      socket.write(bytes);
      await ended(socket);
      await until(words, () => log.some((line) => line.includes(words)));
    }
  });
});

describe("many and slow clients", () => {
  const fetchAll = {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 50_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 50_000_000 }] }],
  };

  async function fill(): Promise<void> {
    const client = await connect();
    for (let i = 0; i < 20; i++) {
      const records = encodeBatch([{ key: null, value: Buffer.alloc(900_000, i), timestampMs: 1 }]);
      await client.request(produceApi, 7, {
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: "t", partitionData: [{ index: 0, records }] }],
      });
    }
  }

  test("one that asks for everything and reads nothing costs one answer, and slows nobody", async () => {
    await fill();
    const before = process.memoryUsage().rss;
    const socket = await raw();
    socket.pause();
    const frame = joinPieces(encodeRequest(fetchApi, 11, { correlationId: 1, clientId: "deaf" }, fetchAll));
    for (let i = 0; i < 300; i++) socket.write(frame);
    const client = await connect();
    const start = performance.now();
    for (let i = 0; i < 200; i++) await client.request(metadataApi, 1, { topics: [] });
    expect(performance.now() - start).toBeLessThan(5000);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });

  test("many that read nothing get less each, the more there are", async () => {
    const small = await startBroker({ dataDir: path.join(folder, "small"), storage: "disk", maxQueuedBytes: 16 * 1024 * 1024 });
    try {
      const client = await connectForRequests({ host: "127.0.0.1", port: small.port });
      await client.request(createTopicsApi, 5, {
        topics: [{ name: "t", numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 1000,
        validateOnly: false,
      });
      for (let i = 0; i < 8; i++) {
        const records = encodeBatch([{ key: null, value: Buffer.alloc(900_000, i), timestampMs: 1 }]);
        await client.request(produceApi, 7, {
          acks: -1,
          timeoutMs: 1000,
          topicData: [{ name: "t", partitionData: [{ index: 0, records }] }],
        });
      }
      const got = (await client.request(fetchApi, 11, fetchAll)).responses[0]?.partitions[0]?.records?.length ?? 0;
      expect(got).toBeGreaterThan(900_000);
      expect(got).toBeLessThanOrEqual(2 * 1024 * 1024);
      for (let i = 0; i < 50; i++) expect((await client.request(fetchApi, 11, fetchAll)).responses).toHaveLength(1);
      client.close();
    } finally {
      await small.close();
    }
  });

  test("a flood of requests in one piece is answered in order, and bounded", async () => {
    const socket = await raw();
    const many = 20_000;
    const frames = Array.from({ length: many }, (_, i) =>
      joinPieces(encodeRequest(metadataApi, 1, { correlationId: i, clientId: "flood" }, { topics: [] })),
    );
    let next = 0;
    let rest = Buffer.alloc(0);
    const all = new Promise<void>((resolve, reject) => {
      socket.on("data", (chunk: Buffer) => {
        rest = Buffer.concat([rest, chunk]);
        let at = 0;
        for (; rest.length - at >= 4 && rest.length - at >= 4 + rest.readInt32BE(at); at += 4 + rest.readInt32BE(at)) {
          if (rest.readInt32BE(at + 4) !== next++) reject(new Error(`answer ${rest.readInt32BE(at + 4)} in the place of ${next - 1}`));
        }
        rest = rest.subarray(at);
        if (next === many) resolve();
      });
    });
    socket.write(Buffer.concat(frames));
    await all;
  });

  test("a thousand idle and two hundred busy: all are served, at little memory each", async () => {
    const idle: net.Socket[] = [];
    const before = process.memoryUsage();
    for (let i = 0; i < 1000; i += 100) idle.push(...(await Promise.all(Array.from({ length: 100 }, raw))));
    const busy = await Promise.all(Array.from({ length: 200 }, connect));
    const answers = await Promise.all(
      busy.flatMap((client) => Array.from({ length: 20 }, () => client.request(metadataApi, 1, { topics: [{ name: "t" }] }))),
    );
    expect(answers.every(({ topics }) => topics[0]?.partitions.length === 2)).toBe(true);
    const after = process.memoryUsage();
    const each = (after.heapUsed + after.external - before.heapUsed - before.external) / 1200;
    expect(each).toBeLessThan(100 * 1024);
    expect(idle.every((socket) => !socket.destroyed)).toBe(true);
  });
});

describe("idle connections", () => {
  test("are closed after connections.max.idle.ms; those that work or wait for an answer are not", async () => {
    const strict = await startBroker({ dataDir: path.join(folder, "strict"), maxIdleMs: 300 });
    try {
      const connectTo = () => connectForRequests({ host: "127.0.0.1", port: strict.port });
      const [idle, busy] = [await connectTo(), await connectTo()];
      const halfFrame = net.connect({ host: "127.0.0.1", port: strict.port });
      halfFrame.on("error", () => undefined);
      halfFrame.write(Buffer.from("000000ff0003", "hex"));
      await busy.request(createTopicsApi, 5, {
        topics: [{ name: "w", numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 1000,
        validateOnly: false,
      });
      const waiting = busy.request(fetchApi, 11, {
        maxWaitMs: 1500,
        minBytes: 1,
        maxBytes: 1000,
        isolationLevel: 0,
        sessionId: 0,
        sessionEpoch: -1,
        forgottenTopicsData: [],
        topics: [{ topic: "w", partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
      });
      await Promise.all([idle.ended, ended(halfFrame)]);
      expect((await waiting).responses[0]?.partitions[0]?.errorCode).toBe(0);
      await busy.ended;
    } finally {
      await strict.close();
    }
  });
});
