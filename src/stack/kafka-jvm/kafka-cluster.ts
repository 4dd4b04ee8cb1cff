import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeCertificate } from "./certificate.ts";
import { requireJava } from "./java.ts";
import { type JavaSettings, runJava } from "./java-process.ts";
import { fetchKafkaJars } from "./kafka-jars.ts";
import { KafkaNode } from "./kafka-node.ts";
import type { ClusterPlan, KafkaUser, NodePorts, SecurityProtocol } from "./server-properties.ts";
import { steadyPorts } from "./steady-ports.ts";

/** An Apache Kafka that this process starts. */
export interface KafkaClusterOptions {
  /** Data, settings and logs of the nodes; what an earlier cluster of as many nodes has left there is gone on with. */
  readonly folder: string;
  /** Where the jars are kept. */
  readonly cache: string;
  /** 1 if not given. Each is broker and controller. */
  readonly nodes?: number;
  /** Port of the first node's plain listener; any free one if not given. */
  readonly port?: number;
  /** Most heap of each node; 512 MiB if not given. */
  readonly heapMiB?: number;
  /** For tests: quicker to start, slower in the long run. */
  readonly quick?: boolean;
  /** Listeners beside the plain one, which is always there. */
  readonly secure?: readonly Exclude<SecurityProtocol, "PLAINTEXT">[];
  /** Who may log in where SASL is asked for. */
  readonly users?: readonly KafkaUser[];
  /** Settings of the nodes that win over ours. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A running Apache Kafka. */
export interface KafkaCluster {
  /** Bootstrap list of the plain listeners. */
  readonly address: string;
  readonly nodes: readonly KafkaNode[];
  /** Bootstrap list of the listeners that speak `protocol`. */
  addressFor(protocol: SecurityProtocol): string;
  /** The certificate that clients must trust, as PEM, where TLS was asked for. */
  readonly certificate: string | undefined;
  /**
   * Runs one of Kafka's own command line tools by its main class ("org.apache.kafka.tools.TopicCommand") and gives what it printed; rejects with what
   * it complained of.
   */
  tool(main: string, args: readonly string[], options?: { readonly input?: string; readonly timeoutMs?: number }): Promise<string>;
  /** Ends all nodes: SIGTERM, SIGKILL after `graceMs` (8 s). The folder stays. */
  stop(graceMs?: number): Promise<void>;
  /** Ends all nodes at once: for data that nobody needs any more. */
  kill(): Promise<void>;
}

const PASSWORD_BYTES = 12;

/**
 * Starts Apache Kafka on loopback from the jars that Maven fetches, and waits until every node answers.
 * @throws StackError JAVA_MISSING, MAVEN_MISSING, KAFKA_JARS, SERVICE_FAILED, SERVICE_TIMEOUT
 */
export async function startKafkaCluster(options: KafkaClusterOptions): Promise<KafkaCluster> {
  const { folder, secure = [], users = [], properties = {}, signal } = options;
  const java = requireJava();
  const jars = await fetchKafkaJars(options.cache, signal);
  const temporary = path.join(folder, "tmp");
  await mkdir(temporary, { recursive: true });
  const settings: JavaSettings = { java, jars, temporary, heapMiB: options.heapMiB ?? 512, quick: options.quick ?? false };
  const certificate = secure.some((protocol) => protocol.endsWith("SSL"))
    ? await makeCertificate(folder, randomBytes(PASSWORD_BYTES).toString("hex"))
    : undefined;
  const plan: ClusterPlan = {
    nodes: await portsOf(options.nodes ?? 1, ["PLAINTEXT", ...secure], options.port),
    users,
    properties,
    ...(certificate ? { keyStore: certificate.keyStore } : {}),
  };
  const clusterId = await clusterIdIn(folder);
  const nodes = await Promise.all(
    plan.nodes.map((ports) => KafkaNode.prepare(plan, ports, path.join(folder, `node-${ports.id}`), clusterId, settings)),
  );
  const kill = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.kill()));
  };
  const started = await Promise.allSettled(nodes.map((node) => node.start(nodes.length, signal)));
  const failed = started.find((one) => one.status === "rejected");
  if (failed) {
    await kill();
    throw failed.reason;
  }
  const addressFor = (protocol: SecurityProtocol): string =>
    plan.nodes.map(({ listeners }) => `127.0.0.1:${listeners[protocol]}`).join(",");
  return {
    address: addressFor("PLAINTEXT"),
    nodes,
    addressFor,
    certificate: certificate?.pem,
    tool: (main, args, toolOptions) => runJava({ ...settings, quick: true, heapMiB: 256 }, main, args, toolOptions),
    stop: async (graceMs) => {
      await Promise.all(nodes.map((node) => node.stop(graceMs)));
    },
    kill,
  };
}

async function portsOf(nodes: number, protocols: readonly SecurityProtocol[], first: number | undefined): Promise<NodePorts[]> {
  const ports = await steadyPorts(nodes * (protocols.length + 1));
  return Array.from({ length: nodes }, (_, index) => ({
    id: index + 1,
    controller: ports.pop() ?? 0,
    listeners: Object.fromEntries(
      protocols.map((protocol) => {
        const free = ports.pop() ?? 0;
        return [protocol, index === 0 && protocol === "PLAINTEXT" && first !== undefined ? first : free];
      }),
    ),
  }));
}

/** The cluster's id, made up at the first start. */
async function clusterIdIn(folder: string): Promise<string> {
  const file = path.join(folder, "cluster-id");
  if (existsSync(file)) return readFile(file, "utf8");
  const id = randomBytes(16).toString("base64url");
  await writeFile(file, id);
  return id;
}
