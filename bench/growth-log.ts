import { mkdir } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../src/base/project.ts";
import { parseBrokers } from "../src/kafka/connect-kafka.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { createRunFolder } from "../src/stack/run-folder.ts";
import { addressOf, embeddedService } from "../src/stack/servers.ts";
import { startService } from "../src/stack/service-process.ts";
import { expectedReadings } from "./drain-queries.ts";
import { runEngine } from "./drain-runs.ts";
import { preload } from "./workload.ts";

/** A topic by its size. */
export interface LogSize {
  readonly messages: number;
  readonly partitions: number;
}

/** What a message costs Q1 that drains such a topic from its beginning. */
export interface LogFigures extends LogSize {
  readonly messagesPerSecond: number;
  readonly messagesPerCpuSecond: number;
  readonly peakRssMiB: number;
  /** Readings in the final results, and how many there should be. */
  readonly counted: number;
  readonly expected: number;
}

const BATCH = 1_000_000;

/** Loads one topic after the other into an embedded broker in a process of its own, and drains it once to warm the broker and once for the figures. */
export async function measureLogs(
  sizes: readonly LogSize[],
  signal: AbortSignal,
  onFigures: (figures: LogFigures) => void,
): Promise<LogFigures[]> {
  const run = await createRunFolder(path.join(stateFolder(projectRoot), "bench-runs"));
  try {
    await mkdir(path.join(run.path, "kafka"));
    const broker = await startService(embeddedService("kafka", 0, run.path), { signal });
    try {
      const brokers = addressOf("kafka", "127.0.0.1", Number(broker.ready.port));
      const all: LogFigures[] = [];
      for (const { messages, partitions } of sizes) {
        const topic = `bench-growth-${messages}-${partitions}`;
        const load = await preload({ brokers: parseBrokers(brokers), topic, count: messages, partitions, signal });
        const setting = { brokers, topic, messages, sink: "noop", maxOffsetsPerTrigger: BATCH, folder: run.path, signal } as const;
        await runEngine(setting, "Q1", true);
        const result = await runEngine(setting, "Q1");
        const figures: LogFigures = {
          messages,
          partitions,
          messagesPerSecond: Math.round((result.messages * 1000) / result.elapsedMs),
          messagesPerCpuSecond: Math.round((result.messages * 1000) / result.cpuMs),
          peakRssMiB: Math.round(result.peakRssMiB),
          counted: result.counted,
          expected: expectedReadings("Q1", load),
        };
        onFigures(figures);
        all.push(figures);
      }
      return all;
    } finally {
      await broker.stop();
    }
  } finally {
    await run.remove();
  }
}
