import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { deflateSync } from "node:zlib";
import * as zlib from "node:zlib";
import { deserialize, serialize, type Document } from "bson";
import fc from "fast-check";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDocumentServer, type DocumentServer } from "./server.ts";

let server: DocumentServer;

beforeAll(async () => {
  server = await startDocumentServer({ storage: "memory", port: 0 });
});
afterAll(() => server.close());

function message(body: Document, opcode: number = 2013): Buffer {
  const content = Buffer.concat([Buffer.alloc(5), serialize(body)]);
  return frame(opcode, content);
}

function frame(opcode: number, content: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeInt32LE(16 + content.length, 0);
  head.writeInt32LE(5, 4);
  head.writeInt32LE(opcode, 12);
  return Buffer.concat([head, content]);
}

function packed(plain: Buffer, compressor: number, pack: (bytes: Buffer) => Buffer, size: number = plain.length - 16): Buffer {
  const head = Buffer.alloc(9);
  head.writeInt32LE(plain.readInt32LE(12), 0);
  head.writeInt32LE(size, 4);
  head[8] = compressor;
  return frame(2012, Buffer.concat([head, pack(plain.subarray(16))]));
}

/** A connection that reads what comes, message by message; null at its end. */
class Line {
  readonly socket: Socket;
  #held = Buffer.alloc(0);
  readonly #messages: (Buffer | null)[] = [];
  #wake: (() => void) | undefined;
  constructor(at: DocumentServer = server) {
    this.socket = connect(at.address.port, at.address.host);
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => this.#put(null));
    this.socket.on("data", (chunk) => {
      this.#held = Buffer.concat([this.#held, chunk]);
      while (this.#held.length >= 4 && this.#held.length >= this.#held.readInt32LE(0)) {
        const length = this.#held.readInt32LE(0);
        this.#put(this.#held.subarray(0, length));
        this.#held = this.#held.subarray(length);
      }
    });
  }
  #put(one: Buffer | null): void {
    this.#messages.push(one);
    this.#wake?.();
  }
  async next(): Promise<Buffer | null> {
    const timer = setTimeout(() => this.socket.destroy(new Error("late")), 10_000);
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(timer);
    return this.#messages.shift() ?? null;
  }
}

const documentOf = (answer: Buffer | null): Document => deserialize((answer as Buffer).subarray(21));

async function ask(bytes: Buffer): Promise<Buffer | null> {
  const line = new Line();
  try {
    line.socket.write(bytes);
    return await line.next();
  } finally {
    line.socket.destroy();
  }
}

async function pings(): Promise<boolean> {
  return documentOf(await ask(message({ ping: 1, $db: "admin" }))).ok === 1;
}

describe("OP_COMPRESSED", () => {
  const ping = message({ ping: 1, $db: "admin" });

  test("is agreed on in the handshake, and answered in kind", async () => {
    const hello = await ask(message({ hello: 1, compression: ["snappy", "zstd", "zlib"], $db: "admin" }));
    const agreed = documentOf(hello).compression as string[];
    expect(agreed).toContain("zlib");
    expect(agreed).not.toContain("snappy");
    const answer = (await ask(packed(ping, 2, deflateSync))) as Buffer;
    expect(answer.readInt32LE(12)).toBe(2012);
    expect(answer[24]).toBe(2);
    expect(deserialize(zlib.inflateSync(answer.subarray(25)).subarray(5))).toEqual({ ok: 1 });
    if (agreed.includes("zstd")) {
      const zstd = (await ask(packed(ping, 3, zlib.zstdCompressSync))) as Buffer;
      expect(deserialize(zlib.zstdDecompressSync(zstd.subarray(25)).subarray(5))).toEqual({ ok: 1 });
    }
    const client = await MongoClient.connect(server.uri, { compressors: ["zlib"] });
    await client
      .db("z")
      .collection("c")
      .insertOne({ text: "x".repeat(200_000) });
    expect((await client.db("z").collection("c").findOne())?.text).toHaveLength(200_000);
    await client.close();
  });

  test.each([
    ["a size that is not that of what is packed", packed(ping, 2, deflateSync, 1000)],
    ["a size below it", packed(ping, 2, deflateSync, 5)],
    ["a negative size", packed(ping, 2, deflateSync, -1)],
    ["a size beyond the limit", packed(ping, 2, deflateSync, 2_000_000_000)],
    ["a compressor that was not agreed on", packed(ping, 1, (bytes) => bytes)],
    ["bytes that nobody packed", packed(ping, 2, (bytes) => bytes)],
    ["one inside another", packed(packed(ping, 2, deflateSync), 2, deflateSync)],
    ["no room for its head", frame(2012, Buffer.alloc(8))],
  ])("with %s closes the connection", async (_, bytes) => {
    expect(await ask(bytes)).toBeNull();
    expect(await pings()).toBe(true);
  });

  test("that unpacks to gigabytes takes no memory", async () => {
    const before = process.memoryUsage().rss;
    const bomb = deflateSync(Buffer.alloc(200 * 2 ** 20));
    for (let i = 0; i < 5; i++) expect(await ask(packed(ping, 2, () => bomb, 1000))).toBeNull();
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 2 ** 20);
  });
});

