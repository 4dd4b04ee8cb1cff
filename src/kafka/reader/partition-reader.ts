import type { Clock } from "../../base/clock.ts";
import { errorCodes, errorName, isRetriable } from "../../kafka-protocol/error-codes.ts";
import { fetchApi } from "../../kafka-protocol/messages/fetch.ts";
import type { RequestDraft, ResponseOf } from "../../kafka-protocol/schema.ts";
import { KafkaError } from "../kafka-error.ts";
import { wholeBatches, type AbortedTransaction, type FetchedPart } from "./whole-batches.ts";
import type { BrokerConnection } from "../wire/broker-connection.ts";
import type { Cluster, TopicPartition } from "../wire/cluster.ts";

/**
 * Whole record batches of one partition as they were fetched: all that the log has in [from, next), and perhaps records before `from`. `parts` are
 * the stretches of `bytes` that count: all of it, but for transactions that were aborted.
 */
export type Fetched = { readonly bytes: Buffer; readonly from: number; readonly next: number; readonly parts: readonly FetchedPart[] };

export type PartitionReaderOptions = {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** What is asked for at a time, over all partitions together; 8 MiB if not given, at most 2 MiB a partition. Twice that is kept ahead. */
  readonly bytes?: number;
  /** How long the cluster may be away before readers get the failure; 120 s (Spark's kafkaConsumer.pollTimeoutMs) if not given. */
  readonly patienceMs?: number;
  /** How long a topic may be unknown, as it may be to a broker that has just come up; 10 s if not given. */
  readonly topicPatienceMs?: number;
  /** Leaves out the messages of transactions that are open or were aborted; false if not given. */
  readonly readCommitted?: boolean;
};

/** A stretch, and the answer in whose memory it lies. */
interface Kept extends Fetched {
  readonly answer: AnswerInUse;
}

/** The memory of an answer is given back when the last of its stretches is. */
interface AnswerInUse {
  stretches: number;
  giveBack(): void;
}

/** What is known of one partition. */
interface Partition extends TopicPartition {
  leader: number;
  /** The offset of the next fetch. */
  position: number;
  /** Counts the seeks: an answer to an earlier question is thrown away. */
  seeks: number;
  readonly queue: Kept[];
  queuedBytes: number;
  /** The high watermark as last heard; −1 before. */
  end: number;
  outOfRange: boolean;
}

const MAX_WAIT_MS = 500;
/** How long a topic may be unknown where nothing else is said. */
export const TOPIC_PATIENCE_MS = 10_000;
const PARTITION_BYTES = 2 * 1024 * 1024;

/**
 * Reads partitions ahead: one connection and one Fetch per leader for all its partitions, whole batches, the next fetch under way while the last
 * is processed. A partition with two such stretches waiting is left out until there is room; then nothing is fetched from its leader unless
 * somebody waits for another of its partitions. A leader that goes away is looked for until `patienceMs` are over.
 */
export class PartitionReader {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #bytes: number;
  readonly #patienceMs: number;
  readonly #topicPatienceMs: number;
  readonly #readCommitted: boolean;
  readonly #partitions = new Map<string, Partition>();
  readonly #fetching = new Set<number>();
  readonly #demanded = new Map<string, number>();
  readonly #closing = new AbortController();
  #looking = false;
  /** How often leaders were looked for since a partition was last read without an error. */
  #looks = 0;
  #lastHeardMs: number;
  #failure: Error | undefined;
  #waiters: (() => void)[] = [];

  constructor(options: PartitionReaderOptions) {
    this.#cluster = options.cluster;
    this.#clock = options.clock;
    this.#bytes = options.bytes ?? 8 * 1024 * 1024;
    this.#patienceMs = options.patienceMs ?? 120_000;
    this.#topicPatienceMs = Math.min(this.#patienceMs, options.topicPatienceMs ?? TOPIC_PATIENCE_MS);
    this.#readCommitted = options.readCommitted ?? false;
    this.#lastHeardMs = options.clock.monotonicMs();
  }

