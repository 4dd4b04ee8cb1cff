import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { codeOf } from "../../src/base/errors.ts";
import { inspectCheckpoint } from "../../src/engine/checkpoint/inspection.ts";
import { openFileSink } from "../../src/engine/sinks/file-sink.ts";
import type { Sink, SinkBatch } from "../../src/engine/sinks/sink.ts";
import { type JobHooks, startJob } from "./checkpoint-jobs.ts";

/**
 * A program that runs the windows job in `folder` and has something happen to it in batch 2, at a step of the batch.
 * `stop`: it stops itself as SIGSTOP does. `fill`: the disk is full, then has room again; it says how the query ended, looks at the checkpoint and
 * starts the query a second time. `none`: nothing. Results are one file a window in `<results>`, the same name for the same window; or, of the job
 * without state, what the file sink writes there; or documents of the collection that is named so. Those two sinks are hit when they ask for the second
 * time whether the checkpoint is still theirs: between two writes of one batch.
 */
type Fault = "stop" | "fill" | "none";
type Step = "w1" | "w2" | "w3" | "w4";
type Target = "keyed" | "files" | "mongodb";

const BATCH = 2;

async function main(folder: string, results: string, fault: Fault, at: Step, target: Target): Promise<void> {
  if (target !== "mongodb") await mkdir(results, { recursive: true });
  const ballast = path.join(folder, "ballast");
  let due = fault !== "none";
  const happen = (step: Step): void => {
    if (!due || step !== at) return;
    due = false;
    if (fault === "stop") process.kill(process.pid, "SIGSTOP");
    else fillDisk(ballast);
  };
  const hooks: JobHooks = {
    onLatest: (from) => from === BATCH && happen("w1"),
    onRead: (from) => from === BATCH && happen("w2"),
  };
  const write = (batch: SinkBatch): Promise<void> => {
    for (const [i, row] of batch.rows.entries()) {
      if (batch.batchId === BATCH && i === 1) happen("w3");
      batch.verify?.();
      const [[start], device] = row as [[number, number], string];
      writeFileSync(path.join(results, `${start}-${device}`), JSON.stringify(row));
    }
    if (batch.batchId === BATCH) happen("w4");
    return Promise.resolve();
  };
  const run = async (): Promise<string> => {
    const keyed = { description: "a file a window", write, close: () => Promise.resolve() };
    const sink = target === "keyed" ? keyed : interrupted(await openSink(target, results), () => happen("w3"));
    const query = await startJob(target === "files" ? "stateless" : "windows", path.join(folder, "checkpoint"), sink, hooks);
    const ended = await query.processAllAvailable().then(
      () => "done",
      (thrown: unknown) => `${codeOf(thrown)}: ${String(thrown)}`,
    );
    await query.stop();
    return ended;
  };
  const first = await run();
  process.stdout.write(`${first}\n`);
  if (fault !== "fill") return;
  const { faults, begun, committed } = await inspectCheckpoint(path.join(folder, "checkpoint"));
  process.stdout.write(`${JSON.stringify({ faults, begun: begun?.batchId, committed: committed?.batchId })}\n`);
  rmSync(ballast);
  process.stdout.write(`${await run()}\n`);
}

async function openSink(target: Target, results: string): Promise<Sink> {
  if (target === "files") return openFileSink("json", { options: { path: results }, clock: systemClock, outputMode: "append" });
  const { openMongoSink } = await import("../../src/mongo/sink.ts");
  const uri = process.env.FAULT_MONGO ?? "";
  const options = { uri, database: "faults", collection: results, idFields: "window,device", bulkSize: "2" };
  return openMongoSink({ options, clock: systemClock, outputMode: "update" });
}

/** A sink to which something happens in the middle of batch 2. */
function interrupted(sink: Sink, happen: () => void): Sink {
  return {
    description: sink.description,
    write: (batch, signal) => {
      let asked = 0;
      const verify = (): void => {
        if (++asked === 2 && batch.batchId === BATCH) happen();
        batch.verify?.();
      };
      return sink.write({ ...batch, verify }, signal);
    },
    close: () => sink.close(),
  };
}

/** Writes until not one more byte fits. */
function fillDisk(file: string): void {
  for (let size = 1 << 20; size >= 1; size >>= 2) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch (thrown) {
      if (codeOf(thrown) !== "ENOSPC") throw thrown;
    }
  }
  if (!existsSync(file) || readFileSync(file).length === 0) throw new Error("the disk was not filled");
}

const [folder = "", results = "", fault = "none", at = "w1", target = "keyed"] = process.argv.slice(2);
await main(folder, results, fault as Fault, at as Step, target as Target);
