import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { projectRoot } from "../../../src/base/project.ts";
import { startBroker } from "../../../src/broker/broker.ts";
import { errorCodes } from "../../../src/kafka-protocol/error-codes.ts";
import { apiVersionsApi } from "../../../src/kafka-protocol/messages/api-versions.ts";
import { findCoordinatorApi } from "../../../src/kafka-protocol/messages/find-coordinator.ts";
import { connectForRequests } from "../../../src/kafka-protocol/request-connection.ts";
import { requireJava } from "../../../src/stack/kafka-jvm/java.ts";
import { startKafkaCluster } from "../../../src/stack/kafka-jvm/kafka-cluster.ts";
import { fetchKafkaJars, KAFKA_VERSION } from "../../../src/stack/kafka-jvm/kafka-jars.ts";
import { cacheFolder } from "../../../src/stack/state-folder.ts";
import type { SecurityProtocol } from "../../../src/stack/kafka-jvm/server-properties.ts";
import { findOracle } from "../../oracle.ts";
import { CONFORMANCE_USER } from "../scenario/users.ts";
import { startJavaTools, type JavaTools } from "./java-tools.ts";
import { normalise, type Plain } from "./normalise.ts";
import { eventually, placeAt, type Programs, type SecureListeners, type Target } from "./place.ts";
import { type ClientKind, type RequestTap, startRequestTap } from "./request-tap.ts";
import type { Theme } from "./step.ts";

/** The versions of one API that a broker advertises. */
export interface ServedApi {
  readonly key: number;
  readonly versions: readonly [least: number, most: number];
}

/** What a step gave at one target. */
export interface StepOutcome {
  readonly transcript: Plain;
  /** The step itself went wrong: no answer to compare. */
  readonly failure?: string;
  readonly ms: number;
}

/** A step with what it gave at both targets. */
export interface RanStep {
  readonly theme: string;
  readonly client: ClientKind;
  readonly title: string;
  readonly frame?: { readonly key: number; readonly version: number };
  readonly embedded: StepOutcome;
  readonly kafka: StepOutcome;
}

/** A run of the scenario against both brokers. */
export interface ConformanceRun {
  readonly steps: readonly RanStep[];
  readonly served: { readonly embedded: readonly ServedApi[]; readonly kafka: readonly ServedApi[] };
  /** What clients sent to the embedded broker: client → API key → versions. */
  readonly sent: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
  readonly ranOn: Readonly<Record<string, string>>;
  readonly seconds: number;
}

export interface RunOptions {
  readonly themes: readonly Theme[];
  /** Only steps of these clients. */
  readonly clients?: readonly ClientKind[];
  readonly signal?: AbortSignal;
  /** Told of each step that has ended. */
  readonly onStep?: (target: Target["name"], theme: string, title: string, ms: number) => void;
}

/** As many themes at once: most of a step is waiting. */
const THEMES_AT_ONCE = 3;

/** No step takes nearly so long. */
const STEP_MS = 40_000;

/** What both brokers are told: the records of the scenario have times of long ago, and must outlive it. */
const CONFIGS: Readonly<Record<string, string>> = { "log.retention.check.interval.ms": "240000", "log.cleaner.backoff.ms": "200" };

const HOST = "127.0.0.1";
const SECURE = ["SSL", "SASL_PLAINTEXT", "SASL_SSL"] as const;

/** What real Kafka is told beside that, to be quick. */
const KAFKA_PROPERTIES: Readonly<Record<string, string>> = {
  ...CONFIGS,
  "log.initial.task.delay.ms": "300000",
  "offsets.topic.num.partitions": "1",
  "transaction.state.log.num.partitions": "1",
  "share.coordinator.state.topic.num.partitions": "1",
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "super.users": "User:ANONYMOUS",
  "num.network.threads": "2",
  "num.io.threads": "4",
};

async function servedBy(target: Target): Promise<ServedApi[]> {
  const connection = await connectForRequests(target);
  try {
    const { apiKeys } = await connection.request(apiVersionsApi, 3, { clientSoftwareName: "conformance", clientSoftwareVersion: "1" });
    return apiKeys
      .map(({ apiKey, minVersion, maxVersion }) => ({ key: apiKey, versions: [minVersion, maxVersion] as const }))
      .sort((a, b) => a.key - b.key);
  } finally {
    connection.close();
  }
}

/** Waits until groups and transactions have their coordinator: real Kafka makes their topics at the first question. */
async function warmUp(target: Target): Promise<void> {
  const connection = await connectForRequests(target);
  try {
    for (const keyType of [0, 1]) {
      await eventually(`coordinator ${keyType}`, async () => {
        const answer = await connection.request(findCoordinatorApi, 2, { key: "warm-up", keyType, coordinatorKeys: [] });
        return answer.errorCode === errorCodes.NONE || undefined;
      });
    }
  } finally {
    connection.close();
  }
}

function kcatVersion(kcat: string): string {
  const said = execFileSync(kcat, ["-V"], { encoding: "utf8" });
  return `${/Version (\S+)/.exec(said)?.[1] ?? "?"} with librdkafka ${/librdkafka (\S+)/.exec(said)?.[1] ?? "?"}`;
}

async function versionOf(packageName: string): Promise<string> {
  const file = path.join(projectRoot, "node_modules", packageName, "package.json");
  return (JSON.parse(await readFile(file, "utf8")) as { version: string }).version;
}