  /** Reads the partition from `offset` on; forgets what was read ahead of it. */
  seek(topic: string, partition: number, offset: number): void {
    const key = `${topic}-${partition}`;
    const known = this.#partitions.get(key);
    if (known) {
      known.position = offset;
      known.seeks++;
      for (const gone of known.queue.splice(0)) release(gone.answer);
      known.queuedBytes = 0;
      known.outOfRange = false;
      this.#startLoops();
    } else {
      this.#partitions.set(key, {
        topic,
        partition,
        leader: -1,
        position: offset,
        seeks: 0,
        queue: [],
        queuedBytes: 0,
        end: -1,
        outOfRange: false,
      });
      this.#lookForLeaders();
    }
    this.notify();
  }

  /** Reads the partition no longer: it is gone. */
  forget(topic: string, partition: number): void {
    const key = `${topic}-${partition}`;
    for (const gone of this.#partitions.get(key)?.queue.splice(0) ?? []) release(gone.answer);
    this.#partitions.delete(key);
    this.notify();
  }

  /** True where what was read ahead, or the next fetch, begins at or before `offset` with nothing missing from there on. */
  covers(topic: string, partition: number, offset: number): boolean {
    const known = this.#partitions.get(`${topic}-${partition}`);
    if (!known) return false;
    const first = known.queue[0];
    return first ? first.from <= offset && offset <= known.position : known.position === offset;
  }

  has(topic: string, partition: number): boolean {
    return this.#partitions.has(`${topic}-${partition}`);
  }

  /** The oldest stretch that was read ahead; it stays, and its bytes stay as they are, until `shift` or `seek`. */
  peek(topic: string, partition: number): Fetched | undefined {
    return this.#partitions.get(`${topic}-${partition}`)?.queue[0];
  }

  /** Gives up the oldest stretch, whose room is used for the next fetch. */
  shift(topic: string, partition: number): void {
    const known = this.#partitions.get(`${topic}-${partition}`);
    const gone = known?.queue.shift();
    if (!known || !gone) return;
    release(gone.answer);
    const full = 2 * this.#share();
    const wasFull = known.queuedBytes >= full;
    known.queuedBytes -= gone.bytes.length;
    if (wasFull && known.queuedBytes < full) this.notify();
  }

  /** The end of the partition as last heard, undefined before. */
  end(topic: string, partition: number): number | undefined {
    const end = this.#partitions.get(`${topic}-${partition}`)?.end ?? -1;
    return end < 0 ? undefined : end;
  }

  /** The broker has said that the position does not exist: too old, or beyond the end. Ended by `seek`. */
  isOutOfRange(topic: string, partition: number): boolean {
    return this.#partitions.get(`${topic}-${partition}`)?.outOfRange ?? false;
  }

  /**
   * Resolves as soon as `check` holds; it is asked at once and again whenever something was heard, at least every half second while the
   * cluster answers. `wanted`: partitions without which the caller cannot go on.
   */
  async wait(check: () => boolean, wanted: readonly TopicPartition[], signal?: AbortSignal): Promise<void> {
    const keys = wanted.map(({ topic, partition }) => `${topic}-${partition}`);
    for (const key of keys) this.#demanded.set(key, (this.#demanded.get(key) ?? 0) + 1);
    this.notify();
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (this.#failure) throw this.#failure;
        if (check()) return;
        await this.#heard(signal);
      }
    } finally {
      for (const key of keys) {
        const left = (this.#demanded.get(key) ?? 1) - 1;
        if (left > 0) this.#demanded.set(key, left);
        else this.#demanded.delete(key);
      }
    }
  }

  /** Lets every waiter look again. */
  notify(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  close(): void {
    this.#fail(new KafkaError("KAFKA_CLOSED", { failed: "Cannot read on", found: "the reader is closed", remedy: "Open another." }));
  }

  #fail(failure: Error): void {
    this.#failure ??= failure;
    this.#closing.abort(failure);
    this.notify();
  }

  #heard(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal?.removeEventListener("abort", done);
        resolve();
      };
      signal?.addEventListener("abort", done, { once: true });
      this.#waiters.push(done);
    });
  }

  #share(): number {
    return Math.max(64 * 1024, Math.min(PARTITION_BYTES, Math.floor(this.#bytes / this.#partitions.size)));
  }

  #lookForLeaders(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#look()
      .catch((thrown: unknown) => this.#fail(thrown as Error))
      .finally(() => (this.#looking = false));
  }

  /** Asks who leads what until every partition has a leader; the more often in vain, the longer the pauses. */
  async #look(): Promise<void> {
    while (!this.#failure) {
      if (this.#looks > 0) await this.#clock.sleep(Math.min(1000, 12 * 2 ** this.#looks), this.#closing.signal).catch(() => undefined);
      else await Promise.resolve();
      if (this.#failure) return;
      this.#looks++;
      const leaderless = [...this.#partitions.values()].filter((partition) => partition.leader < 0);
      try {
        const leaders =
          leaderless.length === 0 ? [] : await this.#cluster.partitions([...new Set(leaderless.map((partition) => partition.topic))]);
        for (const { topic, partition, leader } of leaders) {
          const known = this.#partitions.get(`${topic}-${partition}`);
          if (known && known.leader < 0) known.leader = leader;
        }
      } catch (thrown) {
        this.#giveUpOrGoOn(thrown as Error);
      }
      this.#startLoops();
      this.notify();
      if ([...this.#partitions.values()].every((partition) => partition.leader >= 0)) return;
    }
  }

  /** Every leader that has something to read has a loop. */
  #startLoops(): void {
    if (this.#failure) return;
    for (const node of new Set([...this.#partitions.values()].map((partition) => partition.leader))) {
      if (node >= 0 && !this.#fetching.has(node) && this.#led(node).length > 0) void this.#fetchFrom(node);
    }
  }

  /** A failure that time may mend is borne until the patience is over; any other, and a login that is refused, is final. */
  #giveUpOrGoOn(failure: Error): void {
    const code = failure instanceof KafkaError ? failure.code : "";
    const patienceMs = code === "KAFKA_UNREACHABLE" ? this.#patienceMs : code === "KAFKA_TOPIC" ? this.#topicPatienceMs : 0;
    if (this.#clock.monotonicMs() - this.#lastHeardMs >= patienceMs) this.#fail(failure);
  }

  async #fetchFrom(node: number): Promise<void> {
    this.#fetching.add(node);
    try {
      const connection = await this.#cluster.connection(node, "fetch");
      let asked = this.#ask(connection, node);
      while (asked) {
        this.#accept(await asked.answer, asked.seeks, connection);
        asked = this.#ask(connection, node);
        this.notify();
        while (!asked && !this.#failure && this.#led(node).length > 0) {
          await this.#heard(this.#closing.signal);
          asked = this.#ask(connection, node);
        }
      }
    } catch (thrown) {
      for (const partition of this.#led(node)) partition.leader = -1;
      this.#giveUpOrGoOn(thrown as Error);
    } finally {
      this.#fetching.delete(node);
      if (!this.#failure && [...this.#partitions.values()].some(({ leader }) => leader < 0)) this.#lookForLeaders();
      else this.#startLoops();
    }
  }

  #led(node: number): Partition[] {
    return [...this.#partitions.values()].filter((partition) => partition.leader === node && !partition.outOfRange);
  }

  /** Sends the next fetch, unless there is no room or nothing to ask for. */
  #ask(
    connection: BrokerConnection,
    node: number,
  ): { readonly answer: Promise<ResponseOf<typeof fetchApi>>; readonly seeks: Map<string, number> } | undefined {
    if (this.#failure) return undefined;
    const led = this.#led(node);
    const share = this.#share();
    const roomy = led.filter((partition) => partition.queuedBytes < 2 * share);
    if (roomy.length === 0) return undefined;
    if (roomy.length < led.length && !roomy.some(({ topic, partition }) => this.#demanded.has(`${topic}-${partition}`))) return undefined;
    const seeks = new Map(roomy.map(({ topic, partition, seeks: count }) => [`${topic}-${partition}`, count]));
    const request: RequestDraft<typeof fetchApi> = {
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes: Math.max(share, share * roomy.length),
      isolationLevel: this.#readCommitted ? 1 : 0,
      topics: [...Map.groupBy(roomy, ({ topic }) => topic)].map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map(({ partition, position }) => ({ partition, fetchOffset: position, partitionMaxBytes: share })),
      })),
    };
    return { answer: connection.request(fetchApi, request), seeks };
  }

  #accept(answer: ResponseOf<typeof fetchApi>, seeks: ReadonlyMap<string, number>, connection: BrokerConnection): void {
    const filled = answer.responses.flatMap(({ partitions }) => partitions).find(({ records }) => records);
    const inUse: AnswerInUse = { stretches: 1, giveBack: () => filled?.records && connection.giveBack(filled.records) };
    if (answer.errorCode !== 0) throw fetchRefused("its partitions", answer.errorCode);
    for (const { topic, partitions } of answer.responses) {
      for (const { partitionIndex, errorCode, highWatermark, lastStableOffset, abortedTransactions, records } of partitions) {
        const key = `${topic}-${partitionIndex}`;
        const known = this.#partitions.get(key);
        if (!known || known.seeks !== seeks.get(key)) continue;
        if (errorCode === errorCodes.OFFSET_OUT_OF_RANGE) known.outOfRange = true;
        else if (isRetriable(errorCode)) {
          known.leader = -1;
          this.#lookForLeaders();
        } else if (errorCode !== 0) throw fetchRefused(key, errorCode);
        else {
          this.#lastHeardMs = this.#clock.monotonicMs();
          this.#looks = 0;
          known.end = this.#readCommitted && lastStableOffset >= 0 ? lastStableOffset : highWatermark;
          this.#keep(known, records, inUse, this.#readCommitted ? abortedTransactions : null);
        }
      }
    }
    release(inUse);
  }

  #keep(partition: Partition, records: Buffer | null, answer: AnswerInUse, aborted: readonly AbortedTransaction[] | null): void {
    if (records === null || records.length === 0) return;
    const { next, parts } = wholeBatches(records, partition.position, aborted ?? []);
    if (next <= partition.position) return;
    answer.stretches++;
    partition.queue.push({ bytes: records, from: partition.position, next, parts, answer });
    partition.queuedBytes += records.length;
    partition.position = next;
  }
}

/** One stretch of the answer less is in use. */
function release(answer: AnswerInUse): void {
  if (--answer.stretches === 0) answer.giveBack();
}

function fetchRefused(what: string, code: number): KafkaError {
  const name = errorName(code);
  return new KafkaError(name.endsWith("AUTHORIZATION_FAILED") ? "KAFKA_NOT_ALLOWED" : "KAFKA_REQUEST", {
    failed: `Cannot read ${what}`,
    found: name,
    remedy: name.endsWith("AUTHORIZATION_FAILED") ? "Ask the cluster's owner for the right to read." : "Look at the broker's log.",
  });
}
