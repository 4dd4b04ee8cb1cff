import { enableCompileCache } from "node:module";
import path from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { projectRoot } from "../src/base/project.ts";
import { startFreshPipeline } from "../src/labs/iot/fresh-pipeline.ts";
import { createResourceSampler } from "../src/monitor/resources.ts";
import { chooseBackends } from "../src/stack/backends.ts";
import { createRunFolder } from "../src/stack/run-folder.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { machineLine, runBenchmark, spreadText, type BenchmarkReport } from "./benchmark.ts";
import { runEngine, type DrainSetting } from "./drain-runs.ts";
import { isCommand } from "./is-command.ts";
import { KAFKA_CHOICES, startKafkaUnderTest } from "./kafka-under-test.ts";
import { startLab, type LabStart } from "./lab-start.ts";
import { describeMachine, loadNow, spreadOf, type Spread } from "./machine.ts";
import { figuresFile, readOptions, wholeNumber } from "./options.ts";
import { preload } from "./workload.ts";

const USAGE = `Measures how long a query and the whole lab take to start, and what their processes cost while nothing happens.

  npm run bench:start -- [options]
    --repeat N        starts of each, after one that does not count; the median counts (5)
    --messages N      readings in the topic of the query (100000)
    --idle N          seconds over which the idle processes are watched (10)
    --kafka CHOICE    ${KAFKA_CHOICES} (embedded)
    --json FILE       where the figures go (.streamlab/bench/start-<time>.json)

First row: from the request for a process with Q1 over a topic that holds readings to the commit of its first batch, results in a topic.
Lab: from the command "streamlab lab" to its dashboard's page, and to the first stored document that a client can read.
Idle: the lab's processes after two seconds of load, when everything is stored and nothing comes any more. CPU in percent of one core.
`;

/** What a process of the idle lab takes. */
export interface IdleProcess {
  readonly process: string;
  readonly cpuPercent: number;
  readonly rssMiB: number;
}

export interface StartReport extends BenchmarkReport {
  readonly benchmark: "start";
  readonly broker: string;
  readonly messages: number;
  readonly repeat: number;
  readonly firstRowMs: Spread;
  readonly dashboardMs: Spread;
  readonly firstDocumentMs: Spread;
  readonly idleSeconds: number;
  readonly idle: readonly IdleProcess[];
}

interface Options {
  readonly repeat: number;
  readonly messages: number;
  readonly idleSeconds: number;
  readonly kafka: string;
  readonly json: string;
}

const LOAD_SECONDS = 2;
const SETTLE_MS = 3000;

export function parseStartOptions(args: readonly string[]): Options | undefined {
  const values = readOptions(
    {
      repeat: { type: "string", default: "5" },
      messages: { type: "string", default: "100000" },
      idle: { type: "string", default: "10" },
      kafka: { type: "string", default: "embedded" },
      json: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    args,
  );
  if (values.help) return undefined;
  return {
    repeat: wholeNumber("repeat", values.repeat, 1),
    messages: wholeNumber("messages", values.messages, 1),
    idleSeconds: wholeNumber("idle", values.idle, 1),
    kafka: values.kafka,
    json: figuresFile("start", values.json),
  };
}

async function measure(options: Options, signal: AbortSignal, say: (text: string) => void): Promise<StartReport> {
  enableCompileCache();
  const loadBefore = loadNow();
  const time = new Date().toISOString();
  const rows = await firstRows(options, signal, say);
  const labs: LabStart[] = [];
  for (let i = 0; i <= options.repeat; i++) {
    say(i === 0 ? "lab: a start that does not count" : `lab: start ${i} of ${options.repeat}`);
    const start = await startLab(options.kafka, signal);
    if (i > 0) labs.push(start);
  }
  const idle = await idleProcesses(options, signal, say);
  return {
    benchmark: "start",
    time,
    broker: rows.broker,
    messages: options.messages,
    repeat: options.repeat,
    firstRowMs: spreadOf(rows.firstRowMs),
    dashboardMs: spreadOf(labs.map(({ dashboardMs }) => dashboardMs)),
    firstDocumentMs: spreadOf(labs.map(({ firstDocumentMs }) => firstDocumentMs)),
    idleSeconds: options.idleSeconds,
    idle,
    machine: describeMachine(loadBefore),
    faults: [],
  };
}

/** Starts Q1 again and again in a fresh process, over readings that are there. */
async function firstRows(
  options: Options,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<{ broker: string; firstRowMs: number[] }> {
  const run = await createRunFolder(path.join(stateFolder(projectRoot), "bench-runs"));
  try {
    const kafka = await startKafkaUnderTest(options.kafka, run.path, signal);
    try {
      const topic = `bench-start-${run.name}`;
      await preload({ brokers: kafka.brokers, topic, count: options.messages, signal });
      const setting: DrainSetting = {
        brokers: kafka.address,
        topic,
        messages: options.messages,
        sink: "kafka",
        maxOffsetsPerTrigger: options.messages,
        folder: run.path,
        signal,
      };
      const firstRowMs: number[] = [];
      for (let i = 0; i <= options.repeat; i++) {
        say(i === 0 ? "query: a start that does not count" : `query: start ${i} of ${options.repeat}`);
        const one = await runEngine(setting, "Q1", true);
        if (i > 0) firstRowMs.push(one.firstRowMs);
      }
      return { broker: kafka.description, firstRowMs };
    } finally {
      await kafka.stop();
    }
  } finally {
    await run.remove();
  }
}

/** Runs the lab's parts without its report, gives them a little to do, and watches them when it is done. */
async function idleProcesses(options: Options, signal: AbortSignal, say: (text: string) => void): Promise<IdleProcess[]> {
  say(`lab: idle for ${options.idleSeconds} s`);
  const backends = chooseBackends({ kafka: options.kafka, mongo: "embedded" }, projectRoot);
  const pipeline = await startFreshPipeline({ backends, folder: "bench-runs", rate: 1000, seed: 1, dashboardPort: 0, signal });
  try {
    await pipeline.produce(LOAD_SECONDS, signal);
    await pipeline.drain(30_000);
    await systemClock.sleep(SETTLE_MS, signal);
    const sampler = createResourceSampler(systemClock);
    for (const { process: name, pid } of pipeline.monitor.snapshot().resources) if (pid !== process.pid) sampler.watch(name, pid);
    await sampler.sample();
    await systemClock.sleep(options.idleSeconds * 1000, signal);
    return (await sampler.sample()).map(({ process: name, cpuPercent, rssMb }) => ({ process: name, cpuPercent, rssMiB: rssMb }));
  } finally {
    await pipeline.stop();
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);

function print(report: StartReport): void {
  console.log(`Start with the ${report.broker}; median (min – max) of ${report.repeat} starts after one that does not count`);
  console.log(machineLine(report));
  console.table([
    { from: "query process", to: "first row committed", s: spreadText(report.firstRowMs, seconds) },
    { from: "streamlab lab", to: "dashboard up", s: spreadText(report.dashboardMs, seconds) },
    { from: "streamlab lab", to: "first stored document", s: spreadText(report.firstDocumentMs, seconds) },
  ]);
  console.log(`Idle over ${report.idleSeconds} s, with one document a second from the monitor`);
  console.table(report.idle.map((one) => ({ process: one.process, "CPU %": one.cpuPercent.toFixed(1), "RSS MiB": one.rssMiB.toFixed(0) })));
}

if (isCommand(import.meta.filename)) process.exitCode = await runBenchmark({ usage: USAGE, parse: parseStartOptions, measure, print });
