import { mkdir } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../base/project.ts";
import type { Backend, Backends } from "./backends.ts";
import { requireJava } from "./kafka-jvm/java.ts";
import { fetchKafkaJars, KAFKA_VERSION } from "./kafka-jvm/kafka-jars.ts";
import { dockerServer } from "./docker/docker-server.ts";
import { choosePort } from "./port.ts";
import type { ServiceSpec } from "./service-process.ts";
import { cacheFolder } from "./state-folder.ts";
import { type SupervisedService, superviseService } from "./supervisor.ts";

/** One server that a run uses: started by it, or found at an address. */
export interface Server {
  readonly name: "kafka" | "mongo";
  /** Full name for reports: "Kafka-protocol development broker (embedded)". */
  readonly backendName: string;
  /** Kafka: bootstrap list. MongoDB: URI. */
  readonly address: string;
  /** Undefined for an external server. */
  readonly process?: SupervisedService;
  /** How long its end may take, where that is longer than usual. */
  readonly stopMs?: number;
}

/** The servers of one run. */
export interface Servers {
  readonly kafka: Server;
  readonly mongo: Server;
  /** Ends what this run started, the document server last; external servers stay. */
  stop(): Promise<void>;
}

/** What an embedded server is called wherever a user reads of it, and how it starts. */
export const EMBEDDED = {
  kafka: { title: "Kafka-protocol development broker", service: "broker", module: "broker/main.ts", defaultPort: 9092 },
  mongo: {
    title: "MongoDB-protocol development server",
    service: "document server",
    module: "document-server/main.ts",
    defaultPort: 27017,
  },
} as const;

/** The service of an embedded server. Its data lie in a folder of its own below `dataDir`. */
export function embeddedService(name: "kafka" | "mongo", port: number, dataDir: string): ServiceSpec {
  const { service, module } = EMBEDDED[name];
  return {
    name: service,
    module,
    args: ["--port", String(port), "--data", path.join(dataDir, name)],
    nodeArgs: ["--max-semi-space-size=8"],
  };
}

/** A server that is started here, embedded or not. */
export interface StartableServer {
  /** "Kafka-protocol development broker" */
  readonly title: string;
  /** "Kafka-protocol development broker (embedded)" */
  readonly backendName: string;
  /** As messages call it: "broker". */
  readonly service: string;
  readonly defaultPort: number;
  /** The module of its process, relative to src. */
  readonly module: string;
  /** How long it may take to start. */
  readonly startMs: number;
  /** The name of its folder below that of all data: servers of different kinds do not read each other's. */
  readonly folder: string;
  spec(port: number, dataDir: string): ServiceSpec;
  /** Fetches what is missing on this machine. @throws StackError */
  prepare(signal?: AbortSignal): Promise<void>;
  /** How long it may take to end; 10 s if not given. */
  readonly stopMs?: number;
  /** The address with what clients must say to be let in, where that is not written down: in the address of its process there is no password. */
  readonly clientAddress?: (address: string) => string;
}

/** How the server of a backend is started that does not run elsewhere. */
export function startable(name: "kafka" | "mongo", backend: Exclude<Backend, { readonly kind: "external" }>): StartableServer {
  if (backend.kind === "jvm") return apacheKafka(backend.nodes);
  if (backend.kind === "docker") return dockerServer(name, backend.nodes);
  return {
    ...EMBEDDED[name],
    backendName: `${EMBEDDED[name].title} (embedded)`,
    startMs: 15_000,
    folder: name,
    spec: (port, dataDir) => embeddedService(name, port, dataDir),
    prepare: () => Promise.resolve(),
  };
}

function apacheKafka(nodes: number): StartableServer {
  const title = `Apache Kafka ${KAFKA_VERSION}`;
  const module = "stack/kafka-jvm/main.ts";
  const folder = nodes === 1 ? "kafka-jvm" : `kafka-jvm-${nodes}`;
  return {
    title,
    backendName: `${title} (${nodes === 1 ? "one node" : `${nodes} nodes`}, started here with Java)`,
    service: "Apache Kafka",
    defaultPort: EMBEDDED.kafka.defaultPort,
    module,
    startMs: 100_000,
    folder,
    spec: (port, dataDir) => ({
      name: "Apache Kafka",
      module,
      args: ["--nodes", String(nodes), "--port", String(port), "--data", path.join(dataDir, folder)],
    }),
    prepare: async (signal) => {
      requireJava();
      await fetchKafkaJars(cacheFolder(projectRoot), signal);
    },
  };
}

/** What a server's address looks like to its clients. */
export function addressOf(name: "kafka" | "mongo", host: string, port: number): string {
  return name === "kafka" ? `${host}:${port}` : `mongodb://${host}:${port}`;
}

/**
 * Starts those of the chosen backends that do not run elsewhere as processes of this run, both at once.
 * @throws StackError when one does not start; the other is stopped then.
 */
export async function startServers(options: {
  readonly backends: Backends;
  /** Where the servers keep their data. */
  readonly dataDir: string;
  readonly kafkaPort?: number;
  readonly mongoPort?: number;
  readonly signal?: AbortSignal;
}): Promise<Servers> {
  const started = await Promise.allSettled([
    startServer("kafka", options.backends.kafka, options.kafkaPort, options.dataDir, options.signal),
    startServer("mongo", options.backends.mongo, options.mongoPort, options.dataDir, options.signal),
  ]);
  const [kafka, mongo] = started;
  if (kafka.status === "rejected" || mongo.status === "rejected") {
    await Promise.all(started.map(async (server) => (server.status === "fulfilled" ? server.value.process?.stop() : undefined)));
    throw kafka.status === "rejected" ? kafka.reason : mongo.status === "rejected" ? mongo.reason : undefined;
  }
  return {
    kafka: kafka.value,
    mongo: mongo.value,
    stop: async () => {
      await kafka.value.process?.stop(kafka.value.stopMs);
      await mongo.value.process?.stop(mongo.value.stopMs);
    },
  };
}

async function startServer(
  name: "kafka" | "mongo",
  backend: Backend,
  port: number | undefined,
  dataDir: string,
  signal: AbortSignal | undefined,
): Promise<Server> {
  if (backend.kind === "external")
    return { name, backendName: `${name === "kafka" ? "Kafka" : "MongoDB"} at ${redact(backend.address)}`, address: backend.address };
  const server = startable(name, backend);
  const chosen = await choosePort(server.service, port, server.defaultPort);
  await server.prepare(signal);
  await mkdir(path.join(dataDir, server.folder), { recursive: true });
  const running = await superviseService(server.spec(chosen, dataDir), { timeoutMs: server.startMs, ...(signal ? { signal } : {}) });
  const told = running.ready.address;
  const address = typeof told === "string" ? told : addressOf(name, "127.0.0.1", Number(running.ready.port));
  return {
    name,
    backendName: server.backendName,
    address: server.clientAddress?.(address) ?? address,
    process: running,
    ...(server.stopMs === undefined ? {} : { stopMs: server.stopMs }),
  };
}

function redact(address: string): string {
  return address.replace(/\/\/[^@/]*@/, "//…@");
}
