import { KafkaError, unreachable } from "../kafka-error.ts";
import type { DispatcherOptions } from "./dispatcher-options.ts";
import type { PartitionQueue, ProducerIdentity } from "./partition-queue.ts";
import { retryPauseMs } from "./retry-pause.ts";
import { noteLeaders, type TopicQueues } from "./topic-queues.ts";

const METADATA_AGE_MS = 300_000;
/** How long a topic may be unknown: one that was just made is not known to every broker at once. */
const TOPIC_PATIENCE_MS = 10_000;

/** The topics that a producer has sent to, found by their names, with the leaders of their partitions. */
export class TopicDirectory {
  readonly #options: DispatcherOptions;
  readonly #identity: ProducerIdentity;
  readonly #closing: AbortSignal;
  readonly #topics = new Map<string, TopicQueues>();
  readonly #finding = new Map<string, Promise<TopicQueues>>();

  constructor(options: DispatcherOptions, closing: AbortSignal) {
    this.#options = options;
    this.#identity = options.identity ?? { id: -1, epoch: -1 };
    this.#closing = closing;
  }

  known(name: string): TopicQueues | undefined {
    return this.#topics.get(name);
  }

  all(): Iterable<TopicQueues> {
    return this.#topics.values();
  }

  /** The topic of the queue; undefined where it is gone, or another one has its name. */
  topicOf(queue: PartitionQueue): TopicQueues | undefined {
    const topic = this.#topics.get(queue.topic);
    return topic?.queues[queue.partition] === queue ? topic : undefined;
  }

  /** Whether it is time to ask for the leaders again although nothing has failed. */
  isStale(topic: TopicQueues): boolean {
    return this.#now() - topic.heardMs > METADATA_AGE_MS;
  }

  /** Finds a topic that is not known yet. Rejects with KAFKA_TOPIC, KAFKA_UNREACHABLE, KAFKA_NOT_ALLOWED. */
  find(name: string): Promise<TopicQueues> {
    let finding = this.#finding.get(name);
    if (!finding) {
      finding = this.#find(name).finally(() => this.#finding.delete(name));
      this.#finding.set(name, finding);
    }
    return finding;
  }

  /** Asks for the topic's leaders; the failure where that failed. A topic that has been unknown for long is `gone`. */
  async refresh(topic: TopicQueues): Promise<{ readonly failure: KafkaError | undefined; readonly gone: boolean }> {
    try {
      noteLeaders(topic, await this.#options.cluster.partitions([topic.name]), this.#identity, this.#now());
      return { failure: undefined, gone: false };
    } catch (thrown) {
      const failure = thrown instanceof KafkaError ? thrown : unreachable(["the brokers"], thrown);
      if (failure.code !== "KAFKA_TOPIC") return { failure, gone: false };
      if (Number.isNaN(topic.unknownSinceMs)) topic.unknownSinceMs = this.#now();
      return { failure, gone: this.#now() - topic.unknownSinceMs >= TOPIC_PATIENCE_MS };
    }
  }

  forget(topic: TopicQueues): void {
    this.#topics.delete(topic.name);
  }

  async #find(name: string): Promise<TopicQueues> {
    const { cluster, clock, random, retries, deliveryTimeoutMs } = this.#options;
    const startedMs = this.#now();
    for (let failures = 1; ; failures++) {
      let failure: KafkaError | undefined;
      try {
        const leaders = await cluster.partitions([name]);
        if (leaders.length > 0) {
          const topic: TopicQueues = { name, queues: [], heardMs: 0, isLooking: false, unknownSinceMs: Number.NaN };
          noteLeaders(topic, leaders, this.#identity, this.#now());
          this.#topics.set(name, topic);
          return topic;
        }
      } catch (thrown) {
        this.#closing.throwIfAborted();
        if (!(thrown instanceof KafkaError)) throw thrown;
        failure = thrown;
      }
      const patienceMs = failure?.code === "KAFKA_TOPIC" ? Math.min(TOPIC_PATIENCE_MS, deliveryTimeoutMs) : deliveryTimeoutMs;
      const canWait = failure === undefined || failure.code === "KAFKA_TOPIC" || failure.code === "KAFKA_UNREACHABLE";
      if (!canWait || failures > retries || this.#now() - startedMs >= patienceMs) throw failure ?? noPartitions(name);
      await clock.sleep(retryPauseMs(failures, random), this.#closing);
    }
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }
}

function noPartitions(name: string): KafkaError {
  return new KafkaError("KAFKA_REQUEST", {
    failed: `Cannot send to "${name}"`,
    found: "LEADER_NOT_AVAILABLE: the cluster does not name its partitions",
    remedy: 'Look at the topic with "streamlab topics describe".',
  });
}
