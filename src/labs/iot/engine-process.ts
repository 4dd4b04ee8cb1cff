import { runAsService, tellParent } from "../../base/own-process.ts";
import { processConfig } from "../../stack/process-config.ts";
import { createSession } from "../session.ts";
import type { EngineConfig, EngineMessage } from "./process-messages.ts";
import { anomalyAlerts, readSensorData, sensorMetrics, writeAnomalyAlerts, writeSensorMetrics } from "./queries.ts";

const tell = (message: EngineMessage): void => tellParent(message);

/**
 * The engine with the lab's two queries as a process of its own. It tells where each query goes on, then every progress event, and ends when
 * a query fails; where one of them cannot start, none runs.
 */
await runAsService(async () => {
  const config = processConfig<EngineConfig>();
  const session = createSession();
  session.streams.addListener({ onQueryProgress: ({ progress }) => tell({ type: "progress", progress }) });
  const { brokers, topic, startingOffsets, maxOffsetsPerTrigger } = config;
  const limit = maxOffsetsPerTrigger === undefined ? {} : { maxOffsetsPerTrigger };
  const readings = (groupId: string): ReturnType<typeof readSensorData> =>
    readSensorData(session, { brokers, topic, startingOffsets, groupId, ...limit });
  const starting = await Promise.allSettled([
    writeSensorMetrics(sensorMetrics(readings("streamlab-metrics")), config),
    writeAnomalyAlerts(anomalyAlerts(readings("streamlab-anomalies")), config),
  ]);
  const refused = starting.find((start) => start.status === "rejected");
  if (refused) {
    await session.streams.stopAll();
    throw refused.reason;
  }
  const queries = starting.flatMap((start) => (start.status === "fulfilled" ? [start.value] : []));
  for (const query of queries) tell({ type: "position", query: query.name ?? query.id, offset: query.committed[0] ?? null });
  const failed = queries.map((query) =>
    query.awaitTermination().catch((thrown: unknown) => {
      tell({ type: "failed", query: query.name ?? query.id, message: thrown instanceof Error ? thrown.message : String(thrown) });
      process.exitCode = 1;
    }),
  );
  return {
    ready: { queries: queries.map(({ name }) => name) },
    ended: Promise.race(failed).then(() => undefined),
    close: () => session.streams.stopAll(),
  };
});
