import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { MongoClient, type MongoServerError } from "mongodb";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { startDocumentServer, type DocumentServer } from "../../src/document-server/index.ts";
import type { Row, StructType } from "../../src/engine/types/data-type.ts";
import { openMongoSink } from "../../src/mongo/sink.ts";

const MAIN = fileURLToPath(new URL("../../src/document-server/main.ts", import.meta.url));
const namespaces = process.platform === "linux" && spawnSync("unshare", ["-rm", "true"]).status === 0;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "document-faults-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(!namespaces)("F15: the disk of the document server is full", () => {
  test(
    "a write that has no room fails with 14031 and leaves no trace; what was acknowledged stays, and with room it goes on",
    { timeout: 60_000 },
    async () => {
      const own = await mkdtemp(path.join(folder, "full-"));
      const script =
        'mount -t tmpfs -o size=8m tmpfs "$1" && dd if=/dev/zero of="$1/filler" bs=1024 count=2500 2>/dev/null && exec "$2" "$3" --data "$1/data" --port 0';
      const child = spawn("unshare", ["-rm", "sh", "-c", script, "sh", own, process.execPath, MAIN], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        const [line] = (await once(child.stdout, "data")) as [Buffer];
        const { host, port } = JSON.parse(line.toString()) as { host: string; port: number };
        const client = await MongoClient.connect(`mongodb://${host}:${port}/?directConnection=true`);
        const collection = client.db("d").collection<{ _id: number; text: string }>("c");
        await collection.createIndex({ text: 1 });
        let acknowledged = 0;
        let failure: MongoServerError | undefined;
        while (!failure && acknowledged < 2000)
          await collection.insertOne({ _id: acknowledged, text: "x".repeat(20_000) }).then(
            () => acknowledged++,
            (thrown: unknown) => (failure = thrown as MongoServerError),
          );
        expect(failure?.code, `after ${acknowledged} documents`).toBe(14031);
        expect(acknowledged).toBeGreaterThan(10);
        expect(await collection.countDocuments({ text: { $gte: "" } })).toBe(acknowledged);
        expect(await collection.findOne({ _id: acknowledged })).toBeNull();
        const { valid } = await client.db("d").command({ validate: "c" });
        expect(valid).toBe(true);
        await rm(`/proc/${child.pid}/root${own}/filler`);
        await collection.insertOne({ _id: -1, text: "room again" });
        expect((await collection.deleteMany({ _id: { $gte: 10 } })).deletedCount).toBe(acknowledged - 10);
        expect(await collection.countDocuments()).toBe(11);
        await client.close();
      } finally {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
    },
  );
});

/** A way to the server that can be cut after so many bytes, or stand still. */
class Way {
  readonly #server = createServer((client) => this.#serve(client));
  readonly #sockets = new Set<Socket>();
  readonly #target: DocumentServer["address"];
  /** Bytes from the client until both ends are reset; Infinity for never. */
  cutAfter: number = Infinity;
  cuts: number = 0;
  #held: Buffer[] | undefined;
  #waiting: (() => void)[] = [];

  constructor(target: DocumentServer["address"]) {
    this.#target = target;
  }

  async open(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `mongodb://127.0.0.1:${(this.#server.address() as AddressInfo).port}/?directConnection=true`;
  }

  /** Nothing passes until `resume`. */
  pause(): void {
    this.#held ??= [];
  }

  get isHolding(): boolean {
    return this.#waiting.length > 0;
  }

  resume(): void {
    this.#held = undefined;
    for (const pass of this.#waiting.splice(0)) pass();
  }

  async close(): Promise<void> {
    this.resume();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(client: Socket): void {
    const server = connect(this.#target.port, this.#target.host);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    }
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    server.on("data", (chunk) => client.write(chunk));
    client.on("data", (chunk: Buffer) => {
      const pass = (): void => {
        const allowed = chunk.subarray(0, Math.max(0, Math.min(chunk.length, this.cutAfter)));
        this.cutAfter -= chunk.length;
        server.write(allowed);
        if (allowed.length === chunk.length) return;
        this.cuts++;
        this.cutAfter = Infinity;
        server.end();
        client.resetAndDestroy();
      };
      if (this.#held) this.#waiting.push(pass);
      else pass();
    });
  }
}

describe("F13: the way to the document server", () => {
  let server: DocumentServer;
  let way: Way;
  let uri: string;
  const forever = new AbortController().signal;
  const schema: StructType = {
    type: "struct",
    fields: [
      { name: "key", dataType: { type: "string" }, nullable: true },
      { name: "n", dataType: { type: "int" }, nullable: true },
    ],
  };
  const rows = (from: number, count: number): Row[] => Array.from({ length: count }, (_, i) => [`k${from + i}`, from + i]);
  const batch = (batchId: number, given: readonly Row[]) => ({ batchId, schema, rows: given, outputMode: "update" as const });
  const open = (more: Record<string, string> = {}) =>
    openMongoSink({
      options: { uri, database: "d", collection: "c", idFields: "key", bulkSize: "100", ...more },
      clock: systemClock,
      outputMode: "update",
    });

  beforeAll(async () => {
    server = await startDocumentServer({ storage: "memory", port: 0 });
  });
  afterAll(() => server.close());
  afterEach(() => way.close());

  async function stored(): Promise<unknown[]> {
    const client = await MongoClient.connect(server.uri);
    try {
      return await client
        .db("d")
        .collection("c")
        .find({}, { projection: { n: 1, _id: 0 } })
        .sort({ n: 1 })
        .map(({ n }) => n as unknown)
        .toArray();
    } finally {
      await client.db("d").dropDatabase();
      await client.close();
    }
  }

  test.each(["upsert", "append"])(
    "is reset in mid-bulk, again and again: nothing is lost, nothing is there twice (%s)",
    { timeout: 60_000 },
    async (writeMode) => {
      way = new Way(server.address);
      uri = await way.open();
      const sink = await open({ writeMode });
      try {
        for (let batchId = 0; batchId < 6; batchId++) {
          way.cutAfter = 500 + batchId * 2777;
          await sink.write(batch(batchId, rows(batchId * 300, 300)), forever);
        }
        expect(way.cuts).toBeGreaterThan(3);
        expect(Number(sink.metrics?.()?.retries ?? 0)).toBeGreaterThanOrEqual(0);
        expect(await stored()).toEqual(Array.from({ length: 1800 }, (_, i) => i));
      } finally {
        await sink.close();
      }
    },
  );

  test("stands still: the write waits, and goes on when it moves again, with nothing lost", { timeout: 60_000 }, async () => {
    way = new Way(server.address);
    uri = await way.open();
    const sink = await open();
    try {
      await sink.write(batch(0, rows(0, 50)), forever);
      way.pause();
      let isDone = false;
      const writing = sink.write(batch(1, rows(50, 250)), forever).then(() => (isDone = true));
      const deadline = Date.now() + 10_000;
      while (!way.isHolding) {
        expect(Date.now()).toBeLessThan(deadline);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(isDone).toBe(false);
      way.resume();
      await writing;
      expect(await stored()).toEqual(Array.from({ length: 300 }, (_, i) => i));
    } finally {
      await sink.close();
    }
  });
});
