import { projectRoot } from "../../base/project.ts";
import type { StartableServer } from "../servers.ts";
import { composeProject, requireDocker, type ComposeService } from "./compose.ts";
import { ensureSecrets, readSecrets } from "./secrets.ts";

const IMAGES = { kafka: "Apache Kafka 4.3.1", mongo: "MongoDB 8.0.20" } as const;
const DEFAULT_PORTS: Readonly<Record<ComposeService, number>> = { kafka: 9092, replication: 19_092, mongo: 27_017 };
/** With the images there. */
const START_MS = 320_000;
/** Containers have eight seconds to end, and then there are networks and volumes to remove. */
const STOP_MS = 40_000;

/** The server of `--kafka docker`, `--kafka docker:3` or `--mongo docker`: containers, and a process of ours that keeps them. */
export function dockerServer(name: "kafka" | "mongo", nodes: number): StartableServer {
  const service: ComposeService = name === "mongo" ? "mongo" : nodes === 3 ? "replication" : "kafka";
  const title = IMAGES[name];
  const module = "stack/docker/main.ts";
  return {
    title,
    backendName: `${title} (${nodes === 3 ? "three nodes, " : ""}in ${nodes === 3 ? "containers" : "a container"})`,
    service: `${name} container`,
    defaultPort: DEFAULT_PORTS[service],
    module,
    startMs: START_MS,
    stopMs: STOP_MS,
    folder: `${service}-docker`,
    spec: (port, dataDir) => ({
      name: `${name} container`,
      module,
      args: ["--service", service, "--port", String(port), "--data", dataDir],
    }),
    prepare: async () => {
      await requireDocker();
      await ensureSecrets(projectRoot);
      await composeProject(projectRoot).pull(service, (text) => process.stderr.write(text));
    },
    clientAddress: (address) => (name === "mongo" ? withMongoLogin(address, projectRoot) : address),
  };
}

/** The URI of the container's MongoDB with the labs' user, who may read and write the labs' databases. @throws StackError DOCKER_SECRETS */
export function withMongoLogin(uri: string, root: string): string {
  const { STREAMLAB_MONGO_LAB_PASSWORD: password } = readSecrets(root);
  return `${uri.replace("mongodb://", `mongodb://lab:${encodeURIComponent(password)}@`)}/?authSource=admin&authMechanism=SCRAM-SHA-256`;
}
