import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { connectKafka } from "../src/kafka/connect-kafka.ts";
import { fetchApi } from "../src/kafka-protocol/messages/fetch.ts";
import { produceApi } from "../src/kafka-protocol/messages/produce.ts";
import { encodeBatch } from "../src/kafka-protocol/record-batch.ts";
import { createRecordArrays, readRecords, type RecordArrays } from "../src/kafka-protocol/record-iteration.ts";
import { connectForRequests, type RequestConnection } from "../src/kafka-protocol/request-connection.ts";
import { type KafkaUnderTest, startKafkaUnderTest } from "./kafka-under-test.ts";

/**
 * Measures the development broker in a process of its own, or a real Kafka of one node: start, idle, produce and fetch of raw batches, end-to-end
 * latency at a steady rate.
 * `node bench/broker.ts [--kafka embedded | jvm | host:port] [--messages 3000000] [--batch 1000] [--rate 1000] [--seconds 5]`
 */
const PARTITIONS = 3;
const UNDER_WAY = 12;

const { values: flags } = parseArgs({
  options: {
    kafka: { type: "string" },
    messages: { type: "string", default: "3000000" },
    batch: { type: "string", default: "1000" },
    rate: { type: "string", default: "1000" },
    seconds: { type: "string", default: "5" },
  },
});

interface Row {
  readonly measure: string;
  readonly value: string;
}

/** CPU seconds of a server so far and its resident MiB; NaN where the system does not say, or it runs elsewhere. */
function resourcesOf(kafka: KafkaUnderTest): { cpuSeconds: number; rssMiB: number } {
  const [pid] = kafka.pids;
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
      rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024,
    };
  } catch {
    return { cpuSeconds: Number.NaN, rssMiB: Number.NaN };
  }
}

const percentile = (sorted: readonly number[], share: number): string =>
  (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2);

/** Starts the server and gives the milliseconds to its being ready. */
async function start(folder: string): Promise<{ kafka: KafkaUnderTest; readyMs: number }> {
  const started = performance.now();
  const kafka = await startKafkaUnderTest(flags.kafka, folder);
  return { kafka, readyMs: performance.now() - started };
}

/** The first address of the bootstrap list. */
function endpoint({ brokers }: KafkaUnderTest): { host: string; port: number } {
  const [host = "", port] = (brokers[0] ?? "").split(/:(?=\d+$)/);
  return { host, port: Number(port) };
}

function produceOne(client: RequestConnection, topic: string, index: number, records: Buffer) {
  const body = { acks: -1, timeoutMs: 1000, topicData: [{ name: topic, partitionData: [{ index, records }] }] };
  return client.request(produceApi, 7, body).then(({ responses }) => {
    const errorCode = responses[0]?.partitionResponses[0]?.errorCode;
    if (errorCode !== 0) throw new Error(`produce was answered with error ${errorCode}`);
  });
}

function fetchFrom(client: RequestConnection, topic: string, offsets: readonly number[]) {
  return client.request(fetchApi, 11, {
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 50_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    topics: [
      { topic, partitions: offsets.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes: 2 * 1024 * 1024 })) },
    ],
  });
}

/** The lab's reading: about 146 bytes of JSON with its key. */
function readings(count: number): Buffer {
  return encodeBatch(
    Array.from({ length: count }, (_, i) => ({
      key: Buffer.from(`sensor-${i % 1000}`),
      value: Buffer.from(JSON.stringify({ sensor_id: `sensor-${i % 1000}`, type: "temperature", value: 20 + (i % 10) }).padEnd(146)),
      timestampMs: 1_767_225_600_000 + i,
    })),
  );
}

async function produceAll(client: RequestConnection, topic: string, messages: number, batchSize: number): Promise<void> {
  const records = readings(batchSize);
  const underWay = new Set<Promise<void>>();
  for (let sent = 0, partition = 0; sent < messages; sent += batchSize, partition = (partition + 1) % PARTITIONS) {
    const one = produceOne(client, topic, partition, records).finally(() => underWay.delete(one));
    underWay.add(one);
    if (underWay.size >= UNDER_WAY) await Promise.race(underWay);
  }
  await Promise.all(underWay);
}

async function fetchAll(client: RequestConnection, topic: string, messages: number, checkCrc: boolean): Promise<void> {
  const arrays: RecordArrays = createRecordArrays();
  const offsets = Array.from({ length: PARTITIONS }, () => 0);
  for (let count = 0; count < messages;) {
    const { responses } = await fetchFrom(client, topic, offsets);
    for (const { partitionIndex, records } of responses[0]?.partitions ?? []) {
      if (!records) continue;
      const fromOffset = offsets[partitionIndex] as number;
      for (const run of readRecords(records, 0, records.length, { fromOffset, checkCrc }, arrays)) {
        count += run.arrays.count;
        offsets[partitionIndex] = run.nextOffset;
      }
    }
  }
}

