import path from "node:path";
import { runAsService, tellParent } from "../src/base/own-process.ts";
import type { StreamingQueryProgress } from "../src/engine/query/progress.ts";
import type { Sink } from "../src/engine/sinks/sink.ts";
import { readSensorData } from "../src/labs/iot/queries.ts";
import { createSession } from "../src/engine/api/session.ts";
import { kafkaFormat } from "../src/kafka/source.ts";
import { processConfig } from "../src/stack/process-config.ts";
import type { EngineJob, EngineResult } from "./drain-job.ts";
import { drainMessages, drainQuery, ReadingCount, SHAPES } from "./drain-queries.ts";

/** The engine as a process of its own that drains the topic once, with checkpoint, dead letters and all, and tells what it cost. */
await runAsService(() => {
  const job = processConfig<EngineJob>();
  const stop = new AbortController();
  return Promise.resolve({
    ready: {},
    ended: drain(job, stop.signal).then((result) => tellParent({ ...result })),
    close: () => {
      stop.abort();
      return Promise.resolve();
    },
  });
});

async function drain(job: EngineJob, stopping: AbortSignal): Promise<EngineResult> {
  const session = createSession({ formats: [kafkaFormat] });
  const totals = createTotals(job.askedAtMs);
  let first: (() => void) | undefined;
  session.streams.addListener({
    onQueryProgress: ({ progress }) => {
      totals.add(progress);
      if (job.firstRowOnly) first?.();
    },
  });
  const { brokers, topic, maxOffsetsPerTrigger } = job;
  const rows = drainQuery(job.query, readSensorData(session, { brokers, topic, startingOffsets: "earliest", maxOffsetsPerTrigger }));
  const counting = countingSink(job);
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const writer = (job.resultTopic === undefined ? rows : drainMessages(job.query, rows)).writeStream
    .queryName(job.query)
    .outputMode(SHAPES[job.query].mode)
    .option("checkpointLocation", path.join(job.folder, "checkpoint"))
    .deadLetter(path.join(job.folder, "dead-letters"))
    .trigger(job.firstRowOnly ? { processingTime: "0 seconds" } : { availableNow: true });
  if (job.resultTopic === undefined) writer.sink(counting.sink);
  else writer.format("kafka").options({ "kafka.bootstrap.servers": brokers, topic: job.resultTopic });
  const query = await writer.start();
  stopping.addEventListener("abort", () => void query.stop());
  if (job.firstRowOnly) {
    await new Promise<void>((resolve, reject) => {
      first = resolve;
      if (query.lastProgress) resolve();
      query.awaitTermination().then(() => resolve(), reject);
    });
    await query.stop();
  } else await query.awaitTermination();
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    type: "drained",
    ...totals.result(),
    elapsedMs,
    cpuMs: (user + system) / 1000,
    systemMs: system / 1000,
    peakRssMiB: process.resourceUsage().maxRSS / 1024,
    ...(job.resultTopic === undefined ? { counted: counting.total() } : {}),
  };
}

type Totals = Omit<EngineResult, "type" | "elapsedMs" | "cpuMs" | "systemMs" | "peakRssMiB" | "counted">;

/** Adds the progress reports up. */
function createTotals(askedAtMs: number): { add(progress: StreamingQueryProgress): void; result(): Totals } {
  const sums = { messages: 0, batches: 0, keptRows: 0, filteredRows: 0, lateRows: 0, deadLetterRows: 0 };
  const durationMs: Record<string, number> = {};
  let firstRowMs = Number.NaN;
  return {
    add: (progress) => {
      if (sums.batches === 0) firstRowMs = Date.now() - askedAtMs;
      sums.batches++;
      sums.messages += progress.numInputRows;
      const metrics = progress.sources[0]?.metrics ?? {};
      for (const name of ["keptRows", "filteredRows", "lateRows", "deadLetterRows"] as const) {
        if (progress.numInputRows > 0) sums[name] += Number(metrics[name] ?? 0);
      }
      for (const [part, ms] of Object.entries(progress.durationMs)) durationMs[part] = (durationMs[part] ?? 0) + ms;
    },
    result: () => ({
      messages: sums.messages,
      batches: sums.batches,
      kept: sums.keptRows,
      filtered: sums.filteredRows,
      late: sums.lateRows,
      deadLettered: sums.deadLetterRows,
      durationMs,
      firstRowMs,
    }),
  };
}

/** Throws rows away, and counts the readings in them. */
function countingSink(job: EngineJob): { readonly sink: Sink; total(): number } {
  const groups = new ReadingCount();
  let alerts = 0;
  const sink: Sink = {
    description: "noop, counting",
    write: ({ rows }) => {
      if (job.query === "Q3") alerts += rows.length;
      else
        for (const [window, type, place, , , , readings] of rows)
          groups.add(`${String(window)} ${String(type)} ${String(place)}`, Number(readings));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { sink, total: () => (job.query === "Q3" ? alerts : groups.total) };
}
