import type { Clock } from "../../base/clock.ts";
import { BatchBuilder, stampProducer, type HeadersToWrite } from "../../kafka-protocol/batch-builder.ts";
import type { Compression } from "../../kafka-protocol/compression.ts";
import { errorCodes, isRetriable } from "../../kafka-protocol/error-codes.ts";
import { produceApi } from "../../kafka-protocol/messages/produce.ts";
import { KafkaError, unreachable } from "../kafka-error.ts";
import type { BrokerConnection } from "../wire/broker-connection.ts";
import type { Cluster } from "../wire/cluster.ts";
import type { OutgoingBatch, Recipient } from "./outgoing-batch.ts";
import type { PartitionQueue, ProducerIdentity } from "./partition-queue.ts";
import { hugeRecord, leftInDoubt, producerClosed, refusedBatch, triedInVain } from "./produce-failure.ts";
import { splitBatch } from "./split-batch.ts";
import { noteLeaders, type TopicQueues } from "./topic-queues.ts";

export type DispatcherOptions = {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Absent without idempotence. */
  readonly identity: ProducerIdentity | undefined;
  readonly acks: -1 | 0 | 1;
  readonly compression: Compression;
  /** A batch is cut before it gets larger, before compression. */
  readonly batchBytes: number;
  /** More than this is not kept: who sends has to wait. */
  readonly bufferBytes: number;
  /** How often a batch is tried again. */
  readonly retries: number;
  /** From the first record of a batch on. */
  readonly deliveryTimeoutMs: number;
};

/** What is known of a broker. */
interface Node {
  readonly id: number;
  connection: BrokerConnection | undefined;
  isConnecting: boolean;
  isThrottled: boolean;
  requests: number;
  /** The partitions that may have something to be sent. */
  readonly ready: Set<PartitionQueue>;
}

/** With more, brokers could not tell a batch that comes again: they remember five of a producer (KIP-98). */
const REQUESTS_UNDER_WAY = 5;
const REQUEST_BYTES = 4 * 1024 * 1024;
/** Brokers close the connection on more (socket.request.max.bytes). */
const RECORD_BYTES = 100 * 1024 * 1024 - 1024;
const REQUEST_TIMEOUT_MS = 20_000;
const METADATA_AGE_MS = 300_000;
/** How long a topic may be unknown: one that was just made is not known to every broker at once. */
const TOPIC_PATIENCE_MS = 10_000;
const CLOSE_PATIENCE_MS = 5000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
const LAST_EPOCH = 32_767;
const SMALL_MEMORY_BYTES = 64 * 1024;
/** Room for the last record of a batch, which may need three bytes a character. */
const SLACK_BYTES = 16 * 1024;
const POOLED = 16;

/** Errors after which a batch surely is not in the log. Every other one may come after it was appended, as when its leader changes. */
const NOT_APPENDED: ReadonlySet<number> = new Set<number>([
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.CORRUPT_MESSAGE,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.THROTTLING_QUOTA_EXCEEDED,
]);

/** The pause before the try after so many failures. */
const pauseMs = (failures: number): number => (failures === 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS));

