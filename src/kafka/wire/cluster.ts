import { errorCodes, errorName, isRetriable } from "../../kafka-protocol/error-codes.ts";
import { findCoordinatorApi } from "../../kafka-protocol/messages/find-coordinator.ts";
import { initProducerIdApi } from "../../kafka-protocol/messages/init-producer-id.ts";
import { listOffsetsApi } from "../../kafka-protocol/messages/list-offsets.ts";
import { metadataApi } from "../../kafka-protocol/messages/metadata.ts";
import { offsetCommitApi } from "../../kafka-protocol/messages/offset-commit.ts";
import type { ApiTable, RequestDraft, ResponseOf } from "../../kafka-protocol/schema.ts";
import type { Clock } from "../../base/clock.ts";
import { KafkaError, unknownTopic, unreachable } from "../kafka-error.ts";
import type { KafkaConnection } from "../kafkajs-adapter.ts";
import { type Address, BrokerConnection } from "./broker-connection.ts";

export type TopicPartition = { readonly topic: string; readonly partition: number };
export type PartitionOffset = TopicPartition & { readonly offset: number };

/** Who leads a partition: a node id, −1 while nobody does. */
export type PartitionLeader = TopicPartition & { readonly leader: number };

/** Special times of `listOffsets`, as the protocol has them. */
export const LATEST = -1;
export const EARLIEST = -2;

const LEADER_PATIENCE_MS = 10_000;

type Use = "ask" | "fetch" | "produce";

/**
 * The brokers of a cluster by node id, over our own connections: one to ask, and one of its own to fetch and to produce on, since a waiting request
 * holds up every answer behind it. A connection that fails is opened anew when it is next needed.
 */
export class Cluster {
  readonly #options: KafkaConnection;
  readonly #clock: Clock;
  readonly #readCommitted: boolean;
  readonly #addresses = new Map<number, Address>();
  readonly #connections = new Map<string, Promise<BrokerConnection>>();
  #coordinator: { readonly groupId: string; readonly address: Address } | undefined;

  /** `readCommitted`: the end of a partition is where its first open transaction begins. */
  constructor(options: KafkaConnection, clock: Clock, readCommitted: boolean = false) {
    this.#options = options;
    this.#clock = clock;
    this.#readCommitted = readCommitted;
  }

  /**
   * The partitions of the given topics, or of all where null, sorted. `onUnsettled` is told of topics whose partitions are not known at the moment,
   * `onUnknown` of topics that the cluster does not have.
   * @throws KafkaError KAFKA_TOPIC for an unknown topic where nobody is to be told of it, KAFKA_NOT_ALLOWED, KAFKA_UNREACHABLE
   */
  async partitions(
    topics: readonly string[] | null,
    onUnsettled?: (topic: string) => void,
    onUnknown?: (topic: string) => void,
  ): Promise<readonly PartitionLeader[]> {
    const connection = await this.#any();
    const answer = await connection.request(metadataApi, {
      topics: topics === null ? null : topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
    for (const broker of answer.brokers) this.#addresses.set(broker.nodeId, { host: broker.host, port: broker.port });
    const leaders: PartitionLeader[] = [];
    for (const topic of answer.topics) {
      const name = topic.name ?? "";
      if (topic.errorCode === errorCodes.UNKNOWN_TOPIC_OR_PARTITION || topic.errorCode === errorCodes.INVALID_TOPIC_EXCEPTION) {
        if (!onUnknown) throw unknownTopic(name);
        onUnknown(name);
        continue;
      }
      if (topic.errorCode !== 0 && !isRetriable(topic.errorCode)) throw refused(`Cannot read the topic "${name}"`, topic.errorCode);
      if (topic.errorCode !== 0) onUnsettled?.(name);
      for (const { partitionIndex, leaderId } of topic.partitions)
        leaders.push({ topic: name, partition: partitionIndex, leader: leaderId });
    }
    return leaders.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition));
  }

  /** A new name for an idempotent producer (KIP-98). */
  async initProducerId(): Promise<{ readonly id: number; readonly epoch: number }> {
    const connection = await this.#any();
    const answer = await connection.request(initProducerIdApi, { transactionalId: null, transactionTimeoutMs: 0 });
    if (answer.errorCode !== 0) throw refused("Cannot get an id for an idempotent producer", answer.errorCode, "write");
    return { id: answer.producerId, epoch: answer.producerEpoch };
  }