describe("hostile commands", () => {
  const oneOf = fc.constantFrom(
    "find",
    "insert",
    "update",
    "delete",
    "aggregate",
    "count",
    "distinct",
    "findAndModify",
    "create",
    "createIndexes",
    "dropIndexes",
    "listIndexes",
    "collMod",
    "getMore",
    "killCursors",
    "explain",
    "collStats",
    "saslStart",
    "saslContinue",
    "createUser",
    "usersInfo",
    "hello",
    "getParameter",
    "renameCollection",
    "validate",
    "killOp",
    "endSessions",
    "convertToCapped",
    "bulkWrite",
    "dataSize",
    "connectionStatus",
  );
  const value: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      "",
      "c",
      "a.b",
      0,
      -1,
      1e300,
      NaN,
      [],
      {},
      [{}],
      { $gt: 1 },
      { $set: { a: 1 } },
      [{ $match: {} }],
      new Date(0),
      /x/,
      Buffer.from("x"),
    ),
    fc.object({ maxDepth: 3 }),
  );
  const field = fc.constantFrom(
    "filter",
    "query",
    "q",
    "sort",
    "projection",
    "fields",
    "limit",
    "skip",
    "batchSize",
    "hint",
    "documents",
    "updates",
    "deletes",
    "pipeline",
    "cursor",
    "indexes",
    "index",
    "key",
    "update",
    "remove",
    "validator",
    "capped",
    "size",
    "max",
    "cursors",
    "collection",
    "mechanism",
    "payload",
    "conversationId",
    "pwd",
    "roles",
    "lsid",
    "txnNumber",
    "maxTimeMS",
    "writeConcern",
    "readConcern",
    "ordered",
    "let",
    "collation",
    "verbosity",
    "to",
    "ops",
    "nsInfo",
    "tailable",
    "awaitData",
  );

  test("of any shape are answered, by documents with ok, and never end the server", { timeout: 60_000 }, async () => {
    const line = new Line();
    await fc.assert(
      fc.asyncProperty(oneOf, value, fc.dictionary(field, value, { maxKeys: 6 }), async (name, first, fields) => {
        line.socket.write(message({ [name]: name === "aggregate" || name === "find" ? "c" : first, ...fields, $db: "fuzz" }));
        const answer = documentOf(await line.next());
        expect(answer.ok === 1 || (answer.ok === 0 && typeof answer.code === "number" && typeof answer.errmsg === "string")).toBe(true);
        expect(answer.code, `InternalError: ${String(answer.errmsg)} for ${name} ${JSON.stringify(fields)}`).not.toBe(1);
      }),
      { numRuns: 1500 },
    );
    line.socket.destroy();
    expect(await pings()).toBe(true);
  });

  test("that name a collection, a stage or a mechanism by a document with a field toString are refused as they should be", async () => {
    const line = new Line();
    const odd = { toString: 1, valueOf: 1 };
    for (const [command, code] of [
      [{ distinct: odd }, 73],
      [{ explain: { find: "c" }, verbosity: odd }, 2],
      [{ saslStart: 1, mechanism: odd, payload: "" }, 334],
    ] as const) {
      line.socket.write(message({ ...command, $db: "fuzz" }));
      expect(documentOf(await line.next())).toMatchObject({ ok: 0, code });
    }
    line.socket.destroy();
  });

  test("nested too deep, with arrays too large or names without end are answered or closed", async () => {
    let deep: Document = {};
    for (let i = 0; i < 5000; i++) deep = { a: deep };
    let bytes = Buffer.from(serialize({}));
    for (let i = 0; i < 20_000; i++) {
      const wrapped = Buffer.alloc(bytes.length + 8);
      wrapped.writeInt32LE(wrapped.length, 0);
      wrapped[4] = 3;
      wrapped[5] = 0x61;
      bytes.copy(wrapped, 7);
      bytes = wrapped;
    }
    const raw = frame(2013, Buffer.concat([Buffer.alloc(5), bytes]));
    const answer = await ask(raw);
    expect(answer === null || documentOf(answer).ok === 0).toBe(true);
    for (const body of [
      { insert: "c", documents: [{ a: Array.from({ length: 200_000 }, () => 1) }], $db: "big" },
      { find: "c", filter: { $or: Array.from({ length: 20_000 }, (_, i) => ({ a: i })) }, $db: "big" },
      { find: "c", filter: { a: { $in: Array.from({ length: 100_000 }, (_, i) => i) } }, $db: "big" },
      { find: "c", filter: { ["x".repeat(1_000_000)]: 1 }, $db: "big" },
    ] as Document[]) {
      const reply = await ask(message(body));
      expect(reply).not.toBeNull();
    }
    expect(await pings()).toBe(true);
  });

  test("with any byte changed, in OP_QUERY and OP_COMPRESSED too, are answered or closed", { timeout: 60_000 }, async () => {
    const query = frame(
      2004,
      Buffer.concat([
        Buffer.alloc(4),
        Buffer.from("admin.$cmd\0"),
        Buffer.from([0, 0, 0, 0, 255, 255, 255, 255]),
        serialize({ isMaster: 1, client: { a: ["x"] } }),
      ]),
    );
    const compressed = packed(message({ insert: "fuzz", documents: [{ a: [1, { b: "x" }] }], $db: "w" }), 2, deflateSync);
    const probe = message({ ping: 1, $db: "admin" });
    for (const sound of [query, compressed]) {
      const change = fc.tuple(fc.integer({ min: 16, max: sound.length - 1 }), fc.integer({ min: 0, max: 255 }));
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
          const bytes = Buffer.from(sound);
          for (const [at, byte] of changes) bytes[at] = byte;
          const line = new Line();
          line.socket.write(Buffer.concat([bytes, probe]));
          const answer = await line.next();
          expect(answer === null || answer.length > 16).toBe(true);
          line.socket.destroy();
        }),
        { numRuns: 200 },
      );
    }
    expect(await pings()).toBe(true);
  });
});

