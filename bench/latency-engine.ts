import { writeFile } from "node:fs/promises";
import path from "node:path";
import { runAsService, tellParent } from "../src/base/own-process.ts";
import { createSession, type Session } from "../src/engine/api/session.ts";
import type { Format } from "../src/engine/formats.ts";
import type { StreamingQueryProgress } from "../src/engine/query/progress.ts";
import type { SinkBatch } from "../src/engine/sinks/sink.ts";
import type { StreamingQuery } from "../src/engine/query/streaming-query.ts";
import { kafkaFormat } from "../src/kafka/source.ts";
import { anomalyAlerts, readSensorData } from "../src/labs/iot/queries.ts";
import { mongodbFormat } from "../src/mongo/sink.ts";
import { processConfig } from "../src/stack/process-config.ts";
import { drainMessages, drainQuery, SHAPES } from "./drain-queries.ts";
import type { BatchFigures, LatencyJob, LatencyQuery, LatencyRequest, LatencyResult, WrittenResult } from "./latency-job.ts";
import { alertOf, groupOf } from "./latency-load.ts";
import { sharedNowMs } from "./shared-clock.ts";

/** The engine as a process of its own that runs queries with the default trigger, with checkpoint, dead letters and all, until it is told to finish. */
await runAsService(async (stopping) => {
  const job = processConfig<LatencyJob>();
  const written = new Map<LatencyQuery, WrittenResult[]>(job.queries.map((query) => [query, []]));
  const measured = createMeasure();
  const mongo = timed(mongodbFormat, measured.wrote, (query, batch) => written.get(query)?.push(...resultsOf(query, batch)));
  const session = createSession({ formats: [timed(kafkaFormat, measured.wrote), mongo] });
  session.streams.addListener({ onQueryProgress: ({ progress }) => measured.add(progress) });
  const queries: StreamingQuery[] = [];
  for (const query of job.queries) queries.push(await start(session, job, query));
  const finished = new Promise<void>((resolve) => {
    process.on("message", ({ type }: LatencyRequest) => {
      if (type === "mark") measured.mark();
      else resolve();
    });
    stopping.addEventListener("abort", () => resolve());
  });
  const failed = Promise.all(queries.map((query) => query.awaitTermination()));
  return {
    ready: {},
    ended: Promise.race([finished, failed]).then(async () => {
      if (stopping.aborted) return;
      const figures = measured.result();
      for (const query of queries) await query.processAllAvailable();
      const lost = measured.lost();
      for (const query of queries) await query.stop();
      for (const [query, results] of written) await writeFile(path.join(job.folder, `written-${query}.json`), JSON.stringify(results));
      tellParent({ ...figures, lost });
    }),
    close: async () => {
      await Promise.allSettled(queries.map((query) => query.stop()));
    },
  };
});

function start(session: Session, job: LatencyJob, query: LatencyQuery): Promise<StreamingQuery> {
  const readings = readSensorData(session, { brokers: job.brokers, topic: job.topic, startingOffsets: "earliest" });
  const target = `${job.resultPrefix}-${query}`;
  const toMongo = job.sink === "mongodb";
  const rows = toMongo && query === "Q3" ? anomalyAlerts(readings) : drainQuery(query, readings);
  const writer = (toMongo ? rows : drainMessages(query, drainQuery(query, readings))).writeStream
    .queryName(query)
    .outputMode(SHAPES[query].mode)
    .option("checkpointLocation", path.join(job.folder, query))
    .deadLetter(path.join(job.folder, `${query}-dead-letters`));
  return toMongo
    ? writer
        .format("mongodb")
        .options({
          uri: job.mongo?.uri ?? "",
          database: job.mongo?.database ?? "",
          collection: target,
          idFields: query === "Q1" ? ["window.start", "sensor_type", "location"] : ["topic", "partition", "offset"],
        })
        .start()
    : writer.format("kafka").options({ "kafka.bootstrap.servers": job.brokers, topic: target }).start();
}

/** A format whose sink tells how long each write took; `onWritten` hears of the rows at once after it. */
function timed(
  format: Format,
  onTime: (query: LatencyQuery, ms: number) => void,
  onWritten?: (query: LatencyQuery, batch: SinkBatch) => void,
): Format {
  return {
    ...format,
    openSink: async (context) => {
      const sink = await format.openSink?.(context);
      if (!sink) throw new Error("the format writes nothing");
      const query = context.queryName as LatencyQuery;
      return {
        description: sink.description,
        metrics: () => sink.metrics?.() ?? {},
        close: () => sink.close(),
        write: async (batch, signal) => {
          const startedMs = performance.now();
          await sink.write(batch, signal);
          onTime(query, performance.now() - startedMs);
          onWritten?.(query, batch);
        },
      };
    },
  };
}

/** The results in the rows of a batch that the document server has acknowledged just now. */
function resultsOf(query: LatencyQuery, batch: SinkBatch): WrittenResult[] {
  const atMs = sharedNowMs();
  const at = (name: string): number => batch.schema.fields.findIndex((field) => field.name === name);
  const [window, type, place, readings] = [at("window"), at("sensor_type"), at("location"), at("message_count")];
  const [sensor, timestamp, value] = [at("sensor_id"), at("timestamp"), at("value")];
  return batch.rows.map((row) =>
    query === "Q1"
      ? [groupOf(Number((row[window] as readonly unknown[])[0]) / 1000, String(row[type]), String(row[place])), Number(row[readings]), atMs]
      : [alertOf(String(row[sensor]), Number(row[timestamp]) / 1000, Number(row[value])), 1, atMs],
  );
}

/** Adds up what the progress reports say from the mark on, and what was lost over the whole run. */
function createMeasure() {
  const sums = new Map<string, { batches: number; readings: number; durationMs: Record<string, number> }>();
  const sumOf = (query: string) => {
    const known = sums.get(query) ?? { batches: 0, readings: 0, durationMs: {} };
    sums.set(query, known);
    return known;
  };
  const addMs = (query: string, part: string, ms: number): void => {
    const { durationMs } = sumOf(query);
    durationMs[part] = (durationMs[part] ?? 0) + ms;
  };
  let lost = 0;
  let cpu = process.cpuUsage();
  let sinceMs = performance.now();
  return {
    mark: (): void => {
      sums.clear();
      cpu = process.cpuUsage();
      sinceMs = performance.now();
    },
    add: (progress: StreamingQueryProgress): void => {
      if (progress.numInputRows === 0) return;
      const metrics = progress.sources[0]?.metrics ?? {};
      lost += Number(metrics.lateRows ?? 0) + Number(metrics.deadLetterRows ?? 0);
      const name = String(progress.name);
      const sum = sumOf(name);
      sum.batches++;
      sum.readings += progress.numInputRows;
      for (const [part, ms] of Object.entries(progress.durationMs)) addMs(name, part, ms);
      addMs(
        name,
        "stateCommit",
        progress.stateOperators.reduce((ms, one) => ms + one.commitTimeMs, 0),
      );
    },
    wrote: (query: LatencyQuery, ms: number): void => addMs(query, "sink", ms),
    lost: (): number => lost,
    result: (): Omit<LatencyResult, "lost"> => {
      const { user, system } = process.cpuUsage(cpu);
      return {
        type: "finished",
        batches: Object.fromEntries(sums) as Readonly<Partial<Record<LatencyQuery, BatchFigures>>>,
        cpuMs: (user + system) / 1000,
        elapsedMs: performance.now() - sinceMs,
        peakRssMiB: process.resourceUsage().maxRSS / 1024,
      };
    },
  };
}
