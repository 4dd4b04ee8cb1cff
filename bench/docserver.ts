import { mkdir } from "node:fs/promises";
import path from "node:path";
import { serialize } from "bson";
import type { Collection } from "mongodb";
import { StreamlabError } from "../src/base/errors.ts";
import { projectRoot } from "../src/base/project.ts";
import { createRandom, type Random } from "../src/base/random.ts";
import { connectMongo } from "../src/mongo/connect-mongo.ts";
import { LAB_INDEXES, SENSOR_METRICS } from "../src/mongo/indexes.ts";
import { createRunFolder } from "../src/stack/run-folder.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { machineLine, millions, runBenchmark, spreadText, type BenchmarkReport } from "./benchmark.ts";
import { metricDocument, metricFilter, type MetricDocument } from "./docserver-documents.ts";
import { isCommand } from "./is-command.ts";
import { describeMachine, loadNow, spreadOf, type Spread } from "./machine.ts";
import { MONGO_CHOICES, startMongoUnderTest } from "./mongo-under-test.ts";
import { figuresFile, readOptions, wholeNumber } from "./options.ts";
import { percentilesOf, type Percentiles } from "./percentiles.ts";
import { timed, useOf } from "./process-use.ts";

const USAGE = `Measures the document server through the mongodb driver: upserts in bulks and one by one, finds by an index.

  npm run bench:docserver -- [options]
    --documents N    documents in the collection (100000)
    --bulk N         documents in a bulk (1000)
    --singles N      upserts one by one, of each kind (2000)
    --seconds N      time of each kind of find (5)
    --repeat N       fresh servers, the median counts (3)
    --mongo CHOICE   ${MONGO_CHOICES} (embedded: the development server in a process of its own)
    --json FILE      where the figures go (.streamlab/bench/docserver-<time>.json)

The documents are window results of the lab (about 200 bytes), with the lab's two indexes; bulks are unordered replaceOne with upsert, one after the
other, as the engine's sink writes them. The driver runs in the measuring process and takes its part of the machine. An upsert with journal (j: true)
is on the disk before it is acknowledged, one without survives the end of the server's process.
`;

/** One run against one fresh server. Rates per second, times in milliseconds. */
export interface DocserverRun {
  /** Bulk upserts of new documents, and of documents that are there. */
  readonly insertsPerSecond: number;
  readonly insertsPerCpuSecond: number;
  readonly replacesPerSecond: number;
  readonly replacesPerCpuSecond: number;
  readonly insertBulkMs: Percentiles;
  readonly replaceBulkMs: Percentiles;
  /** Finds one after the other, and sixteen at a time. */
  readonly findMs: Percentiles;
  readonly findsPerSecond: number;
  readonly singleMs: Percentiles;
  readonly journaledMs: Percentiles;
  readonly rssMiB: number;
  readonly faults: readonly string[];
}

export interface DocserverReport extends BenchmarkReport {
  readonly benchmark: "docserver";
  readonly server: string;
  readonly documents: number;
  readonly documentBytes: number;
  readonly bulk: number;
  /** The figures of `runs` by their names, as spreads. */
  readonly rates: Readonly<Record<(typeof RATES)[number], Spread>>;
  readonly latenciesMs: Readonly<Record<(typeof LATENCIES)[number], { readonly p50: Spread; readonly p99: Spread }>>;
  readonly rssMiB: Spread;
  readonly runs: readonly DocserverRun[];
}

interface Options {
  readonly documents: number;
  readonly bulk: number;
  readonly singles: number;
  readonly seconds: number;
  readonly repeat: number;
  readonly mongo: string | undefined;
  readonly json: string;
}

const RATES = ["insertsPerSecond", "insertsPerCpuSecond", "replacesPerSecond", "replacesPerCpuSecond", "findsPerSecond"] as const;
const LATENCIES = ["insertBulkMs", "replaceBulkMs", "findMs", "singleMs", "journaledMs"] as const;
const FINDS_AT_A_TIME = 16;
const SEED = 1;

