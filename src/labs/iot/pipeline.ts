import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { MongoClient } from "mongodb";
import { type Clock, systemClock } from "../../base/clock.ts";
import { type KafkaClient, connectKafka, parseBrokers } from "../../kafka/connect-kafka.ts";
import { connectMongo } from "../../mongo/connect-mongo.ts";
import { hostsOf } from "../../mongo/mongo-error.ts";
import { type Monitor, createMonitor } from "../../monitor/monitor.ts";
import type { PipelineSnapshot } from "../../monitor/snapshot.ts";
import type { Backends } from "../../stack/backends.ts";
import { choosePort } from "../../stack/port.ts";
import { configEnvironment } from "../../stack/process-config.ts";
import { type Servers, startServers } from "../../stack/servers.ts";
import { type SupervisedService, superviseService } from "../../stack/supervisor.ts";
import { type DrainTracker, createDrainTracker } from "./drain-tracker.ts";
import { prepareCollections, prepareTopic } from "./infrastructure.ts";
import { IOT } from "./names.ts";
import type { EngineConfig, EngineMessage, GeneratorConfig } from "./process-messages.ts";
import { type Produced, produceReadings } from "./producing.ts";

/** How a pipeline is to run. */
export interface IotPipelineOptions {
  readonly backends: Backends;
  /** Data of the embedded servers, checkpoints and dead letters of this run. */
  readonly dataDir: string;
  /** Messages per second. */
  readonly rate: number;
  readonly seed: number;
  readonly topic?: string;
  readonly database?: string;
  /** Undefined: 8050, or a free port where it is taken. False: no dashboard. */
  readonly dashboardPort?: number | false | undefined;
  /** What the run made on servers of others and takes away at its end. */
  readonly temporary?: { readonly topic: boolean; readonly database: boolean };
  readonly spoil?: GeneratorConfig["spoil"];
  readonly maxOffsetsPerTrigger?: number;
  readonly clock?: Clock;
  /** Breaks off the start. */
  readonly signal?: AbortSignal;
}

