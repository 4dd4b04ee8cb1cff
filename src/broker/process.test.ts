import { fork, type ChildProcess } from "node:child_process";
import fs from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createRandom } from "../base/random.ts";
import { createTopicsApi } from "../kafka-protocol/messages/create-topics.ts";
import { fetchApi } from "../kafka-protocol/messages/fetch.ts";
import { initProducerIdApi } from "../kafka-protocol/messages/init-producer-id.ts";
import { listOffsetsApi } from "../kafka-protocol/messages/list-offsets.ts";
import { offsetCommitApi } from "../kafka-protocol/messages/offset-commit.ts";
import { offsetFetchApi } from "../kafka-protocol/messages/offset-fetch.ts";
import { produceApi } from "../kafka-protocol/messages/produce.ts";
import { encodeBatch } from "../kafka-protocol/record-batch.ts";
import { decodeRecords } from "../kafka-protocol/record-iteration.ts";
import { connectForRequests, type RequestConnection } from "../kafka-protocol/request-connection.ts";
import { startBroker } from "./broker.ts";

const MAIN = path.join(import.meta.dirname, "main.ts");
const children: ChildProcess[] = [];
let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "broker-process-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

interface Ready {
  readonly child: ChildProcess;
  readonly port: number;
  readonly exited: Promise<number | string | null>;
}

async function start(dataDir: string, ...args: string[]): Promise<Ready> {
  const child = fork(MAIN, ["--data", dataDir, "--port", "0", ...args], { execArgv: [], stdio: ["ignore", "pipe", "pipe", "ipc"] });
  children.push(child);
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const exited = new Promise<number | string | null>((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const message = await Promise.race([
    new Promise<{ type: string; port: number }>((resolve) =>
      child.once("message", (got) => resolve(got as { type: string; port: number })),
    ),
    exited.then((code) => Promise.reject(new Error(`the broker ended with ${code}: ${complaint}`))),
  ]);
  expect(message.type).toBe("ready");
  return { child, port: message.port, exited };
}

const connect = (port: number): Promise<RequestConnection> => connectForRequests({ host: "127.0.0.1", port });

async function readAll(client: RequestConnection, topic: string, partition: number): Promise<string[]> {
  const values: string[] = [];
  for (let fetchOffset = 0; ;) {
    const answer = await client.request(fetchApi, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1_000_000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      forgottenTopicsData: [],
      topics: [{ topic, partitions: [{ partition, fetchOffset, partitionMaxBytes: 1_000_000 }] }],
    });
    const records = decodeRecords(answer.responses[0]?.partitions[0]?.records ?? Buffer.alloc(0), { fromOffset: fetchOffset });
    if (records.length === 0) return values;
    records.forEach((record, i) => expect(record.offset).toBe(fetchOffset + i));
    values.push(...records.map((record) => record.value?.toString() ?? ""));
    fetchOffset += records.length;
  }
}

test.each([1, 2, 3, 4, 5, 6])("kill −9 while producing loses nothing that was acknowledged, and tears nothing (seed %d)", async (seed) => {
  const random = createRandom(seed);
  const dataDir = path.join(folder, `kill-${seed}`);
  const acknowledged: string[][] = [[], [], []];
  const sent: string[][] = [[], [], []];
  let committed = -1;
  let producerId = -1;
  for (let round = 0; round < 2; round++) {
    const { child, port, exited } = await start(dataDir, ...(seed % 3 === 0 ? ["--flush", "always"] : []));
    const client = await connect(port);
    if (round === 0) {
      const topic = {
        name: "t",
        numPartitions: 3,
        replicationFactor: 1,
        assignments: [],
        configs: [{ name: "internal.segment.bytes", value: "20000" }],
      };
      await client.request(createTopicsApi, 4, { topics: [topic], timeoutMs: 1000, validateOnly: false });
    } else {
      const fetched = await client.request(offsetFetchApi, 5, { groupId: "g", topics: [{ name: "t", partitionIndexes: [0] }] });
      expect(fetched.topics[0]?.partitions[0]?.committedOffset ?? -1, `seed ${seed}`).toBeGreaterThanOrEqual(committed);
    }
    const next = (await client.request(initProducerIdApi, 1, { transactionalId: null, transactionTimeoutMs: 0 })).producerId;
    expect(next).toBeGreaterThan(producerId);
    producerId = next;
    const sequences = [0, 0, 0];
    const killAfter = 20 + random.below(150);
    let acks = 0;
    const isOver = client.ended;
    for (let i = 0; acks < killAfter + 5; i++) {
      const index = random.below(3);
      const values = Array.from({ length: 1 + random.below(20) }, (_, k) => `r${round}-${i}-${k}-${"x".repeat(random.below(60))}`);
      const records = encodeBatch(
        values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: i })),
        { producerId, producerEpoch: 0, baseSequence: sequences[index] as number },
      );
      sequences[index] = (sequences[index] as number) + values.length;
      (sent[index] as string[]).push(...values);
      const body = { acks: -1, timeoutMs: 1000, topicData: [{ name: "t", partitionData: [{ index, records }] }] };
      const answer = client.request(produceApi, 7, body).then(
        ({ responses }) => {
          if (responses[0]?.partitionResponses[0]?.errorCode !== 0) throw new Error(`seed ${seed}: ${JSON.stringify(responses)}`);
          (acknowledged[index] as string[]).push(...values);
          acks++;
          if (acks === killAfter) child.kill("SIGKILL");
          return true;
        },
        () => false,
      );
      if (i % 10 === 0) {
        const partitions = [{ partitionIndex: 0, committedOffset: i + round * 10_000, committedMetadata: "" }];
        void client.request(offsetCommitApi, 5, { groupId: "g", topics: [{ name: "t", partitions }] }).then(
          () => (committed = i + round * 10_000),
          () => undefined,
        );
      }
      if (random.below(4) === 0 && !(await Promise.race([answer, isOver.then(() => false)]))) break;
    }
    await exited;
    await isOver;
    const again = await start(dataDir);
    const reader = await connect(again.port);
    for (let partition = 0; partition < 3; partition++) {
      const stored = await readAll(reader, "t", partition);
      const known = acknowledged[partition] as string[];
      expect(stored.slice(0, known.length), `seed ${seed}, partition ${partition}`).toEqual(known);
      expect(stored, `seed ${seed}, partition ${partition}`).toEqual((sent[partition] as string[]).slice(0, stored.length));
      acknowledged[partition] = [...stored];
      sent[partition] = [...stored];
    }
    reader.close();
    again.child.kill("SIGTERM");
    expect(await again.exited).toBe(0);
  }
});