describe("many clients", () => {
  test("1 000 that are idle and 200 that are busy are served, and their memory is little", { timeout: 60_000 }, async () => {
    const child = fork(new URL("./main.ts", import.meta.url), ["--memory", "--port", "0"], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [],
    });
    try {
      const [ready] = (await once(child, "message")) as [{ host: string; port: number }];
      const own = { address: ready } as DocumentServer;
      const rssOf = async (line: Line): Promise<number> => {
        line.socket.write(message({ serverStatus: 1, $db: "admin" }));
        return (documentOf(await line.next()).mem as Document).resident as number;
      };
      const first = new Line(own);
      const before = await rssOf(first);
      const idle = Array.from({ length: 1000 }, () => new Line(own));
      for (const line of idle) line.socket.write(message({ hello: 1, $db: "admin" }));
      for (const line of idle) expect(documentOf(await line.next()).ok).toBe(1);
      const withIdle = await rssOf(first);
      const busy = Array.from({ length: 200 }, () => new Line(own));
      await Promise.all(
        busy.map(async (line, i) => {
          for (let n = 0; n < 20; n++) {
            line.socket.write(message({ update: "c", updates: [{ q: { _id: `${i}-${n}` }, u: { n }, upsert: true }], $db: "w" }));
            expect(documentOf(await line.next())).toMatchObject({ n: 1, ok: 1 });
          }
        }),
      );
      first.socket.write(message({ count: "c", $db: "w" }));
      expect(documentOf(await first.next())).toEqual({ n: 4000, ok: 1 });
      expect(before, "idle memory in MiB").toBeLessThan(120);
      expect(withIdle - before, "MiB for 1 000 connections").toBeLessThan(60);
      for (const line of [first, ...idle, ...busy]) line.socket.destroy();
    } finally {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  });

  test("one that never reads is not written to without end, and does not slow others", { timeout: 60_000 }, async () => {
    const client = await MongoClient.connect(server.uri);
    await client
      .db("slow")
      .collection("c")
      .insertMany(Array.from({ length: 16 }, () => ({ text: "x".repeat(1_000_000) })));
    const before = process.memoryUsage().rss;
    const deaf = Array.from({ length: 5 }, () => {
      const socket = connect(server.address.port, server.address.host);
      socket.on("error", () => undefined);
      socket.pause();
      for (let i = 0; i < 50; i++) socket.write(message({ find: "c", batchSize: 100, $db: "slow" }));
      return socket;
    });
    const started = performance.now();
    for (let i = 0; i < 200; i++) await client.db("slow").command({ ping: 1 });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(600 * 2 ** 20);
    for (const socket of deaf) socket.destroy();
    await client.close();
  });

  test("one that goes away in mid-scan takes its scan with it", async () => {
    const client = await MongoClient.connect(server.uri);
    const big = client.db("gone").collection("c");
    for (let i = 0; i < 3; i++) await big.insertMany(Array.from({ length: 20_000 }, (_, v) => ({ v })));
    const line = new Line();
    line.socket.write(message({ find: "c", filter: { $or: [{ v: -1 }, { v: -2 }] }, $db: "gone" }));
    const running = async (): Promise<number> =>
      ((await client.db("admin").command({ currentOp: 1 })).inprog as Document[]).filter(({ ns }) => ns === "gone.c").length;
    const deadline = Date.now() + 5000;
    while ((await running()) === 0) expect(Date.now()).toBeLessThan(deadline);
    line.socket.destroy();
    while ((await running()) > 0) expect(Date.now()).toBeLessThan(deadline);
    await client.close();
  });
});
