import { systemClock } from "../../base/clock.ts";
import { runAsService, tellParent } from "../../base/own-process.ts";
import { runGenerator } from "../../generators/run-generator.ts";
import { createSensorRecords } from "../../generators/sensors.ts";
import { spoil } from "../../generators/spoil.ts";
import { connectKafka, parseBrokers } from "../../kafka/connect-kafka.ts";
import { processConfig } from "../../stack/process-config.ts";
import type { GeneratorConfig, GeneratorMessage } from "./process-messages.ts";

const tell = (message: GeneratorMessage): void => tellParent(message);

/**
 * The generator as a process of its own. It connects, says that it is ready, waits for `{type: "start"}`, then produces and tells `progress`
 * each quarter of a second and `done` with its totals; then it ends. Asked to end earlier, it waits for what is in flight and tells `done` as well.
 */
await runAsService(async (stopping) => {
  const config = processConfig<GeneratorConfig>();
  const client = await connectKafka({ brokers: parseBrokers(config.brokers), clientId: "sensor-generator" });
  const producer = await client.producer();
  const started = new Promise<void>((resolve) => {
    process.on("message", (message) => {
      if ((message as { type?: unknown }).type === "start") resolve();
    });
    stopping.addEventListener("abort", () => resolve(), { once: true });
  });
  const sensors = createSensorRecords({ seed: config.seed });
  const run = started.then(async () => {
    const startedAtMs = systemClock.nowMs();
    const totals = await runGenerator({
      generator: config.spoil ? spoil(sensors, { ...config.spoil, seed: config.seed }) : sensors,
      send: async (records) => void (await producer.send(config.topic, records)),
      ratePerSecond: config.ratePerSecond,
      ...(config.seconds === undefined ? {} : { seconds: config.seconds }),
      ...(config.count === undefined ? {} : { count: config.count }),
      signal: stopping,
      clock: systemClock,
      progressEveryMs: 250,
      onProgress: (progress) => tell({ type: "progress", progress }),
    });
    tell({ type: "done", totals, startedAtMs, endedAtMs: systemClock.nowMs() });
  });
  return {
    ready: {},
    ended: run,
    close: async () => {
      await run;
      await client.close();
    },
  };
});