export function parseDocserverOptions(args: readonly string[]): Options | undefined {
  const values = readOptions(
    {
      documents: { type: "string", default: "100000" },
      bulk: { type: "string", default: "1000" },
      singles: { type: "string", default: "2000" },
      seconds: { type: "string", default: "5" },
      repeat: { type: "string", default: "3" },
      mongo: { type: "string" },
      json: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    args,
  );
  if (values.help) return undefined;
  return {
    documents: wholeNumber("documents", values.documents, 1),
    bulk: wholeNumber("bulk", values.bulk, 1),
    singles: wholeNumber("singles", values.singles, 1),
    seconds: wholeNumber("seconds", values.seconds, 1),
    repeat: wholeNumber("repeat", values.repeat, 1),
    mongo: values.mongo,
    json: figuresFile("docserver", values.json),
  };
}

async function measure(options: Options, signal: AbortSignal, say: (text: string) => void): Promise<DocserverReport> {
  const loadBefore = loadNow();
  const time = new Date().toISOString();
  const run = await createRunFolder(path.join(stateFolder(projectRoot), "bench-runs"));
  const runs: DocserverRun[] = [];
  let server = "";
  try {
    for (let i = 0; i < options.repeat; i++) {
      say(`run ${i + 1} of ${options.repeat}`);
      const folder = path.join(run.path, String(i));
      await mkdir(folder);
      const mongo = await startMongoUnderTest(options.mongo, folder, signal);
      server = mongo.description;
      try {
        runs.push(await measureServer(mongo, `bench-docserver-${run.name}`, options, signal));
      } finally {
        await mongo.stop();
      }
    }
  } finally {
    await run.remove();
  }
  const spread = (figure: (one: DocserverRun) => number): Spread => spreadOf(runs.map(figure));
  return {
    benchmark: "docserver",
    time,
    server,
    documents: options.documents,
    documentBytes: serialize(metricDocument(0, 0)).length,
    bulk: options.bulk,
    rates: Object.fromEntries(RATES.map((name) => [name, spread((one) => one[name])])) as DocserverReport["rates"],
    latenciesMs: Object.fromEntries(
      LATENCIES.map((name) => [name, { p50: spread((one) => one[name].p50), p99: spread((one) => one[name].p99) }]),
    ) as DocserverReport["latenciesMs"],
    rssMiB: spread((one) => one.rssMiB),
    runs,
    machine: describeMachine(loadBefore),
    faults: runs.flatMap(({ faults }) => faults),
  };
}

/** What writing all documents once took: the time of the bulks alone, not that of making their documents. */
interface Written {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly bulkMs: Percentiles;
}

async function measureServer(
  server: { readonly uri: string; readonly pids: readonly number[] },
  database: string,
  options: Options,
  signal: AbortSignal,
): Promise<DocserverRun> {
  const client = await connectMongo(server.uri, { appName: "streamlab bench", maxPoolSize: FINDS_AT_A_TIME });
  const db = client.db(database);
  try {
    const warm = db.collection<MetricDocument>("warm_up");
    await warm.createIndexes([...(LAB_INDEXES[SENSOR_METRICS] ?? [])]);
    await upsertAll(warm, Math.min(options.documents, 20 * options.bulk), options.bulk, 0, signal);
    const collection = db.collection<MetricDocument>(SENSOR_METRICS);
    await collection.createIndexes([...(LAB_INDEXES[SENSOR_METRICS] ?? [])]);
    const write = async (version: number): Promise<Written> => {
      let bulks: number[] = [];
      const { cpuSeconds } = await timed(server.pids, async () => {
        bulks = await upsertAll(collection, options.documents, options.bulk, version, signal);
      });
      const seconds = bulks.reduce((sum, ms) => sum + ms, 0) / 1000;
      return { perSecond: options.documents / seconds, perCpuSecond: options.documents / cpuSeconds, bulkMs: percentilesOf(bulks) };
    };
    const inserted = await write(0);
    const replaced = await write(1);
    const stored = await collection.countDocuments({ message_count: 2 });
    const random = createRandom(SEED);
    const findMs = await finds(collection, options, random, 1, signal);
    const together = await finds(collection, options, random, FINDS_AT_A_TIME, signal);
    const singleMs = await singles(collection, options, random, false, signal);
    const journaledMs = await singles(collection, options, random, true, signal);
    return {
      insertsPerSecond: inserted.perSecond,
      insertsPerCpuSecond: inserted.perCpuSecond,
      insertBulkMs: inserted.bulkMs,
      replacesPerSecond: replaced.perSecond,
      replacesPerCpuSecond: replaced.perCpuSecond,
      replaceBulkMs: replaced.bulkMs,
      findMs: percentilesOf(findMs),
      findsPerSecond: together.length / options.seconds,
      singleMs: percentilesOf(singleMs),
      journaledMs: percentilesOf(journaledMs),
      rssMiB: (await useOf(server.pids)).rssMb,
      faults: stored === options.documents ? [] : [`${stored} of ${options.documents} documents are stored as they were written last`],
    };
  } finally {
    await db.dropDatabase().catch(() => undefined);
    await client.close();
  }
}

/** Milliseconds of each bulk, without the making of its documents. */
async function upsertAll(
  collection: Collection<MetricDocument>,
  documents: number,
  bulk: number,
  version: number,
  signal: AbortSignal,
): Promise<number[]> {
  const times: number[] = [];
  for (let from = 0; from < documents; from += bulk) {
    signal.throwIfAborted();
    const operations = Array.from({ length: Math.min(bulk, documents - from) }, (_, i) => {
      const { _id, ...replacement } = metricDocument(from + i, version);
      return { replaceOne: { filter: { _id }, replacement, upsert: true } };
    });
    const startedMs = performance.now();
    await collection.bulkWrite(operations, { ordered: false });
    times.push(performance.now() - startedMs);
  }
  return times;
}

/** Looks for single documents by the index for `options.seconds`, so many at a time. @throws StreamlabError WRONG_RESULT where one is not found */
async function finds(
  collection: Collection<MetricDocument>,
  options: Options,
  random: Random,
  atATime: number,
  signal: AbortSignal,
): Promise<number[]> {
  const times: number[] = [];
  const endMs = performance.now() + options.seconds * 1000;
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      signal.throwIfAborted();
      const filter = metricFilter(random.below(options.documents));
      const startedMs = performance.now();
      const found = await collection.find({ ...filter }).toArray();
      times.push(performance.now() - startedMs);
      if (found.length !== 1)
        throw new StreamlabError("WRONG_RESULT", {
          failed: "Cannot measure finds",
          found: `${found.length} documents instead of one for ${JSON.stringify(filter)}`,
          remedy: "Look at the server: its answer is wrong.",
        });
    }
  };
  await Promise.all(Array.from({ length: atATime }, one));
  return times;
}

