import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { startBroker } from "../../src/broker/broker.ts";
import { errorName } from "../../src/kafka-protocol/error-codes.ts";
import { createTopicsApi } from "../../src/kafka-protocol/messages/create-topics.ts";
import { fetchApi } from "../../src/kafka-protocol/messages/fetch.ts";
import { produceApi } from "../../src/kafka-protocol/messages/produce.ts";
import { encodeBatch } from "../../src/kafka-protocol/record-batch.ts";
import { decodeRecords } from "../../src/kafka-protocol/record-iteration.ts";
import { connectForRequests, type RequestConnection } from "../../src/kafka-protocol/request-connection.ts";

/** What `full-broker-job` prints. */
export interface FullBrokerReport {
  /** The answers that a full disk gave. */
  readonly errors: readonly string[];
  readonly createdWhileFull: string;
  readonly acknowledged: number;
  readonly acknowledgedAfterwards: number;
  /** What was acknowledged and cannot be read, before and after a restart. */
  readonly missing: number;
  readonly missingAfterRestart: number;
}

const [folder = "", flush = "1000"] = process.argv.slice(2);
const settings = { dataDir: path.join(folder, "data"), flush: flush === "always" ? ("always" as const) : { everyMs: Number(flush) } };
const filler = path.join(folder, "filler");
const value = Buffer.alloc(20_000, "x");

async function produce(client: RequestConnection, number: number): Promise<string> {
  const records = encodeBatch([{ key: Buffer.from(String(number)), value, timestampMs: Date.now() }]);
  const body = { transactionalId: null, acks: -1, timeoutMs: 1000, topicData: [{ name: "t", partitionData: [{ index: 0, records }] }] };
  const answer = await client.request(produceApi, 9, body);
  return errorName(answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1);
}

async function create(client: RequestConnection, name: string): Promise<string> {
  const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
  const answer = await client.request(createTopicsApi, 5, { topics: [topic], timeoutMs: 1000, validateOnly: false });
  return errorName(answer.topics[0]?.errorCode ?? -1);
}

async function missingOf(client: RequestConnection, acknowledged: ReadonlySet<number>): Promise<number> {
  const left = new Set(acknowledged);
  for (let fetchOffset = 0; ;) {
    const body = { maxWaitMs: 0, minBytes: 0, maxBytes: 10_000_000, isolationLevel: 0, sessionId: 0, sessionEpoch: -1 };
    const topics = [{ topic: "t", partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 10_000_000 }] }];
    const answer = await client.request(fetchApi, 11, { ...body, forgottenTopicsData: [], topics });
    const bytes = answer.responses[0]?.partitions[0]?.records;
    const found = decodeRecords(bytes ? Buffer.from(bytes) : Buffer.alloc(0), { fromOffset: fetchOffset });
    for (const { key } of found) left.delete(Number(key?.toString()));
    if (found.length === 0) return left.size;
    fetchOffset = (found.at(-1)?.offset ?? 0) + 1;
  }
}

async function run(): Promise<FullBrokerReport> {
  let broker = await startBroker(settings);
  let client = await connectForRequests({ host: broker.host, port: broker.port });
  await create(client, "t");
  await writeFile(filler, Buffer.alloc(1_000_000));
  const acknowledged = new Set<number>();
  const errors: string[] = [];
  let number = 0;
  for (; errors.length < 5; number++) {
    const answer = await produce(client, number);
    if (answer === "NONE") acknowledged.add(number);
    else errors.push(answer);
  }
  const before = acknowledged.size;
  let createdWhileFull = "NONE";
  for (let i = 0; i < 200 && createdWhileFull === "NONE"; i++) createdWhileFull = await create(client, `other-${i}-${"x".repeat(200)}`);
  await rm(filler);
  for (const end = number + 10; number < end; number++) if ((await produce(client, number)) === "NONE") acknowledged.add(number);
  const missing = await missingOf(client, acknowledged);
  client.close();
  await broker.close();
  broker = await startBroker(settings);
  client = await connectForRequests({ host: broker.host, port: broker.port });
  const missingAfterRestart = await missingOf(client, acknowledged);
  client.close();
  await broker.close();
  return {
    errors,
    createdWhileFull,
    acknowledged: before,
    acknowledgedAfterwards: acknowledged.size - before,
    missing,
    missingAfterRestart,
  };
}

if (process.argv[1]?.endsWith("full-broker-job.ts")) console.log(JSON.stringify(await run()));