  /** One request to any broker that answers. */
  async ask<A extends ApiTable>(api: A, body: RequestDraft<A>): Promise<ResponseOf<A>> {
    return (await this.#any()).request(api, body);
  }

  /** The nodes of the cluster, as the last answer of `partitions` (or now `partitions([])`) has named them. */
  async nodes(): Promise<readonly { readonly id: number; readonly host: string; readonly port: number }[]> {
    if (this.#addresses.size === 0) await this.partitions([]);
    return [...this.#addresses].map(([id, address]) => ({ id, ...address })).sort((a, b) => a.id - b.id);
  }

  /** A connection to the node for the given use. */
  async connection(node: number, use: Use): Promise<BrokerConnection> {
    const address = this.#addresses.get(node);
    if (!address) throw unreachable(this.#options.brokers, new Error(`the cluster has no address for node ${node}`));
    return this.#open(address, use);
  }

  /**
   * For each partition the offset of a time: LATEST, EARLIEST, or of the first message at or after a time in milliseconds (−1 where there is
   * none). Changes of leader are waited for, ten seconds at most.
   */
  async listOffsets(
    wanted: readonly (TopicPartition & { readonly timestamp: number })[],
    signal?: AbortSignal,
  ): Promise<PartitionOffset[]> {
    const found: PartitionOffset[] = [];
    const deadline = this.#clock.monotonicMs() + LEADER_PATIENCE_MS;
    let left = wanted;
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1000)) {
      const { offsets, again, errorCode } = await this.#listOnce(left);
      found.push(...offsets);
      left = again;
      if (left.length === 0) return found;
      if (this.#clock.monotonicMs() >= deadline)
        throw refused(`Cannot read the offsets of ${left[0]?.topic}-${left[0]?.partition}`, errorCode);
      await this.#clock.sleep(pauseMs, signal);
    }
  }

  async #listOnce(wanted: readonly (TopicPartition & { readonly timestamp: number })[]): Promise<{
    offsets: PartitionOffset[];
    again: (TopicPartition & { readonly timestamp: number })[];
    errorCode: number;
  }> {
    const leaders = new Map<string, number>();
    for (const { topic, partition, leader } of await this.partitions([...new Set(wanted.map((one) => one.topic))])) {
      leaders.set(`${topic}-${partition}`, leader);
    }
    const byLeader = Map.groupBy(wanted, ({ topic, partition }) => leaders.get(`${topic}-${partition}`) ?? -1);
    const offsets: PartitionOffset[] = [];
    const again = [...(byLeader.get(-1) ?? [])];
    let errorCode: number = errorCodes.LEADER_NOT_AVAILABLE;
    byLeader.delete(-1);
    for (const [node, entries] of byLeader) {
      const topics = [...Map.groupBy(entries, (entry) => entry.topic)].map(([name, list]) => ({
        name,
        partitions: list.map(({ partition, timestamp }) => ({ partitionIndex: partition, timestamp })),
      }));
      const connection = await this.connection(node, "ask");
      const answer = await connection.request(listOffsetsApi, { replicaId: -1, isolationLevel: this.#readCommitted ? 1 : 0, topics });
      for (const { name, partitions } of answer.topics) {
        for (const { partitionIndex, errorCode: code, offset } of partitions) {
          if (code === 0) offsets.push({ topic: name, partition: partitionIndex, offset });
          else if (isRetriable(code)) {
            errorCode = code;
            again.push(...entries.filter((entry) => entry.topic === name && entry.partition === partitionIndex));
          } else throw refused(`Cannot read the offsets of ${name}-${partitionIndex}`, code);
        }
      }
    }
    return { offsets, again, errorCode };
  }

  /** Commits offsets for a group that has no members, as lag tools read them. */
  async commitOffsets(groupId: string, offsets: readonly PartitionOffset[]): Promise<void> {
    if (this.#coordinator?.groupId !== groupId) {
      const asked = await this.#any();
      const answer = await asked.request(findCoordinatorApi, { key: groupId, keyType: 0, coordinatorKeys: [groupId] });
      const { errorCode, host, port } = answer.coordinators[0] ?? answer;
      if (errorCode !== 0) throw refused(`Cannot find the coordinator of the group "${groupId}"`, errorCode);
      this.#coordinator = { groupId, address: { host, port } };
    }
    const topics = [...Map.groupBy(offsets, (one) => one.topic)].map(([name, list]) => ({
      name,
      partitions: list.map(({ partition, offset }) => ({ partitionIndex: partition, committedOffset: offset, committedMetadata: "" })),
    }));
    try {
      const connection = await this.#open(this.#coordinator.address, "ask");
      const answer = await connection.request(offsetCommitApi, { groupId, memberId: "", topics });
      const code = answer.topics.flatMap((topic) => topic.partitions).find((partition) => partition.errorCode !== 0)?.errorCode;
      if (code !== undefined) throw refused(`Cannot commit the offsets of the group "${groupId}"`, code);
    } catch (thrown) {
      this.#coordinator = undefined;
      throw thrown;
    }
  }

  async close(): Promise<void> {
    const open = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of await Promise.allSettled(open)) if (connection.status === "fulfilled") connection.value.close();
  }

  /** Any broker that answers: an open connection, a known node, a bootstrap address. */
  async #any(): Promise<BrokerConnection> {
    const bootstrap = this.#options.brokers.map(parseAddress);
    let failure: unknown;
    for (const address of [...this.#addresses.values(), ...bootstrap]) {
      try {
        return await this.#open(address, "ask");
      } catch (thrown) {
        if (thrown instanceof KafkaError && (thrown.code === "KAFKA_LOGIN" || thrown.code === "KAFKA_TLS")) throw thrown;
        failure = thrown;
      }
    }
    throw unreachable(this.#options.brokers, failure);
  }

  async #open(address: Address, use: Use): Promise<BrokerConnection> {
    const key = `${use} ${address.host}:${address.port}`;
    for (let known = this.#connections.get(key); known; known = this.#connections.get(key)) {
      const connection = await known.catch(() => undefined);
      if (connection && !connection.closed) return connection;
      if (this.#connections.get(key) === known) this.#connections.delete(key);
    }
    const opening = BrokerConnection.open(address, this.#options);
    this.#connections.set(key, opening);
    return opening;
  }
}

function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port)) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: "Cannot read a bootstrap address",
      found: `"${text}"`,
      remedy: "Write host:port, several separated by commas.",
    });
  }
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port };
}

function refused(doing: string, code: number, right: "read" | "write" = "read"): KafkaError {
  const name = errorName(code);
  const forbidden = name.endsWith("AUTHORIZATION_FAILED");
  return new KafkaError(forbidden ? "KAFKA_NOT_ALLOWED" : "KAFKA_REQUEST", {
    failed: doing,
    found: name,
    remedy: forbidden ? `Ask the cluster's owner for the right to ${right}.` : 'Look at the cluster with "streamlab topics describe".',
  });
}