/** Milliseconds from before the request of each message to its arrival at a waiting consumer. */
async function latencies(
  where: { readonly host: string; readonly port: number },
  topic: string,
  rate: number,
  seconds: number,
): Promise<number[]> {
  const producer = await connectForRequests(where);
  const consumer = await connectForRequests(where);
  const wanted = rate * seconds;
  const seen: number[] = [];
  const reading = (async () => {
    for (let offset = 0; offset < wanted;) {
      const { responses } = await fetchFrom(consumer, topic, [offset]);
      const arrived = performance.now();
      const records = responses[0]?.partitions[0]?.records ?? Buffer.alloc(0);
      for (const { arrays, nextOffset } of readRecords(records, 0, records.length, { fromOffset: offset }, createRecordArrays(64))) {
        for (let i = 0; i < arrays.count; i++) {
          seen.push(arrived - Number(records.toString("latin1", arrays.positions[i * 4 + 2], arrays.positions[i * 4 + 3])));
        }
        offset = nextOffset;
      }
    }
  })();
  const acknowledged: Promise<void>[] = [];
  const started = performance.now();
  for (let sent = 0; sent < wanted;) {
    for (; sent < wanted && performance.now() - started >= (sent * 1000) / rate; sent++) {
      const value = Buffer.from(String(performance.now()));
      acknowledged.push(produceOne(producer, topic, 0, encodeBatch([{ key: null, value, timestampMs: 0 }])));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([reading, ...acknowledged]);
  producer.close();
  consumer.close();
  return seen.slice(Math.min(rate, wanted / 5)).sort((a, b) => a - b);
}

async function main(): Promise<void> {
  const messages = Number(flags.messages);
  const rows: Row[] = [];
  let description = "";
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "bench-broker-"));
  await (await start(dataDir)).kafka.stop();
  const { kafka, readyMs } = await start(dataDir);
  const topics = ["load", "steady"].map((name) => `bench-broker-${Date.now()}-${name}`);
  const [load = "", steady = ""] = topics;
  const admin = await connectKafka({ brokers: kafka.brokers });
  try {
    if (kafka.kind !== "external") {
      rows.push({ measure: "start to ready", value: `${readyMs.toFixed(0)} ms` });
      rows.push({ measure: "idle memory", value: `${resourcesOf(kafka).rssMiB.toFixed(0)} MiB` });
    }
    await admin.topics.create({ topic: load, partitions: PARTITIONS });
    await admin.topics.create({ topic: steady, partitions: 1 });
    const client = await connectForRequests(endpoint(kafka));
    const latency = await latencies(endpoint(kafka), steady, Number(flags.rate), Number(flags.seconds));
    rows.push({
      measure: `produce to consume at ${flags.rate} msg/s`,
      value: `p50 ${percentile(latency, 0.5)}, p99 ${percentile(latency, 0.99)}, max ${percentile(latency, 1)} ms`,
    });
    const timed = async (measure: string, action: () => Promise<void>): Promise<void> => {
      const [before, started] = [resourcesOf(kafka), performance.now()];
      await action();
      const [after, seconds] = [resourcesOf(kafka), (performance.now() - started) / 1000];
      const perCpu = messages / (after.cpuSeconds - before.cpuSeconds) / 1e6;
      rows.push({
        measure,
        value: `${(messages / seconds / 1e6).toFixed(2)} M msg/s, ${perCpu.toFixed(2)} M per broker CPU-s, ${after.rssMiB.toFixed(0)} MiB`,
      });
    };
    await timed("produce, acks=all", () => produceAll(client, load, messages, Number(flags.batch)));
    await timed("fetch, records read", () => fetchAll(client, load, messages, false));
    await timed("fetch, CRC checked", () => fetchAll(client, load, messages, true));
    client.close();
    description = kafka.description;
  } finally {
    if (kafka.kind === "external") await admin.topics.delete(topics).catch(() => undefined);
    await admin.close();
    await kafka.stop();
    fs.rmSync(dataDir, { recursive: true, force: true });
  }
  console.log(`${description}, ${messages} messages, Node ${process.version}, load ${os.loadavg()[0]?.toFixed(1)}`);
  console.table(rows);
}

await main();