async function singles(
  collection: Collection<MetricDocument>,
  options: Options,
  random: Random,
  journal: boolean,
  signal: AbortSignal,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < options.singles; i++) {
    signal.throwIfAborted();
    const { _id, ...replacement } = metricDocument(random.below(options.documents), 2);
    const startedMs = performance.now();
    await collection.replaceOne({ _id }, replacement, { upsert: true, ...(journal ? { writeConcern: { w: 1, journal: true } } : {}) });
    times.push(performance.now() - startedMs);
  }
  return times;
}

const ms = (value: number): string => value.toFixed(2);

function print(report: DocserverReport): void {
  const { rates, latenciesMs: latencies } = report;
  console.log(`${millions(report.documents)} documents of ${report.documentBytes} bytes, two indexes, in the ${report.server}`);
  console.log(`${machineLine(report)}; median (min – max) of ${report.runs.length} runs`);
  const latency = (name: (typeof LATENCIES)[number]): { "p50 ms": string; "p99 ms": string } => ({
    "p50 ms": spreadText(latencies[name].p50, ms),
    "p99 ms": spreadText(latencies[name].p99, ms),
  });
  console.table([
    {
      what: `bulk upserts of ${report.bulk}, new`,
      "per s": spreadText(rates.insertsPerSecond, millions),
      "per CPU-s of the server": spreadText(rates.insertsPerCpuSecond, millions),
      ...latency("insertBulkMs"),
    },
    {
      what: `bulk upserts of ${report.bulk}, replacing`,
      "per s": spreadText(rates.replacesPerSecond, millions),
      "per CPU-s of the server": spreadText(rates.replacesPerCpuSecond, millions),
      ...latency("replaceBulkMs"),
    },
    { what: `indexed finds, ${FINDS_AT_A_TIME} at a time`, "per s": spreadText(rates.findsPerSecond, millions) },
    { what: "indexed finds, one by one", ...latency("findMs") },
    { what: "upserts one by one", ...latency("singleMs") },
    { what: "upserts one by one, with journal", ...latency("journaledMs") },
  ]);
  console.log(`Memory of the server at the end: ${spreadText(report.rssMiB, (value) => value.toFixed(0))} MiB`);
}

if (isCommand(import.meta.filename)) process.exitCode = await runBenchmark({ usage: USAGE, parse: parseDocserverOptions, measure, print });