async function runTheme(
  theme: Theme,
  targets: readonly [Target, Target],
  programs: Programs,
  clients: readonly ClientKind[],
  onStep: RunOptions["onStep"],
): Promise<RanStep[]> {
  const steps = theme.steps.filter(({ client }) => clients.includes(client));
  if (steps.length === 0) return [];
  const outcomes = await Promise.all(
    targets.map(async (target) => {
      const place = placeAt(target, programs);
      const done: StepOutcome[] = [];
      try {
        await inTime(theme.before?.(place) ?? Promise.resolve());
        for (const step of steps) {
          const started = performance.now();
          const ms = (): number => Math.round(performance.now() - started);
          try {
            done.push({ transcript: normalise(await inTime(step.run(place)), target), ms: ms() });
          } catch (thrown) {
            const failure = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
            done.push({ transcript: null, failure, ms: ms() });
            place.close();
          }
          onStep?.(target.name, theme.name, step.title, ms());
        }
      } catch (thrown) {
        const failure = `before the theme: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
        while (done.length < steps.length) done.push({ transcript: null, failure, ms: 0 });
      } finally {
        place.close();
      }
      return done;
    }),
  );
  const [embedded, kafka] = outcomes as [StepOutcome[], StepOutcome[]];
  return steps.map(({ client, title, frame }, i) => ({
    theme: theme.name,
    client,
    title,
    ...(frame ? { frame } : {}),
    embedded: embedded[i] as StepOutcome,
    kafka: kafka[i] as StepOutcome,
  }));
}

/** A step that hangs is a finding like another. */
async function inTime<T>(running: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${STEP_MS / 1000} s`)), STEP_MS);
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

function sentBy(tap: RequestTap): ConformanceRun["sent"] {
  return Object.fromEntries(
    [...tap.seen]
      .filter(([client]) => client !== "raw")
      .sort()
      .map(([client, apis]) => [
        client,
        Object.fromEntries([...apis].sort(([a], [b]) => a - b).map(([key, versions]) => [key, [...versions].sort((a, b) => a - b)])),
      ]),
  );
}

/** Starts both brokers, runs the scenario against them, and ends them. */
export async function runConformance(options: RunOptions): Promise<ConformanceRun> {
  const started = performance.now();
  const clients = options.clients ?? ["raw", "kafkajs", "kcat", "java"];
  const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-conformance-"));
  const cleanups: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  try {
    const cache = cacheFolder(projectRoot);
    const java = requireJava();
    const jars = await fetchKafkaJars(cache, options.signal);
    const tap = await startRequestTap();
    cleanups.push(() => tap.close());
    const broker = await startBroker({
      dataDir: path.join(folder, "embedded"),
      configs: CONFIGS,
      listeners: [{ protocol: "PLAINTEXT", advertised: { host: HOST, port: tap.port } }, ...SECURE.map((protocol) => ({ protocol }))],
      users: [CONFORMANCE_USER],
      authorizer: { superUsers: ["User:ANONYMOUS"] },
    });
    cleanups.push(() => broker.close());
    tap.relayTo(broker.port);
    const cluster = await startKafkaCluster({
      folder: path.join(folder, "kafka"),
      cache,
      heapMiB: 320,
      quick: true,
      properties: KAFKA_PROPERTIES,
      secure: SECURE,
      users: [CONFORMANCE_USER],
      ...(options.signal ? { signal: options.signal } : {}),
    });
    cleanups.push(() => cluster.kill());
    let tools: JavaTools | undefined;
    if (clients.includes("java")) {
      tools = startJavaTools({ java, jars, heapMiB: 256, quick: true, temporary: folder });
      cleanups.push(() => tools?.close() ?? Promise.resolve());
    }
    const kcat = findOracle("kcat");
    const secureOf = async (
      name: string,
      addressOf: (protocol: SecurityProtocol) => string,
      certificate: string,
    ): Promise<SecureListeners> => {
      const certificateFile = path.join(folder, `${name}.pem`);
      await writeFile(certificateFile, certificate);
      return {
        ssl: addressOf("SSL"),
        saslPlaintext: addressOf("SASL_PLAINTEXT"),
        saslSsl: addressOf("SASL_SSL"),
        certificateFile,
        certificate,
      };
    };
    const ours = (protocol: SecurityProtocol): string => broker.listeners.find((one) => one.protocol === protocol)?.address ?? "";
    const target = (name: Target["name"], port: number, secure: SecureListeners): Target => ({
      name,
      host: HOST,
      port,
      address: `${HOST}:${port}`,
      secure,
    });
    const targets = [
      target("embedded", tap.port, await secureOf("embedded", ours, await readFile(broker.caFile ?? "", "utf8"))),
      target(
        "kafka",
        Number(cluster.address.split(":")[1]),
        await secureOf("kafka", (protocol) => cluster.addressFor(protocol), cluster.certificate ?? ""),
      ),
    ] as const;
    await warmUp(targets[1]);
    const programs: Programs = { java: tools, kcat, folder };
    const waiting = [...options.themes];
    const ran = new Map<string, RanStep[]>();
    const lane = async (): Promise<void> => {
      for (let theme = waiting.shift(); theme; theme = waiting.shift())
        ran.set(theme.name, await runTheme(theme, targets, programs, clients, options.onStep));
    };
    await Promise.all(Array.from({ length: THEMES_AT_ONCE }, lane));
    const [embedded, kafka] = await Promise.all(targets.map(servedBy));
    return {
      steps: options.themes.flatMap(({ name }) => ran.get(name) ?? []),
      served: { embedded: embedded ?? [], kafka: kafka ?? [] },
      sent: sentBy(tap),
      ranOn: {
        "Apache Kafka": KAFKA_VERSION,
        kafkajs: await versionOf("kafkajs"),
        ...(kcat && existsSync(kcat) ? { kcat: kcatVersion(kcat) } : {}),
        Java: String(java.major),
        Node: process.versions.node.split(".")[0] ?? "",
      },
      seconds: Math.round((performance.now() - started) / 100) / 10,
    };
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}
