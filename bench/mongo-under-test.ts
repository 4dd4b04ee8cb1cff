import { mkdir } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../src/base/project.ts";
import { hostsOf } from "../src/mongo/mongo-error.ts";
import { chooseBackends } from "../src/stack/backends.ts";
import { addressOf, EMBEDDED, embeddedService } from "../src/stack/servers.ts";
import { startService } from "../src/stack/service-process.ts";

/** The document server that a benchmark runs against. */
export interface MongoUnderTest {
  readonly kind: "embedded" | "external";
  readonly uri: string;
  /** For the report; without user and password. */
  readonly description: string;
  /** The server's processes, for their CPU time and memory; none of one that runs elsewhere. */
  readonly pids: readonly number[];
  /** Ends what was started; a server that runs elsewhere stays. */
  stop(): Promise<void>;
}

/** What `--mongo` says in a benchmark's usage. */
export const MONGO_CHOICES = "embedded | mongodb://…";

/** Starts or finds the server that `--mongo` names: "embedded" (or nothing) in a process of its own, or a URI. Its data lie in `folder`, which the caller removes. */
export async function startMongoUnderTest(choice: string | undefined, folder: string, signal?: AbortSignal): Promise<MongoUnderTest> {
  const { mongo: backend } = chooseBackends({ kafka: "embedded", mongo: choice ?? "embedded" }, projectRoot);
  if (backend.kind === "external") {
    const { address } = backend;
    return { kind: "external", uri: address, description: `MongoDB at ${hostsOf(address)}`, pids: [], stop: () => Promise.resolve() };
  }
  await mkdir(path.join(folder, "mongo"), { recursive: true });
  const server = await startService(embeddedService("mongo", 0, folder), signal ? { signal } : {});
  return {
    kind: "embedded",
    uri: addressOf("mongo", "127.0.0.1", Number(server.ready.port)),
    description: `${EMBEDDED.mongo.title} (embedded, a process of its own)`,
    pids: [server.pid],
    stop: () => server.stop(),
  };
}
