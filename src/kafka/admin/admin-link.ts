import { systemClock, type Clock } from "../../base/clock.ts";
import { errorCodes, errorName } from "../../kafka-protocol/error-codes.ts";
import { findCoordinatorApi } from "../../kafka-protocol/messages/find-coordinator.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import type { ApiTable, RequestDraft, ResponseOf } from "../../kafka-protocol/schema.ts";
import { KafkaError, unknownTopic } from "../kafka-error.ts";
import type { KafkaConnection } from "../kafkajs-adapter.ts";
import { Cluster } from "../wire/cluster.ts";

/** A node of a cluster. */
export type Node = { readonly id: number; readonly host: string; readonly port: number };

/** How long what is settling (a coordinator, a leader, the controller) is waited for. */
const PATIENCE_MS = 10_000;

/**
 * The way of administrative requests to the node that answers them: any, the controller, the coordinator of a group. It waits for nodes whose role is
 * just changing, ten seconds at most. The functions of this folder take it; who opened it closes it.
 */
export class AdminLink {
  readonly brokers: readonly string[];
  readonly cluster: Cluster;
  readonly #clock: Clock;

  constructor(connection: KafkaConnection, clock: Clock = systemClock) {
    this.brokers = connection.brokers;
    this.cluster = new Cluster(connection, clock);
    this.#clock = clock;
  }

  /** One request to any node. */
  ask<A extends ApiTable>(api: A, body: RequestDraft<A>): Promise<ResponseOf<A>> {
    return this.cluster.ask(api, body);
  }

  /** One request to one node. */
  async askNode<A extends ApiTable>(node: number, api: A, body: RequestDraft<A>): Promise<ResponseOf<A>> {
    return (await this.cluster.connection(node, "ask")).request(api, body);
  }

  /** Whether a node has an API at all. */
  async speaks(node: number, api: ApiTable): Promise<boolean> {
    return (await this.cluster.connection(node, "ask")).speaks(api);
  }

  /** One request to the controller, asked again while another node says that it is not (in KRaft every node passes it on). */
  async askController<A extends ApiTable>(
    api: A,
    body: RequestDraft<A>,
    codesOf: (answer: ResponseOf<A>) => readonly number[],
  ): Promise<ResponseOf<A>> {
    return this.patiently(async () => {
      const { controllerId } = await this.ask(metadataApi, { topics: [], allowAutoTopicCreation: false });
      await this.cluster.nodes();
      const answer = controllerId < 0 ? await this.ask(api, body) : await this.askNode(controllerId, api, body);
      return { answer, again: codesOf(answer).includes(errorCodes.NOT_CONTROLLER) };
    });
  }

  /** The node that keeps a group's state. */
  async coordinator(groupId: string): Promise<Node> {
    await this.cluster.nodes();
    const found = await this.patiently(async () => {
      const asked = await this.ask(findCoordinatorApi, { key: groupId, keyType: 0, coordinatorKeys: [groupId] });
      const answer = asked.coordinators[0] ?? asked;
      return { answer, again: isSettling(answer.errorCode) };
    });
    if (found.errorCode !== 0) throw refused(`Cannot find the coordinator of the group "${groupId}"`, found.errorCode);
    return { id: found.nodeId, host: found.host, port: found.port };
  }

  /** One request about a group to its coordinator. `codesOf` lists the errors of an answer that may tell of a coordinator that has moved. */
  async askCoordinator<A extends ApiTable>(
    groupId: string,
    api: A,
    body: RequestDraft<A>,
    codesOf: (answer: ResponseOf<A>) => readonly number[],
  ): Promise<ResponseOf<A>> {
    return this.patiently(async () => {
      const { id } = await this.coordinator(groupId);
      const answer = await this.askNode(id, api, body);
      return { answer, again: codesOf(answer).some(isSettling) };
    });
  }

  /** Asks until the answer is settled, or patience is at its end. */
  async patiently<T>(ask: () => Promise<{ readonly answer: T; readonly again: boolean }>): Promise<T> {
    const deadline = this.#clock.monotonicMs() + PATIENCE_MS;
    for (let pauseMs = 20; ; pauseMs = Math.min(500, pauseMs * 2)) {
      const { answer, again } = await ask();
      if (!again || this.#clock.monotonicMs() >= deadline) return answer;
      await this.#clock.sleep(pauseMs);
    }
  }

  close(): Promise<void> {
    return this.cluster.close();
  }
}

function isSettling(code: number): boolean {
  return (
    code === errorCodes.COORDINATOR_LOAD_IN_PROGRESS || code === errorCodes.COORDINATOR_NOT_AVAILABLE || code === errorCodes.NOT_COORDINATOR
  );
}

/** Opens a way to a cluster, uses it and closes it whatever comes. */
export async function withAdminLink<T>(connection: KafkaConnection, use: (link: AdminLink) => Promise<T>): Promise<T> {
  const link = new AdminLink(connection);
  try {
    return await use(link);
  } finally {
    await link.close();
  }
}

/** What a broker's refusal means for a user; `message` is what the broker says beside the code. */
export function refused(doing: string, code: number, message?: string | null, remedy?: string): KafkaError {
  const name = errorName(code);
  const isForbidden = name.endsWith("AUTHORIZATION_FAILED");
  return new KafkaError(isForbidden ? "KAFKA_NOT_ALLOWED" : "KAFKA_REQUEST", {
    failed: doing,
    found: message ? `${message.replace(/\.$/, "")}: ${name}` : name,
    remedy: isForbidden
      ? "Ask the cluster's owner for the right, or log in as another user with --command-config."
      : (remedy ?? REMEDIES[name] ?? 'Look at the cluster with "streamlab topics describe".'),
  });
}

const REMEDIES: Readonly<Record<string, string>> = {
  INVALID_CONFIG: 'Check name and value; "streamlab configs describe --all" lists what there is.',
  INVALID_REPLICATION_FACTOR: "Ask for as many copies as there are nodes, or fewer.",
  INVALID_TOPIC_EXCEPTION: "Name it with letters, digits, points, underscores and hyphens, 249 at most.",
  INVALID_PARTITIONS: "Ask for more partitions than there are; they can never become fewer.",
  NON_EMPTY_GROUP: "End its members first.",
  GROUP_ID_NOT_FOUND: 'List the groups with "streamlab groups list".',
  OFFSET_OUT_OF_RANGE: 'Ask for the range with "streamlab offsets --time -2" and "--time -1".',
};

/** The error of a topic that the cluster refuses, or does not know. */
export function topicRefused(doing: string, topic: string, code: number, message?: string | null): KafkaError {
  return code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION ? unknownTopic(topic) : refused(doing, code, message);
}
