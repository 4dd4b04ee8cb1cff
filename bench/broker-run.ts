import { mkdir } from "node:fs/promises";
import path from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { createSensorRecords } from "../src/generators/sensors.ts";
import type { GeneratedRecord } from "../src/generators/record.ts";
import { connectKafka, type KafkaClient } from "../src/kafka/connect-kafka.ts";
import type { KafkaRecord } from "../src/kafka/producer.ts";
import { Cluster } from "../src/kafka/wire/cluster.ts";
import { measuredClients, type MeasuredClient } from "./broker-clients.ts";
import { Coverage } from "./coverage.ts";
import { startKafkaUnderTest, type KafkaUnderTest } from "./kafka-under-test.ts";
import { createLatencyReadings, sendAtRate } from "./latency-load.ts";
import { percentilesOf, type Percentiles } from "./percentiles.ts";
import { timed, useOf } from "./process-use.ts";
import { sharedClock } from "./shared-clock.ts";
import { followTopic } from "./topic-follower.ts";

/** What one run is to measure. */
export interface BrokerSetting {
  readonly kafka: string | undefined;
  readonly folder: string;
  readonly messages: number;
  readonly rates: readonly number[];
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly idleSeconds: number;
  readonly signal: AbortSignal;
}

/** Messages a second, and a second of the broker's CPU. */
export interface Throughput {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** One run against one fresh broker. */
export interface BrokerRun {
  readonly description: string;
  /** From the request for the broker to its first answer about topics; NaN for one that ran already. */
  readonly startMs: number;
  /** CPU in percent of one core, resident memory, both before any message. */
  readonly idle: { readonly cpuPercent: number; readonly rssMiB: number };
  /** Resident memory after all. */
  readonly rssMiB: number;
  /** By the client's name. */
  readonly produce: Readonly<Record<string, Throughput>>;
  readonly consume: Readonly<Record<string, Throughput>>;
  /** By messages a second: from the moment a message was due to its arrival at a waiting reader. */
  readonly endToEndMs: Readonly<Record<string, Percentiles>>;
  readonly faults: readonly string[];
}

const PARTITIONS = 3;
/** Different messages; they are sent again and again. */
const RECORDS = 100_000;
/** A new broker still has things to do; a JVM more than others. */
const SETTLE_MS = 3000;

/** Starts a broker, watches it idle, measures every client, and ends it. */
export async function runBroker(setting: BrokerSetting, name: string, say: (text: string) => void): Promise<BrokerRun> {
  const { signal } = setting;
  const folder = path.join(setting.folder, name);
  await mkdir(folder);
  const startedMs = performance.now();
  const kafka = await startKafkaUnderTest(setting.kafka, folder, signal);
  try {
    const cluster = new Cluster({ brokers: kafka.brokers }, systemClock);
    await cluster.partitions(null);
    const startMs = kafka.kind === "external" ? Number.NaN : performance.now() - startedMs;
    await cluster.close();
    const idle = await idleUse(kafka, setting);
    const client = await connectKafka({ brokers: kafka.brokers });
    const topics: string[] = [];
    try {
      const measured = await measureClients(setting, kafka, client, name, topics, folder, say);
      return {
        description: kafka.description,
        startMs,
        idle,
        ...measured,
        rssMiB: (await useOf(kafka.pids)).rssMb,
      };
    } finally {
      if (kafka.kind === "external") await client.topics.delete(topics).catch(() => undefined);
      await client.close();
    }
  } finally {
    await kafka.stop();
  }
}

async function idleUse(kafka: KafkaUnderTest, setting: BrokerSetting): Promise<BrokerRun["idle"]> {
  await systemClock.sleep(SETTLE_MS, setting.signal);
  const { seconds, cpuSeconds } = await timed(kafka.pids, () => systemClock.sleep(setting.idleSeconds * 1000, setting.signal));
  return { cpuPercent: (cpuSeconds * 100) / seconds, rssMiB: (await useOf(kafka.pids)).rssMb };
}

async function measureClients(
  setting: BrokerSetting,
  kafka: KafkaUnderTest,
  client: KafkaClient,
  name: string,
  topics: string[],
  folder: string,
  say: (text: string) => void,
): Promise<Pick<BrokerRun, "produce" | "consume" | "endToEndMs" | "faults">> {
  const topicOf = async (what: string, partitions: number): Promise<string> => {
    const topic = `bench-broker-${process.pid}-${name}-${what.replaceAll(" ", "-")}`;
    topics.push(topic);
    await client.topics.create({ topic, partitions });
    return topic;
  };
  const { signal, messages } = setting;
  const clients = await measuredClients({ client, brokers: kafka.brokers, folder, records: records(), partitions: PARTITIONS, signal });
  const [first] = clients;
  const endToEndMs: Record<string, Percentiles> = {};
  const faults: string[] = [];
  for (const rate of setting.rates) {
    say(`${name}: end to end at ${rate} messages/s`);
    const { latencyMs, missing } = await endToEnd(setting, kafka, client, await topicOf(`rate-${rate}`, 1), rate);
    endToEndMs[rate] = latencyMs;
    if (missing > 0) faults.push(`${missing} messages did not arrive at ${rate} messages/s`);
  }
  const produce: Record<string, Throughput> = {};
  const consume: Record<string, Throughput> = {};
  for (const one of clients) {
    const count = Math.max(1, Math.round(messages * one.share));
    say(`${name}: ${one.name} produces ${count} messages`);
    await move(one.produce, await topicOf(`${one.name}-warm-up`, PARTITIONS), Math.ceil(count / 10), kafka);
    const topic = await topicOf(one.name, PARTITIONS);
    produce[one.name] = await move(one.produce, topic, count, kafka);
    const stored = (await client.topics.offsets(topic)).reduce((sum, { earliest, latest }) => sum + latest - earliest, 0);
    if (stored < count) faults.push(`${stored} of ${count} messages that ${one.name} sent are in the topic`);
  }
  const full = topics[topics.findIndex((topic) => topic.endsWith(`-${(first as MeasuredClient).name.replaceAll(" ", "-")}`))] ?? "";
  for (const one of clients) {
    const count = Math.max(1, Math.round(messages * one.share));
    say(`${name}: ${one.name} consumes ${count} messages`);
    await move(one.consume, full, Math.ceil(count / 10), kafka);
    consume[one.name] = await move(one.consume, full, count, kafka);
  }
  return { produce, consume, endToEndMs, faults };
}

async function move(how: MeasuredClient["produce"], topic: string, messages: number, kafka: KafkaUnderTest): Promise<Throughput> {
  const moving = await how(topic, messages);
  try {
    const { seconds, cpuSeconds } = await timed(kafka.pids, () => moving.run());
    return { perSecond: messages / seconds, perCpuSecond: messages / cpuSeconds };
  } finally {
    await moving.close();
  }
}

/** Our producer to our reader through one partition: the n-th message that arrives is the n-th that was sent. */
async function endToEnd(
  setting: BrokerSetting,
  kafka: KafkaUnderTest,
  client: KafkaClient,
  topic: string,
  ratePerSecond: number,
): Promise<{ latencyMs: Percentiles; missing: number }> {
  const coverage = new Coverage();
  const producer = await client.producer();
  const follower = followTopic(kafka.brokers, topic, setting.signal);
  try {
    const fromMs = sharedClock.monotonicMs() + setting.warmUpSeconds * 1000;
    const { sent } = await sendAtRate({
      producer,
      topic,
      next: createLatencyReadings(1, 1),
      ratePerSecond,
      seconds: setting.warmUpSeconds + setting.seconds,
      clock: sharedClock,
      signal: setting.signal,
      onReading: (_, dueMs) => coverage.sent("all", dueMs),
    });
    for (const [i, { atMs }] of (await follower.upTo(sent)).entries()) coverage.result("all", i + 1, atMs);
    return { latencyMs: percentilesOf(coverage.latencies(fromMs, Infinity)), missing: coverage.faults().missing };
  } finally {
    await follower.close();
    await producer.close();
  }
}

/** Readings of the lab with the time of their making. */
function records(): KafkaRecord[] {
  const generator = createSensorRecords({ seed: 1 });
  const out: GeneratedRecord[] = [];
  const nowMs = Date.now();
  for (let i = 0; i < RECORDS; i++) generator.next(nowMs, nowMs, out);
  return out.map(({ key, value }) => ({ key, value }));
}
