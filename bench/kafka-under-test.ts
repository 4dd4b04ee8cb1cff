import { mkdir } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../src/base/project.ts";
import { parseBrokers } from "../src/kafka/connect-kafka.ts";
import { chooseBackends } from "../src/stack/backends.ts";
import { cacheFolder } from "../src/stack/state-folder.ts";
import { startKafkaCluster } from "../src/stack/kafka-jvm/kafka-cluster.ts";
import { KAFKA_VERSION } from "../src/stack/kafka-jvm/kafka-jars.ts";
import { addressOf, EMBEDDED, embeddedService } from "../src/stack/servers.ts";
import { startService } from "../src/stack/service-process.ts";

/** The Kafka that a benchmark runs against. */
export interface KafkaUnderTest {
  readonly kind: "embedded" | "jvm" | "external";
  /** Bootstrap list. */
  readonly address: string;
  readonly brokers: readonly string[];
  /** For the report: "Apache Kafka 4.3.1 (1 node, Java)". */
  readonly description: string;
  /** The servers' processes, for their CPU time and memory; none of a Kafka that runs elsewhere. */
  readonly pids: readonly number[];
  /** Ends what was started; a Kafka that runs elsewhere stays, with the topics in it. */
  stop(): Promise<void>;
}

/** What `--kafka` says in a benchmark's usage. */
export const KAFKA_CHOICES = "embedded | jvm | jvm:3 | host:port";

/**
 * Starts or finds the Kafka that `--kafka` names: "embedded" (or nothing) in a process of its own, "jvm" or "jvm:3" (a real Apache Kafka, which needs
 * Java and Maven), or a bootstrap list. Its data lie in `folder`, which the caller removes.
 */
export async function startKafkaUnderTest(choice: string | undefined, folder: string, signal?: AbortSignal): Promise<KafkaUnderTest> {
  const { kafka: backend } = chooseBackends({ kafka: choice ?? "embedded", mongo: "embedded" }, projectRoot);
  if (backend.kind === "external") {
    const { address } = backend;
    const stop = (): Promise<void> => Promise.resolve();
    return { kind: "external", address, brokers: parseBrokers(address), description: `Kafka at ${address}`, pids: [], stop };
  }
  if (backend.kind === "jvm") {
    const cluster = await startKafkaCluster({
      folder: path.join(folder, "kafka"),
      cache: cacheFolder(projectRoot),
      nodes: backend.nodes,
      ...(signal ? { signal } : {}),
    });
    return {
      kind: "jvm",
      address: cluster.address,
      brokers: parseBrokers(cluster.address),
      description: `Apache Kafka ${KAFKA_VERSION} (${backend.nodes === 1 ? "1 node" : `${backend.nodes} nodes`}, Java)`,
      pids: cluster.nodes.map(({ pid }) => pid),
      stop: () => cluster.stop(),
    };
  }
  await mkdir(path.join(folder, "kafka"), { recursive: true });
  const broker = await startService(embeddedService("kafka", 0, folder), signal ? { signal } : {});
  const address = addressOf("kafka", "127.0.0.1", Number(broker.ready.port));
  return {
    kind: "embedded",
    address,
    brokers: [address],
    description: `${EMBEDDED.kafka.title} (embedded, a process of its own)`,
    pids: [broker.pid],
    stop: () => broker.stop(),
  };
}