/**
 * Brings records to the leaders of their partitions: a batch is sent as soon as its leader has room for another request, and grows until then. One
 * request carries a batch of each partition of its leader, five requests are under way to each. What can be tried again is, after a growing pause
 * and a look for the leader, under the same sequence numbers, so that brokers store it once (KIP-98, KIP-360).
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #identity: ProducerIdentity;
  readonly #topics = new Map<string, TopicQueues>();
  readonly #finding = new Map<string, Promise<TopicQueues>>();
  readonly #nodes = new Map<number, Node>();
  readonly #pool: Buffer[] = [];
  readonly #fullBytes: number;
  readonly #closing = new AbortController();
  readonly #outstanding = new Set<OutgoingBatch>();
  #bufferedBytes = 0;
  #waitingForRoom: (() => void)[] = [];
  #waitingForEnd: (() => void)[] = [];
  #isKicked = false;
  #fatal: KafkaError | undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#identity = options.identity ?? { id: -1, epoch: -1 };
    this.#fullBytes = options.batchBytes + SLACK_BYTES;
  }

  /** The topic's partitions, at once where they are known. Rejects with KAFKA_TOPIC, KAFKA_UNREACHABLE, KAFKA_NOT_ALLOWED. */
  topic(name: string): TopicQueues | Promise<TopicQueues> {
    const known = this.#topics.get(name);
    if (known) {
      if (this.#now() - known.heardMs > METADATA_AGE_MS && !known.isLooking) void this.#look(known);
      return known;
    }
    let finding = this.#finding.get(name);
    if (!finding) {
      finding = this.#find(name).finally(() => this.#finding.delete(name));
      this.#finding.set(name, finding);
    }
    return finding;
  }

  /** Adds one record to its partition. Nothing is sent before the batch is full, or due. Throws what ended the producer. */
  append(
    queue: PartitionQueue,
    key: string | Uint8Array | null,
    value: string | Uint8Array | null,
    timestampMs: number,
    headers: HeadersToWrite | undefined,
    recipient: Recipient,
  ): void {
    if (this.#fatal) throw this.#fatal;
    const size = (key === null ? 0 : key.length) + (value === null ? 0 : value.length) + 16;
    if (size > RECORD_BYTES) throw hugeRecord(queue.topic, size, RECORD_BYTES + 1024);
    if (queue.open && queue.open.builder.bytes + size > this.#options.batchBytes) this.#closeBatch(queue, queue.open);
    const batch = (queue.open ??= this.#newBatch(queue, size));
    const { builder, shares } = batch;
    const share = shares[shares.length - 1];
    if (share?.recipient === recipient) share.count++;
    else {
      shares.push({ recipient, first: builder.count, count: 1 });
      recipient.expect(batch);
    }
    const before = builder.bytes;
    builder.append(key, value, timestampMs, headers);
    this.#bufferedBytes += builder.bytes - before;
  }

  /** The batch is sent when there is room for another request. */
  due(batch: OutgoingBatch): void {
    if (batch.isDue) return;
    batch.isDue = true;
    this.#offer(batch.queue);
  }

  /** Where too much is buffered: resolves when less is. */
  room(): Promise<void> | undefined {
    if (this.#bufferedBytes < this.#options.bufferBytes || this.#fatal) return undefined;
    for (const { queues } of this.#topics.values()) for (const { open } of queues) if (open) this.due(open);
    return new Promise((resolve) => this.#waitingForRoom.push(resolve));
  }

  /** Waits some seconds for what is still being added and for what was sent; the rest fails with KAFKA_CLOSED. */
  async close(adding: Promise<unknown>): Promise<void> {
    const patience = new AbortController();
    const waited = this.#options.clock.sleep(CLOSE_PATIENCE_MS, patience.signal).catch(() => undefined);
    await Promise.race([this.#ended(adding), waited]);
    patience.abort();
    this.#end(producerClosed());
  }

  async #ended(adding: Promise<unknown>): Promise<void> {
    await adding;
    for (const batch of this.#outstanding) this.due(batch);
    if (this.#outstanding.size > 0) await new Promise<void>((resolve) => this.#waitingForEnd.push(resolve));
  }

  #end(error: KafkaError): void {
    this.#fatal ??= error;
    this.#closing.abort(error);
    for (const batch of [...this.#outstanding]) this.#failed(batch, this.#fatal);
    for (const wake of this.#waitingForRoom.splice(0)) wake();
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }

  #newBatch(queue: PartitionQueue, recordBytes: number): OutgoingBatch {
    const wanted = Math.min(Math.max(1024, queue.lastBytes * 1.25, recordBytes * 3 + 128), this.#fullBytes);
    const memory =
      wanted <= SMALL_MEMORY_BYTES ? Buffer.allocUnsafe(wanted) : (this.#pool.pop() ?? Buffer.allocUnsafeSlow(this.#fullBytes));
    const batch: OutgoingBatch = {
      queue,
      number: queue.nextNumber(),
      span: 1,
      createdMs: this.#now(),
      shares: [],
      builder: new BatchBuilder(memory),
      sealed: undefined,
      isDue: false,
      sequence: -1,
      attempts: 0,
      inDoubt: false,
      isSettled: false,
    };
    this.#bufferedBytes += batch.builder.bytes;
    this.#outstanding.add(batch);
    return batch;
  }

  #closeBatch(queue: PartitionQueue, batch: OutgoingBatch): void {
    queue.open = undefined;
    queue.waiting.push(batch);
    this.#offer(queue);
    const node = this.#nodes.get(queue.leader);
    if (node) this.#drain(node);
  }

  #offer(queue: PartitionQueue): void {
    if (queue.isBlocked || !queue.sendable()) return;
    if (queue.leader < 0) {
      this.#block(queue, refusedBatch(queue.sendable() as OutgoingBatch, errorCodes.LEADER_NOT_AVAILABLE, null));
      return;
    }
    let node = this.#nodes.get(queue.leader);
    if (!node) {
      node = { id: queue.leader, connection: undefined, isConnecting: false, isThrottled: false, requests: 0, ready: new Set() };
      this.#nodes.set(queue.leader, node);
    }
    node.ready.add(queue);
    this.#kick();
  }

  /** Sends what there is at the end of this turn, so that what is sent together goes together. */
  #kick(): void {
    if (this.#isKicked) return;
    this.#isKicked = true;
    queueMicrotask(() => {
      this.#isKicked = false;
      for (const node of this.#nodes.values()) this.#drain(node);
    });
  }

  #drain(node: Node): void {
    while (node.ready.size > 0 && node.requests < REQUESTS_UNDER_WAY && !node.isThrottled && !node.isConnecting && !this.#fatal) {
      if (!node.connection || node.connection.closed) return void this.#connect(node);
      const batches = this.#take(node);
      if (batches.length > 0) void this.#send(node, node.connection, batches);
    }
  }

  #take(node: Node): OutgoingBatch[] {
    const taken: OutgoingBatch[] = [];
    const more: PartitionQueue[] = [];
    let bytes = 0;
    for (const queue of node.ready) {
      const batch = queue.leader === node.id ? queue.sendable() : undefined;
      if (batch && bytes > 0 && bytes + batch.builder.bytes > REQUEST_BYTES) break;
      node.ready.delete(queue);
      if (!batch) continue;
      bytes += batch.builder.bytes;
      taken.push(queue.take());
      if (queue.sendable()) more.push(queue);
    }
    for (const queue of more) node.ready.add(queue);
    return taken;
  }

  async #connect(node: Node): Promise<void> {
    node.isConnecting = true;
    node.connection = undefined;
    let failure: KafkaError | undefined;
    try {
      node.connection = await this.#options.cluster.connection(node.id, "produce");
    } catch (thrown) {
      failure = thrown instanceof KafkaError ? thrown : unreachable([`node ${node.id}`], thrown);
    }
    node.isConnecting = false;
    if (failure) {
      for (const queue of node.ready) {
        if (queue.leader !== node.id) continue;
        for (const batch of queue.waiting) batch.attempts++;
        if (queue.open) queue.open.attempts++;
        this.#block(queue, failure);
      }
      node.ready.clear();
    }
    this.#kick();
  }

  async #send(node: Node, connection: BrokerConnection, batches: readonly OutgoingBatch[]): Promise<void> {
    const { acks, compression } = this.#options;
    node.requests++;
    const byTopic = new Map<string, { index: number; records: Buffer }[]>();
    const unanswered = new Map<string, OutgoingBatch>();
    for (const batch of batches) {
      const { queue } = batch;
      const records = (batch.sealed ??= batch.builder.seal(compression));
      queue.lastBytes = batch.builder.bytes;
      stampProducer(records, queue.identity.id, queue.identity.epoch, batch.sequence);
      unanswered.set(`${queue.topic} ${queue.partition}`, batch);
      const entry = { index: queue.partition, records };
      const entries = byTopic.get(queue.topic);
      if (entries) entries.push(entry);
      else byTopic.set(queue.topic, [entry]);
    }
    const topicData = [...byTopic].map(([name, partitionData]) => ({ name, partitionData }));
    const body = { transactionalId: null, acks, timeoutMs: REQUEST_TIMEOUT_MS, topicData };
    try {
      if (acks === 0) {
        await connection.post(produceApi, body);
        node.requests--;
        for (const batch of batches) this.#answered(batch, errorCodes.NONE, -1, null);
      } else {
        const answer = await connection.request(produceApi, body);
        node.requests--;
        if (answer.throttleTimeMs > 0) void this.#throttle(node, answer.throttleTimeMs);
        for (const { name, partitionResponses } of answer.responses) {
          for (const { index, errorCode, baseOffset, errorMessage } of partitionResponses) {
            const batch = unanswered.get(`${name} ${index}`);
            unanswered.delete(`${name} ${index}`);
            if (batch) this.#answered(batch, errorCode, baseOffset, errorMessage);
          }
        }
        for (const batch of unanswered.values())
          this.#answered(batch, errorCodes.NETWORK_EXCEPTION, -1, "the answer leaves the partition out");
      }
    } catch (thrown) {
      node.requests--;
      const failure = thrown instanceof KafkaError ? thrown : unreachable([`node ${node.id}`], thrown);
      for (const batch of batches) {
        batch.queue.answered(batch);
        batch.inDoubt = true;
        this.#tryAgain(batch, failure);
      }
    }
    this.#kick();
  }

  /** A broker that asks to be left alone for a while is (KIP-219). */
  async #throttle(node: Node, throttleMs: number): Promise<void> {
    node.isThrottled = true;
    await this.#options.clock.sleep(throttleMs, this.#closing.signal).catch(() => undefined);
    node.isThrottled = false;
    this.#kick();
  }

  #answered(batch: OutgoingBatch, code: number, baseOffset: number, message: string | null): void {
    const { queue } = batch;
    queue.answered(batch);
    if (batch.isSettled) return;
    switch (code) {
      case errorCodes.NONE:
      case errorCodes.DUPLICATE_SEQUENCE_NUMBER:
        queue.failures = 0;
        if (queue.isFirst(batch)) queue.isUnproven = false;
        this.#stored(batch, baseOffset);
        break;
      case errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER:
      case errorCodes.UNKNOWN_PRODUCER_ID:
        this.#outOfSequence(batch, code, message);
        break;
      case errorCodes.INVALID_PRODUCER_EPOCH:
      case errorCodes.PRODUCER_FENCED:
        this.#end(refusedBatch(batch, code, message));
        break;
      default:
        if (code === errorCodes.MESSAGE_TOO_LARGE && batch.builder.count > 1) this.#split(batch);
        else if (isRetriable(code)) {
          if (!NOT_APPENDED.has(code)) batch.inDoubt = true;
          this.#tryAgain(batch, refusedBatch(batch, code, message));
        } else this.#failed(batch, refusedBatch(batch, code, message));
    }
    this.#offer(queue);
  }

  /**
   * A batch behind one that failed is out of order until that one is stored. The first one is so only where the broker has lost what it knew: where
   * nothing of it can be in the log it begins a new epoch, and otherwise it fails, because sent again it might be stored twice.
   */
  #outOfSequence(batch: OutgoingBatch, code: number, message: string | null): void {
    const { queue } = batch;
    if (!queue.isFirst(batch)) {
      queue.isUnproven = true;
      queue.putBack(batch);
    } else if (batch.inDoubt) this.#failed(batch, refusedBatch(batch, code, message));
    else {
      queue.needsNewEpoch = true;
      this.#tryAgain(batch, refusedBatch(batch, code, message));
    }
  }

  #tryAgain(batch: OutgoingBatch, failure: KafkaError): void {
    if (batch.isSettled) return;
    batch.attempts++;
    batch.queue.putBack(batch);
    this.#block(batch.queue, failure);
  }

  /** Nothing more is sent to the partition before the pause is over and its leader is known. */
  #block(queue: PartitionQueue, failure: KafkaError): void {
    queue.isUnproven = true;
    queue.lastFailure = failure;
    if (!queue.isBlocked) queue.failures++;
    queue.isBlocked = true;
    this.#giveUp(queue);
    const topic = this.#topics.get(queue.topic);
    if (topic?.queues[queue.partition] !== queue) {
      for (const batch of [...queue.waiting]) this.#failed(batch, failure);
      queue.isBlocked = false;
    } else if (!topic.isLooking) void this.#look(topic);
  }

  /** Fails what has been tried often enough, or for long enough. */
  #giveUp(queue: PartitionQueue): void {
    const { retries, deliveryTimeoutMs } = this.#options;
    const failure = queue.lastFailure;
    const isFinal = failure?.code === "KAFKA_LOGIN" || failure?.code === "KAFKA_NOT_ALLOWED";
    const oldest = this.#now() - deliveryTimeoutMs;
    for (const batch of [...queue.waiting, ...(queue.open ? [queue.open] : [])]) {
      if (isFinal || batch.attempts > retries || batch.createdMs <= oldest) this.#failed(batch, triedInVain(batch, failure));
    }
  }

  /** Looks for the topic's leaders until no partition is blocked any more; one look where none is. */
  async #look(topic: TopicQueues): Promise<void> {
    topic.isLooking = true;
    const { clock } = this.#options;
    try {
      for (;;) {
        const blocked = topic.queues.filter((queue) => queue.isBlocked);
        const failures = Math.min(...blocked.map((queue) => queue.failures));
        await clock.sleep(blocked.length > 0 ? pauseMs(failures) : 0, this.#closing.signal);
        const failure = await this.#refresh(topic);
        for (const queue of topic.queues) if (queue.isBlocked) await this.#unblock(queue, failure);
        if (!topic.queues.some((queue) => queue.isBlocked)) return;
      }
    } catch (thrown) {
      if (!this.#closing.signal.aborted) throw thrown;
    } finally {
      topic.isLooking = false;
    }
  }

  /** Asks for the topic's leaders; the failure where that failed. */
  async #refresh(topic: TopicQueues): Promise<KafkaError | undefined> {
    try {
      noteLeaders(topic, await this.#options.cluster.partitions([topic.name]), this.#identity, this.#now());
      return undefined;
    } catch (thrown) {
      const failure = thrown instanceof KafkaError ? thrown : unreachable(["the brokers"], thrown);
      if (failure.code !== "KAFKA_TOPIC") return failure;
      if (Number.isNaN(topic.unknownSinceMs)) topic.unknownSinceMs = this.#now();
      if (this.#now() - topic.unknownSinceMs < TOPIC_PATIENCE_MS) return failure;
      for (const batch of topic.queues.flatMap(({ waiting, open }) => [...waiting, ...(open ? [open] : [])])) this.#failed(batch, failure);
      this.#topics.delete(topic.name);
      for (const queue of topic.queues) queue.isBlocked = false;
      return undefined;
    }
  }

  async #unblock(queue: PartitionQueue, failure: KafkaError | undefined): Promise<void> {
    const first = queue.waiting[0] ?? queue.open;
    if (!first && queue.underWay.length === 0) failure = undefined;
    if (failure || (first && queue.leader < 0)) {
      queue.failures++;
      queue.lastFailure = failure ?? refusedBatch(first as OutgoingBatch, errorCodes.LEADER_NOT_AVAILABLE, null);
      for (const batch of queue.waiting) batch.attempts++;
      if (queue.open) queue.open.attempts++;
      this.#giveUp(queue);
      return;
    }
    this.#giveUp(queue);
    if (queue.needsNewEpoch) {
      if (queue.underWay.length > 0) {
        queue.failures = Math.max(1, queue.failures);
        return;
      }
      for (const batch of [...queue.waiting]) if (batch.inDoubt) this.#failed(batch, leftInDoubt(batch, queue.lastFailure));
      const identity = await this.#nextIdentity(queue);
      if (!identity) return;
      queue.restart(identity);
    }
    queue.isBlocked = false;
    this.#offer(queue);
  }

  /** The next epoch, or a new id where there is none; undefined where no broker gives one now. */
  async #nextIdentity(queue: PartitionQueue): Promise<ProducerIdentity | undefined> {
    const { id, epoch } = queue.identity;
    if (epoch < LAST_EPOCH) return { id, epoch: epoch + 1 };
    try {
      return await this.#options.cluster.initProducerId();
    } catch {
      queue.failures++;
      return undefined;
    }
  }

  /** Finds a topic that is not known yet. */
  async #find(name: string): Promise<TopicQueues> {
    const { cluster, clock, retries, deliveryTimeoutMs } = this.#options;
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
        if (this.#fatal) throw this.#fatal;
        if (!(thrown instanceof KafkaError)) throw thrown;
        failure = thrown;
      }
      const patienceMs = failure?.code === "KAFKA_TOPIC" ? Math.min(TOPIC_PATIENCE_MS, deliveryTimeoutMs) : deliveryTimeoutMs;
      const canWait = failure === undefined || failure.code === "KAFKA_TOPIC" || failure.code === "KAFKA_UNREACHABLE";
      if (!canWait || failures > retries || this.#now() - startedMs >= patienceMs) {
        throw (
          failure ??
          new KafkaError("KAFKA_REQUEST", {
            failed: `Cannot send to "${name}"`,
            found: "LEADER_NOT_AVAILABLE: the cluster does not name its partitions",
            remedy: 'Look at the topic with "streamlab topics describe".',
          })
        );
      }
      await clock.sleep(pauseMs(failures), this.#closing.signal);
    }
  }

  /** The broker takes no batch as large as this: its halves go in its place, with its sequence numbers. */
  #split(batch: OutgoingBatch): void {
    const { queue } = batch;
    const halves = splitBatch(batch);
    for (const half of halves) {
      this.#outstanding.add(half);
      this.#bufferedBytes += half.builder.bytes;
    }
    queue.isUnproven = true;
    queue.putBack(...halves);
    this.#settle(batch);
  }

  #stored(batch: OutgoingBatch, baseOffset: number): void {
    if (batch.isSettled) return;
    const { memory } = batch.builder;
    if (memory.length >= this.#fullBytes && memory.length <= this.#fullBytes * 2 && this.#pool.length < POOLED) this.#pool.push(memory);
    this.#settle(batch);
    const { topic, partition } = batch.queue;
    for (const { recipient, first } of batch.shares) recipient.stored(topic, partition, baseOffset < 0 ? -1 : baseOffset + first);
  }

  #failed(batch: OutgoingBatch, error: KafkaError): void {
    if (batch.isSettled) return;
    const { queue } = batch;
    if (queue.open === batch) queue.open = undefined;
    const at = queue.waiting.indexOf(batch);
    if (at >= 0) queue.waiting.splice(at, 1);
    this.#settle(batch);
    for (const { recipient } of batch.shares) recipient.failed(error);
    if (batch.sequence < 0 || this.#fatal) return;
    queue.needsNewEpoch = true;
    this.#block(queue, error);
  }

  #settle(batch: OutgoingBatch): void {
    batch.isSettled = true;
    batch.sealed = undefined;
    this.#outstanding.delete(batch);
    this.#bufferedBytes -= batch.builder.bytes;
    if (this.#bufferedBytes <= this.#options.bufferBytes / 2) for (const wake of this.#waitingForRoom.splice(0)) wake();
    if (this.#outstanding.size === 0) for (const wake of this.#waitingForEnd.splice(0)) wake();
  }
}