test("SIGTERM ends the process cleanly, with clients connected and a fetch waiting", async () => {
  const { child, port, exited } = await start(path.join(folder, "term"));
  const client = await connect(port);
  const answer = await client.request(listOffsetsApi, 1, { replicaId: -1, topics: [] });
  expect(answer.topics).toEqual([]);
  child.kill("SIGTERM");
  expect(await exited).toBe(0);
  await client.ended;
});

test("the process ends when its parent goes away", async () => {
  const { child, exited } = await start(path.join(folder, "orphan"));
  child.disconnect();
  expect(await exited).toBe(0);
});

test("a port in use is refused with its number, and on Linux with its holder", async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const started = startBroker({ dataDir: path.join(folder, "port"), port });
  await expect(started).rejects.toMatchObject({ code: "PORT_IN_USE" });
  await expect(started).rejects.toThrow(process.platform === "linux" ? `port ${port} is in use by` : `port ${port} is in use`);
  if (process.platform === "linux") await expect(started).rejects.toThrow(`(pid ${process.pid})`);
  await new Promise((resolve) => server.close(resolve));
});

test("a data folder has one broker: a second is refused, the next after a kill is not", async () => {
  const dataDir = path.join(folder, "locked");
  const { child, exited } = await start(dataDir);
  await expect(startBroker({ dataDir })).rejects.toMatchObject({ code: "DATA_FOLDER_IN_USE" });
  child.kill("SIGKILL");
  await exited;
  const broker = await startBroker({ dataDir });
  await expect(startBroker({ dataDir })).rejects.toThrow(/another broker of this process/);
  await broker.close();
  await broker.close();
});
