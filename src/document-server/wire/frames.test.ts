import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { deserialize, serialize, type Document } from "bson";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDocumentServer, type DocumentServer } from "../server.ts";
import { crc32c } from "../../base/crc32c.ts";

let folder: string;
let server: DocumentServer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "frames-"));
  server = await startDocumentServer({ dataDir: folder, port: 0 });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function frame(opcode: number, body: Uint8Array, length?: number): Buffer {
  const head = Buffer.alloc(16);
  head.writeInt32LE(length ?? body.length + 16, 0);
  head.writeInt32LE(77, 4);
  head.writeInt32LE(opcode, 12);
  return Buffer.concat([head, body]);
}

function section(document: Document): Buffer {
  return Buffer.concat([Buffer.from([0]), serialize(document)]);
}

function sequence(name: string, documents: readonly Document[]): Buffer {
  const content = Buffer.concat([Buffer.from(`${name}\0`), ...documents.map((document) => serialize(document))]);
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeInt32LE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

function message(flags: number, ...sections: Buffer[]): Buffer {
  const bits = Buffer.alloc(4);
  bits.writeUInt32LE(flags);
  const body = Buffer.concat([bits, ...sections]);
  if ((flags & 1) === 0) return frame(2013, body);
  const whole = frame(2013, Buffer.concat([body, Buffer.alloc(4)]));
  whole.writeUInt32LE(crc32c(whole.subarray(0, -4)), whole.length - 4);
  return whole;
}

/** Sends bytes; gives the answers that come, and how the connection stood when `count` were there or it closed. */
async function exchange(bytes: Buffer, count: number): Promise<{ readonly answers: Document[]; readonly closed: boolean }> {
  const socket: Socket = connect(server.address.port, server.address.host);
  let held = Buffer.alloc(0);
  const answers: Document[] = [];
  try {
    return await new Promise((resolve, reject) => {
      socket.setTimeout(10_000, () => reject(new Error("no answer and no end within 10 s")));
      socket.on("error", () => resolve({ answers, closed: true }));
      socket.on("close", () => resolve({ answers, closed: true }));
      socket.on("data", (chunk) => {
        held = Buffer.concat([held, chunk]);
        while (held.length >= 4 && held.length >= held.readInt32LE(0)) {
          const length = held.readInt32LE(0);
          answers.push(deserialize(held.subarray(held.readInt32LE(12) === 1 ? 36 : 21, length)));
          held = held.subarray(length);
        }
        if (answers.length >= count) resolve({ answers, closed: false });
      });
      socket.write(bytes);
    });
  } finally {
    socket.destroy();
  }
}

describe("the wire protocol", () => {
  test("OP_QUERY answers hello and isMaster with OP_REPLY", async () => {
    const query = (document: Document): Buffer =>
      frame(
        2004,
        Buffer.concat([Buffer.alloc(4), Buffer.from("admin.$cmd\0"), Buffer.from([0, 0, 0, 0, 255, 255, 255, 255]), serialize(document)]),
      );
    const { answers } = await exchange(Buffer.concat([query({ isMaster: 1, helloOk: true }), query({ hello: 1 })]), 2);
    expect(answers[0]).toMatchObject({ ismaster: true, helloOk: true, minWireVersion: 0, maxWireVersion: 25, ok: 1 });
    expect(answers[1]).toMatchObject({ isWritablePrimary: true, maxBsonObjectSize: 16777216 });
    expect(answers[0]?.compression).toBeUndefined();
  });

  test("a message may carry a checksum; a wrong one closes the connection", async () => {
    const good = message(1, section({ ping: 1, $db: "admin" }));
    expect((await exchange(good, 1)).answers).toEqual([{ ok: 1 }]);
    good.writeUInt32LE(0, good.length - 4);
    expect(await exchange(good, 1)).toEqual({ answers: [], closed: true });
  });

  test("kind-1 sections before and behind the body, and several messages in one packet, answered in order", async () => {
    const insert = (id: number): Buffer =>
      message(0, sequence("documents", [{ _id: id }, { _id: id + 100 }]), section({ insert: "s", $db: "w" }));
    const { answers } = await exchange(Buffer.concat([insert(1), insert(2), insert(1), message(0, section({ count: "s", $db: "w" }))]), 4);
    expect(answers.map((answer) => answer.n as number)).toEqual([2, 2, 0, 4]);
    expect((answers[2]?.writeErrors as Document[])[0]).toMatchObject({
      index: 0,
      code: 11000,
      keyPattern: { _id: 1 },
      keyValue: { _id: 1 },
    });
  });

  test("moreToCome is done and not answered", async () => {
    const silent = message(2, section({ insert: "m", documents: [{ _id: 1 }], $db: "w" }));
    const { answers } = await exchange(Buffer.concat([silent, message(0, section({ count: "m", $db: "w" }))]), 1);
    expect(answers).toEqual([{ n: 1, ok: 1 }]);
  });

  test("BSON that is broken inside a whole frame is answered with FailedToParse", async () => {
    const broken = section({ ping: 1, text: "hello", $db: "admin" });
    broken.writeInt32LE(1000, broken.indexOf("text") + 5);
    const { answers } = await exchange(message(0, broken), 1);
    expect(answers[0]).toMatchObject({ ok: 0, code: 9 });
    const text = section({ ping: 1, text: "xx", $db: "admin" });
    text[text.indexOf("xx")] = 0xff;
    expect((await exchange(message(0, text), 1)).answers[0]).toMatchObject({ ok: 0, code: 9 });
  });

  test.each([
    ["a length below a header's", frame(2013, Buffer.alloc(0), 15)],
    ["a negative length", frame(2013, Buffer.alloc(0), -1)],
    ["a length beyond the limit", frame(2013, Buffer.alloc(0), 48_000_001)],
    ["an unknown opcode", frame(4711, Buffer.alloc(10))],
    ["OP_COMPRESSED, which is never negotiated", frame(2012, Buffer.alloc(20))],
    ["an unknown required flag", message(4, section({ ping: 1, $db: "a" }))],
    ["no body", message(0, sequence("documents", []))],
    ["two bodies", message(0, section({ ping: 1, $db: "a" }), section({ ping: 1, $db: "a" }))],
    ["a section of unknown kind", message(0, Buffer.from([7, 0, 0, 0, 0]))],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
  ])("%s closes the connection", async (_, bytes) => {
    expect(await exchange(bytes, 1)).toEqual({ answers: [], closed: true });
  });

  test("a length that promises much and sends little takes no memory, and many of them do not stop the server", async () => {
    const before = process.memoryUsage().rss;
    const promises = Array.from({ length: 50 }, () => connect(server.address.port, server.address.host));
    for (const socket of promises) socket.write(frame(2013, Buffer.alloc(100), 47_000_000));
    expect((await exchange(message(0, section({ ping: 1, $db: "admin" })), 1)).answers).toEqual([{ ok: 1 }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
    for (const socket of promises) socket.destroy();
  });

  test("frames with any byte changed, or cut, are answered or closed, and the server goes on", async () => {
    const sound = message(
      0,
      sequence("documents", [{ _id: 1, a: [1, { b: "x" }], d: new Date(0) }]),
      section({ insert: "fuzz", ordered: false, $db: "w" }),
    );
    const probe = message(0, section({ ping: 1, $db: "admin" }));
    const change = fc.tuple(fc.integer({ min: 16, max: sound.length - 1 }), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(sound);
        for (const [at, byte] of changes) bytes[at] = byte;
        const { answers, closed } = await exchange(Buffer.concat([bytes, probe]), 1);
        expect(closed || answers.length > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect((await exchange(probe, 1)).answers).toEqual([{ ok: 1 }]);
  });
});