/** The whole path of the IoT lab, running: servers, both queries, dashboard, monitor. */
export interface IotPipeline {
  readonly servers: Servers;
  readonly kafka: KafkaClient;
  readonly mongo: MongoClient;
  readonly monitor: Monitor;
  readonly topic: string;
  readonly database: string;
  readonly checkpointDir: string;
  readonly dashboard: { readonly url: string; readonly address: string } | null;
  /** How often each part had to be started again, by its name. */
  restarts(): Readonly<Record<string, number>>;
  /** Why queries failed, if some did. */
  failures(): readonly string[];
  /** Produces for so many seconds at the pipeline's rate; ends early, with what is in flight acknowledged, when the signal aborts. */
  produce(seconds: number, signal: AbortSignal): Promise<Produced>;
  /** Resolves with true as soon as both queries have stored all that is in the topic, with false after `timeoutMs`. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Ends everything that the pipeline started. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts the path from its end: servers, topic and collections, engine, dashboard, so that the first message finds everything ready.
 * Each part is a process of its own, started again when it is killed.
 */
export async function startIotPipeline(options: IotPipelineOptions): Promise<IotPipeline> {
  const { signal } = options;
  const clock = options.clock ?? systemClock;
  const topic = options.topic ?? IOT.topic;
  const database = options.database ?? IOT.database;
  const checkpointDir = path.join(options.dataDir, "checkpoints");
  const monitor = createMonitor({ clock, askedRate: options.rate });
  const closers: (() => Promise<unknown>)[] = [];
  const stop = closeOnce(closers);
  try {
    await mkdir(checkpointDir, { recursive: true });
    const servers = await startServers({ backends: options.backends, dataDir: options.dataDir, ...(signal ? { signal } : {}) });
    closers.push(() => servers.stop());
    const kafka = await connectKafka({ brokers: parseBrokers(servers.kafka.address), clientId: "iot-lab" });
    closers.push(() => kafka.close());
    const mongo = await connectMongo(servers.mongo.address, { appName: "iot-lab" });
    closers.push(() => mongo.close());
    await Promise.all([prepareTopic(kafka, topic), prepareCollections(mongo.db(database))]);
    if (options.temporary?.topic) closers.push(() => kafka.topics.delete([topic]));
    if (options.temporary?.database) closers.push(() => mongo.db(database).dropDatabase());

    const engineConfig: EngineConfig = {
      brokers: servers.kafka.address,
      topic,
      mongoUri: servers.mongo.address,
      database,
      checkpointDir,
      startingOffsets: "earliest",
      ...(options.maxOffsetsPerTrigger === undefined ? {} : { maxOffsetsPerTrigger: options.maxOffsetsPerTrigger }),
    };
    const [engine, dashboard] = await startAll([
      startEngine(engineConfig, signal),
      options.dashboardPort === false ? undefined : startDashboardService(servers.mongo.address, database, options.dashboardPort, signal),
    ]);
    closers.push(() => engine.stop());
    if (dashboard) closers.push(() => dashboard.stop());

    const tracker = createDrainTracker(kafka, topic, clock);
    const failures = listenToEngine(engine, monitor, tracker);
    const supervised = [servers.kafka.process, servers.mongo.process, engine, dashboard].filter(isRunning);
    const addresses = new Map([
      ["broker", servers.kafka.address],
      ["document server", hostsOf(servers.mongo.address)],
      ["dashboard", `127.0.0.1:${String(dashboard?.ready.port)}`],
    ]);
    for (const service of supervised) watchService(monitor, service, addresses.get(service.name) ?? "");
    monitor.watch("lab", process.pid);
    closers.push(startMonitoring(monitor, mongo, database));

    return {
      servers,
      kafka,
      mongo,
      monitor,
      topic,
      database,
      checkpointDir,
      dashboard: dashboard ? { url: String(dashboard.ready.url), address: `127.0.0.1:${String(dashboard.ready.port)}` } : null,
      restarts: () => Object.fromEntries(supervised.map((service) => [service.name, service.restarts])),
      failures: () => failures,
      produce: (seconds, stopProducing) => {
        const spoil = options.spoil ? { spoil: options.spoil } : {};
        const config = { brokers: servers.kafka.address, topic, ratePerSecond: options.rate, seconds, seed: options.seed, ...spoil };
        return produceReadings(config, monitor, stopProducing);
      },
      drain: (timeoutMs) => tracker.drained(timeoutMs),
      stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

function isRunning(service: SupervisedService | undefined): service is SupervisedService {
  return service !== undefined;
}

/** Closes what was opened, last first, once however often it is called. */
function closeOnce(closers: (() => Promise<unknown>)[]): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () =>
    (closing ??= (async () => {
      for (const close of closers.reverse()) await close();
    })());
}

/** Both services, or neither: when one does not start, the other is stopped. */
async function startAll<D extends SupervisedService | undefined>(
  starting: readonly [Promise<SupervisedService>, Promise<D> | undefined],
): Promise<[SupervisedService, D | undefined]> {
  const [first, second] = await Promise.allSettled([starting[0], starting[1] ?? Promise.resolve(undefined)]);
  if (first.status === "fulfilled" && second.status === "fulfilled") return [first.value, second.value];
  if (first.status === "fulfilled") await first.value.stop();
  if (second.status === "fulfilled" && second.value) await second.value.stop();
  throw first.status === "rejected" ? first.reason : second.status === "rejected" ? second.reason : undefined;
}

function startEngine(config: EngineConfig, signal: AbortSignal | undefined): Promise<SupervisedService> {
  const spec = {
    name: "engine",
    module: "labs/iot/engine-process.ts",
    args: [],
    nodeArgs: ["--max-semi-space-size=8"],
    env: configEnvironment(config),
  };
  return superviseService(spec, signal ? { signal } : {});
}

async function startDashboardService(
  mongoUri: string,
  database: string,
  port: number | undefined,
  signal: AbortSignal | undefined,
): Promise<SupervisedService> {
  const chosen = await choosePort("dashboard", port, 8050);
  const args = ["--database", database, "--port", String(chosen)];
  const spec = {
    name: "dashboard",
    module: "dashboard/main.ts",
    args,
    nodeArgs: ["--max-semi-space-size=2"],
    env: { STREAMLAB_MONGO: mongoUri },
  };
  return superviseService(spec, signal ? { signal } : {});
}

/** Passes progress on; the answer fills with the failures of queries. */
function listenToEngine(engine: SupervisedService, monitor: Monitor, tracker: DrainTracker): readonly string[] {
  const failures: string[] = [];
  engine.onMessage((message) => {
    const said = message as unknown as EngineMessage;
    if (said.type === "failed") failures.push(`${said.query}: ${said.message}`);
    if (said.type === "progress") monitor.progress(said.progress);
    tracker.heard(said);
  });
  return failures;
}

function watchService(monitor: Monitor, service: SupervisedService, address: string): void {
  monitor.watch(service.name, service.pid);
  monitor.service({ name: service.name, address, state: "up" });
  service.onEvent((event) => {
    monitor.service({ name: event.name, address, state: event.state });
    if (event.state === "up") monitor.watch(event.name, event.pid);
  });
}

/** Samples once a second and stores each sample for the dashboard; the answer ends it. */
function startMonitoring(monitor: Monitor, mongo: MongoClient, database: string): () => Promise<void> {
  const ending = new AbortController();
  const snapshots = mongo.db(database).collection(IOT.snapshotsCollection);
  let storing: Promise<unknown> = Promise.resolve();
  monitor.onSample((snapshot: PipelineSnapshot) => {
    storing = storing.then(() => snapshots.insertOne({ ...snapshot })).catch(() => undefined);
  });
  const running = monitor.run(ending.signal);
  return async () => {
    ending.abort();
    await running;
    await storing;
  };
}
