import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Backend, Backends } from "./backends.ts";
import { choosePort } from "./port.ts";
import type { ServiceSpec } from "./service-process.ts";
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

/** What a server's address looks like to its clients. */
export function addressOf(name: "kafka" | "mongo", host: string, port: number): string {
  return name === "kafka" ? `${host}:${port}` : `mongodb://${host}:${port}`;
}

/**
 * Starts the embedded ones of the chosen backends as processes of this run, both at once.
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
      await kafka.value.process?.stop();
      await mongo.value.process?.stop();
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
  const { service, defaultPort, title } = EMBEDDED[name];
  const chosen = await choosePort(service, port, defaultPort);
  await mkdir(path.join(dataDir, name), { recursive: true });
  const running = await superviseService(embeddedService(name, chosen, dataDir), signal ? { signal } : {});
  return { name, backendName: `${title} (embedded)`, address: addressOf(name, "127.0.0.1", Number(running.ready.port)), process: running };
}

function redact(address: string): string {
  return address.replace(/\/\/[^@/]*@/, "//…@");
}
