import type { GeneratedRecord } from "../src/generators/record.ts";
import { createSensorRecords } from "../src/generators/sensors.ts";
import { outOfOrder } from "../src/generators/spoil.ts";
import { connectKafka } from "../src/kafka/connect-kafka.ts";
import { createProducer } from "../src/kafka/producer.ts";

/** Workload W: sensor readings, event time +1 ms a message less a jitter of up to 2 s, keyed by sensor. */
export type Workload = {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly count: number;
  /** 3 if not given. */
  readonly partitions?: number;
  readonly seed?: number;
  /** Event time of message 0, milliseconds since the epoch. */
  readonly startMs?: number;
  /** Hears from time to time how many messages have been sent. */
  onProgress?(sent: number): void;
  readonly signal?: AbortSignal;
};

/** What was loaded. */
export type Loaded = {
  readonly count: number;
  /** How many of the messages have the status anomaly. */
  readonly anomalies: number;
  readonly elapsedMs: number;
  /** Of the values. */
  readonly bytes: number;
};

/** Event time of message 0 unless another is given: a round day, so that windows are the same in every run. */
export const WORKLOAD_START_MS: number = Date.UTC(2026, 0, 1);

const ANOMALY = '"status":"anomaly"}';
const PROGRESS_EVERY = 250_000;

/** Makes the topic, with endless retention since its times lie in the past, and loads the workload; the same seed and count give the same bytes. Times in milliseconds. */
export async function preload(workload: Workload): Promise<Loaded> {
  const { brokers, topic, count, partitions = 3, seed = 1, startMs = WORKLOAD_START_MS, signal } = workload;
  const client = await connectKafka({ brokers });
  try {
    await client.topics.create({ topic, partitions, config: { "retention.ms": "-1" } });
  } finally {
    await client.close();
  }
  const generator = outOfOrder(createSensorRecords({ seed }), seed, 2000);
  const producer = await createProducer({ brokers });
  const delivery = producer.begin();
  const startedAt = performance.now();
  const out: GeneratedRecord[] = [];
  let bytes = 0;
  let anomalies = 0;
  try {
    for (let i = 0; i < count; i++) {
      if (i % PROGRESS_EVERY === 0) {
        signal?.throwIfAborted();
        workload.onProgress?.(i);
      }
      out.length = 0;
      generator.next(startMs + i, startMs + i, out);
      for (const { key, value, timestampMs } of out) {
        bytes += value?.length ?? 0;
        if (typeof value === "string" && value.endsWith(ANOMALY)) anomalies++;
        const full = delivery.add(topic, key, value, timestampMs);
        if (full) await full;
      }
    }
    await delivery.end(signal);
  } finally {
    await producer.close();
  }
  return { count, anomalies, elapsedMs: performance.now() - startedAt, bytes };
}
