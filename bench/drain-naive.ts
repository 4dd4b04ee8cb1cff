import { randomUUID } from "node:crypto";
import { runAsService, tellParent } from "../src/base/own-process.ts";
import type { SensorReading } from "../src/generators/sensors.ts";
import { parseBrokers } from "../src/kafka/connect-kafka.ts";
import { createKafkaJs } from "../src/kafka/kafkajs-adapter.ts";
import { processConfig } from "../src/stack/process-config.ts";
import type { DrainJob, NaiveResult } from "./drain-job.ts";
import { SHAPES, type DrainShape } from "./drain-queries.ts";

/**
 * The program that one writes in an evening: kafkajs eachBatch, JSON.parse, a Map. No watermark, no checkpoint, no dead letters, no sink: what it
 * finds stays in memory. Its time runs from its first batch to the message that is the last of `messages`.
 */
await runAsService(async () => {
  const job = processConfig<DrainJob>();
  const { windowMs, slideMs } = SHAPES[job.query];
  const fold = job.query === "Q3" ? createAlerts() : createWindows({ windowMs, slideMs });
  const consumer = createKafkaJs({ brokers: parseBrokers(job.brokers) }).consumer({
    groupId: `naive-${randomUUID()}`,
    maxWaitTimeInMs: 500,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [job.topic], fromBeginning: true });
  let seen = 0;
  let startedAt = 0;
  let cpuBefore = process.cpuUsage();
  const ended = new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    const running = consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        if (startedAt === 0) {
          startedAt = performance.now();
          cpuBefore = process.cpuUsage();
        }
        if (seen >= job.messages) return;
        for (const message of batch.messages) fold.add(JSON.parse(String(message.value)) as SensorReading);
        seen += batch.messages.length;
        if (seen >= job.messages) {
          const { user, system } = process.cpuUsage(cpuBefore);
          const result: NaiveResult = {
            type: "drained",
            messages: seen,
            counted: fold.total(),
            elapsedMs: performance.now() - startedAt,
            cpuMs: (user + system) / 1000,
            systemMs: system / 1000,
            peakRssMiB: process.resourceUsage().maxRSS / 1024,
          };
          tellParent({ ...result });
          resolve();
        }
        await heartbeat();
      },
    });
    running.catch(reject);
  });
  return { ready: {}, ended, close: () => consumer.disconnect() };
});

interface Fold {
  add(reading: SensorReading): void;
  /** Readings in the results. */
  total(): number;
}

function createWindows({ windowMs, slideMs }: Pick<DrainShape, "windowMs" | "slideMs">): Fold {
  const groups = new Map<string, { sum: number; count: number; max: number; min: number }>();
  return {
    add: ({ timestamp, sensor_type, location, value }) => {
      const time = Date.parse(timestamp);
      for (let start = Math.floor(time / slideMs) * slideMs; start > time - windowMs; start -= slideMs) {
        const key = `${start}|${sensor_type}|${location}`;
        const group = groups.get(key);
        if (group) {
          group.sum += value;
          group.count++;
          if (value > group.max) group.max = value;
          if (value < group.min) group.min = value;
        } else groups.set(key, { sum: value, count: 1, max: value, min: value });
      }
    },
    total: () => [...groups.values()].reduce((sum, { count }) => sum + count, 0),
  };
}

function createAlerts(): Fold {
  const alerts: Record<string, unknown>[] = [];
  return {
    add: ({ sensor_id, location, value, timestamp, status }) => {
      if (status !== "anomaly") return;
      alerts.push({ sensor_id, location, value, timestamp, alert_type: value > 90 ? "CRITICAL" : value > 80 ? "WARNING" : "INFO" });
    },
    total: () => alerts.length,
  };
}
