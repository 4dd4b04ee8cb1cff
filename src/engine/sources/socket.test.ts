import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { once } from "node:events";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSession } from "../api/session.ts";
import type { StreamingQuery } from "../query/streaming-query.ts";

let server: Server;
let folder: string;
const sockets = new Set<Socket>();
const session = createSession();

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-socket-"));
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  await session.streams.stopAll();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server.close();
  await once(server, "close");
  await rm(folder, { recursive: true, force: true });
});

const port = (): number => (server.address() as AddressInfo).port;

async function start(
  seen: unknown[],
  target: number,
  fail: boolean = false,
): Promise<{ query: StreamingQuery; socket: Socket; all: Promise<void> }> {
  const connected = once(server, "connection") as Promise<[Socket]>;
  let complete: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (complete = resolve));
  const query = await session.readStream
    .format("socket")
    .option("host", "127.0.0.1")
    .option("port", port())
    .load()
    .writeStream.option("checkpointLocation", folder)
    .foreachBatch((rows) => {
      seen.push(...rows.map((row) => row.value));
      if (seen.length >= target) complete();
      if (fail) throw new Error("the sink is away");
    })
    .start();
  const [socket] = await connected;
  return { query, socket, all };
}

test("the lines of a server become rows; after a restart the next lines go on", async () => {
  const seen: unknown[] = [];
  const first = await start(seen, 2);
  first.socket.write("one\r\ntw");
  first.socket.write("o\nunfinished");
  await first.all;
  await first.query.processAllAvailable();
  await first.query.stop();
  const second = await start(seen, 3);
  second.socket.write("three\n");
  await second.all;
  expect(seen).toEqual(["one", "two", "three"]);
  await second.query.processAllAvailable();
  expect(second.query.lastProgress?.sources[0]?.endOffset).toBe(2);
});

test("a batch that would have to be repeated is refused, because nothing can be read twice", async () => {
  const seen: unknown[] = [];
  const first = await start(seen, 1, true);
  const failed = first.query.awaitTermination();
  first.socket.write("one\n");
  await expect(failed).rejects.toThrow("the sink is away");
  const second = await start(seen, 2);
  second.socket.write("other\n");
  await expect(second.query.awaitTermination()).rejects.toThrow("Cannot run the last batch again");
  expect(seen).toEqual(["one"]);
});

test("no server, no port, no table", async () => {
  const reader = session.readStream.format("socket").option("host", "127.0.0.1");
  await expect(reader.load().writeStream.format("noop").start()).rejects.toThrow("host or port is missing");
  await expect(reader.option("port", 1).load().writeStream.format("noop").start()).rejects.toThrow("Cannot connect to 127.0.0.1:1");
  await expect(session.read.format("socket").options({ host: "127.0.0.1", port: port() }).load().collect()).rejects.toThrow(
    "use session.readStream",
  );
});
