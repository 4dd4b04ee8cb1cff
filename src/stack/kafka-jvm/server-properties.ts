/** How a client talks to one of a node's listeners. */
export type SecurityProtocol = "PLAINTEXT" | "SASL_PLAINTEXT" | "SSL" | "SASL_SSL";

/** Someone who may log in, by PLAIN and by SCRAM with both hashes. */
export interface KafkaUser {
  readonly name: string;
  readonly password: string;
}

/** A PKCS12 file with the key and the certificate of the nodes. */
export interface KeyStore {
  readonly file: string;
  readonly password: string;
}

/** Where one node listens. */
export interface NodePorts {
  readonly id: number;
  readonly controller: number;
  readonly listeners: Readonly<Partial<Record<SecurityProtocol, number>>>;
}

/** What all nodes of a cluster share. */
export interface ClusterPlan {
  readonly nodes: readonly NodePorts[];
  readonly users: readonly KafkaUser[];
  readonly keyStore?: KeyStore;
  /** Settings that win over ours. */
  readonly properties: Readonly<Record<string, string>>;
}

const HOST = "127.0.0.1";
const SCRAM = ["SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

/**
 * The settings of a node that is broker and controller in one (KRaft, a quorum of all nodes), on loopback. Between themselves nodes talk in plain
 * text; what clients use is up to `listeners`. Internal topics have a replica on every node.
 */
export function serverProperties(plan: ClusterPlan, node: NodePorts, dataDir: string): Record<string, string> {
  const protocols = Object.keys(node.listeners) as SecurityProtocol[];
  const listeners = protocols.map((protocol) => `${protocol}://${HOST}:${node.listeners[protocol]}`);
  const replicas = String(plan.nodes.length);
  const inSync = plan.nodes.length > 1 ? "2" : "1";
  return {
    "process.roles": "broker,controller",
    "node.id": String(node.id),
    "controller.quorum.voters": plan.nodes.map(({ id, controller }) => `${id}@${HOST}:${controller}`).join(","),
    "controller.listener.names": "CONTROLLER",
    listeners: [...listeners, `CONTROLLER://${HOST}:${node.controller}`].join(","),
    "advertised.listeners": listeners.join(","),
    "listener.security.protocol.map": ["CONTROLLER:PLAINTEXT", ...protocols.map((protocol) => `${protocol}:${protocol}`)].join(","),
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": dataDir,
    "offsets.topic.replication.factor": replicas,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
    "default.replication.factor": replicas,
    "group.initial.rebalance.delay.ms": "0",
    ...saslProperties(protocols, plan.users),
    ...(plan.keyStore
      ? {
          "ssl.keystore.type": "PKCS12",
          "ssl.keystore.location": plan.keyStore.file,
          "ssl.keystore.password": plan.keyStore.password,
          "ssl.key.password": plan.keyStore.password,
        }
      : {}),
    ...plan.properties,
  };
}

function saslProperties(protocols: readonly SecurityProtocol[], users: readonly KafkaUser[]): Record<string, string> {
  const plainModule = "org.apache.kafka.common.security.plain.PlainLoginModule";
  const scramModule = "org.apache.kafka.common.security.scram.ScramLoginModule";
  const plainUsers = users.map(({ name, password }) => ` user_${name}="${password}"`).join("");
  const properties: Record<string, string> = {};
  for (const protocol of protocols.filter((one) => one.startsWith("SASL"))) {
    const listener = `listener.name.${protocol.toLowerCase()}`;
    properties[`${listener}.sasl.enabled.mechanisms`] = ["PLAIN", ...SCRAM].join(",");
    properties[`${listener}.plain.sasl.jaas.config`] = `${plainModule} required${plainUsers};`;
    for (const mechanism of SCRAM) properties[`${listener}.${mechanism.toLowerCase()}.sasl.jaas.config`] = `${scramModule} required;`;
  }
  return properties;
}

/** What the storage tool is given so that SCRAM users are there from the first start (KIP-900). */
export function scramArguments(users: readonly KafkaUser[]): string[] {
  return users.flatMap(({ name, password }) =>
    SCRAM.flatMap((mechanism) => ["--add-scram", `${mechanism}=[name=${name},password=${password}]`]),
  );
}

/** The text of a .properties file, as java.util.Properties reads it. */
export function propertiesText(properties: Readonly<Record<string, string>>): string {
  const escaped = (text: string): string =>
    text
      .replaceAll("\\", "\\\\")
      .replaceAll("\n", "\\n")
      .replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return Object.entries(properties)
    .map(([name, value]) => `${name.replace(/[:= ]/g, "\\$&")}=${escaped(value)}\n`)
    .join("");
}
