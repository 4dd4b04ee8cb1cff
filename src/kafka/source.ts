import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../base/clock.ts";
import type { Format } from "../engine/formats.ts";
import type { Block, Offset, Source } from "../engine/sources/source.ts";
import type { StructType } from "../engine/types/data-type.ts";
import { createRecordArrays, type RecordArrays } from "../kafka-protocol/record-iteration.ts";
import { KafkaError } from "./kafka-error.ts";
import { Losses } from "./losses.ts";
import { fromJson, limitByLag, splitKey, toJson } from "./offset-range.ts";
import { Cluster, EARLIEST, LATEST, type PartitionLeader, type TopicPartition } from "./wire/cluster.ts";
import { PartitionReader, TOPIC_PATIENCE_MS } from "./reader/partition-reader.ts";
import { recordBlocks, type OffsetRange } from "./record-blocks.ts";
import { recordSchema } from "./record-schema.ts";
import {
  checkEveryPartition,
  describeSubscription,
  parseSourceOptions,
  refuseSchema,
  type End,
  type KafkaSourceOptions,
} from "./source-options.ts";
import { openKafkaSink } from "./sink.ts";
import { nothingSince, startTime } from "./start-time.ts";
import { messagesBetween, TriggerDelay } from "./trigger-delay.ts";

/** `.format("kafka")`: the source of this file and the sink of sink.ts. */
export const kafkaFormat: Format = {
  name: "kafka",
  sourceSchema: (context) => {
    refuseSchema(context);
    return recordSchema(parseSourceOptions(context).includeHeaders);
  },
  openSource: (context) => Promise.resolve(new KafkaSource(parseSourceOptions(context), context.clock)),
  openSink: openKafkaSink,
};

/** How old the list of partitions may be before it is asked for again. */
const PARTITIONS_AGE_MS = 5000;
/** How long a log may seem shorter than what was already promised, as it may while a new leader takes over. */
const SHORT_LOG_PATIENCE_MS = 3000;
/** After so many bytes handed over without a wait, sockets get a turn. */
const TURN_BYTES = 1024 * 1024;

/**
 * Kafka as the engine's source, with Spark's options and answers (KafkaMicroBatchStream, KafkaOffsetReader). Offsets are
 * `{"topic":{"partition": next offset}}`. Records come as blocks of raw bytes, in order within a partition; what `read` gives is what the reader
 * has fetched ahead, and is fetched again for exactly the asked range where it is not there any more. Once connected it outlives the absence of
 * brokers for `kafkaConsumer.pollTimeoutMs` (120 s).
 */
export class KafkaSource implements Source {
  readonly schema: StructType;
  readonly description: string;
  readonly #options: KafkaSourceOptions;
  readonly #clock: Clock;
  readonly #cluster: Cluster;
  readonly #reader: PartitionReader;
  readonly #arrays: RecordArrays;
  readonly #closing = new AbortController();
  #partitions: readonly TopicPartition[] = [];
  #listedMs: number = -Infinity;
  #listing: Promise<void> | undefined;
  /** Since when topics have been unknown that were there. */
  readonly #unknownSinceMs = new Map<string, number>();
  /** Where partitions begin that appeared after the query's start. */
  readonly #begins = new Map<string, number>();
  #frozen: ReadonlyMap<string, number> | undefined;
  readonly #delay: TriggerDelay | undefined;
  readonly #losses = new Losses();
  /** Partitions whose log went backwards, with the end at which that was seen: the next read from the old offset counts the gap. */
  readonly #shrunk = new Map<string, number>();
  #toPublish: ReadonlyMap<string, number> | undefined;
  #publishing: Promise<void> | undefined;

  constructor(options: KafkaSourceOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    const { minOffsetsPerTrigger, maxTriggerDelayMs } = options;
    this.#delay = minOffsetsPerTrigger === undefined ? undefined : new TriggerDelay(clock, minOffsetsPerTrigger, maxTriggerDelayMs);
    this.schema = recordSchema(options.includeHeaders);
    this.description = `KafkaV2[${describeSubscription(options.subscription)}]`;
    this.#cluster = new Cluster(options.connection, clock, options.readCommitted);
    this.#arrays = createRecordArrays(4096, options.includeHeaders);
    this.#reader = new PartitionReader({
      cluster: this.#cluster,
      clock,
      readCommitted: options.readCommitted,
      ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
      ...(options.failOnDataLoss ? {} : { topicPatienceMs: Infinity }),
      ...(options.fetchBytes === undefined ? {} : { bytes: options.fetchBytes }),
    });
  }

  async initial(signal: AbortSignal): Promise<Offset> {
    await this.#listPartitions(signal);
    const { start, withoutTimestamp } = this.#options;
    if (start.kind === "offsets") checkEveryPartition(start.offsets, this.#partitions);
    if (start.kind === "timestamps") checkEveryPartition(start.timestampsMs, this.#partitions, "startingOffsetsByTimestamp");
    const wanted = this.#partitions.map((one) => ({ ...one, timestamp: startTime(start, keyOf(one)) }));
    const found = await this.#offsetsAt(
      wanted.filter(({ timestamp }) => timestamp !== undefined) as (TopicPartition & { timestamp: number })[],
      signal,
    );
    const offsets = new Map(start.kind === "offsets" ? [...start.offsets].filter(([, offset]) => offset >= 0) : []);
    const without = [...found].filter(([, offset]) => offset < 0).map(([key]) => key);
    if (without[0] !== undefined && withoutTimestamp === "error") throw nothingSince(without[0], startTime(start, without[0]) ?? 0);
    const ends = await this.#offsetsAt(
      without.map((key) => ({ ...splitKey(key), timestamp: LATEST })),
      signal,
    );
    for (const [key, offset] of found) offsets.set(key, offset < 0 ? (ends.get(key) ?? 0) : offset);
    return toJson(offsets);
  }

  async latest(from: Offset, signal: AbortSignal): Promise<Offset> {
    const begin = fromJson(from, "the offset of a checkpoint");
    if (this.#options.end) return this.#tableEnd(this.#options.end, signal);
    await this.#follow(begin, signal);
    let ends = this.#heardEnds();
    if (!isAhead(ends, begin, this.#begins) || this.#someOutOfRange()) ends = await this.#askEnds(signal);
    const from0 = new Map([...this.#begins, ...begin]);
    const to = new Map<string, number>();
    for (const [key, offset] of from0) {
      const end = ends.get(key);
      if (end === undefined && !this.#isThere(key)) {
        this.#lose(key, `the partition is gone; offset ${offset} was next`);
        this.#begins.delete(key);
        continue;
      }
      const reached = end ?? offset;
      if (reached < offset) {
        to.set(key, await this.#startOver(key, offset, reached, signal));
        continue;
      }
      to.set(key, this.#frozen ? Math.min(reached, Math.max(offset, this.#frozen.get(key) ?? offset)) : reached);
    }
    if (this.#delay && !this.#frozen && !isBehind(to, from0)) {
      if (this.#delay.holds(from0, to)) return from;
      if (messagesBetween(from0, to) > 0) this.#delay.began();
    }
    const limit = this.#options.maxOffsetsPerTrigger;
    return toJson(limit === undefined ? to : limitByLag(from0, to, limit));
  }

  /** Where the read of a table ends. */
  async #tableEnd(end: End, signal: AbortSignal): Promise<Offset> {
    const latest = await this.#askEnds(signal);
    if (end.kind === "latest") return toJson(latest);
    if (end.kind === "timestamp" || end.kind === "timestamps") {
      if (end.kind === "timestamps") checkEveryPartition(end.timestampsMs, this.#partitions, "endingOffsetsByTimestamp");
      const wanted = this.#partitions.map((one) => ({
        ...one,
        timestamp: end.kind === "timestamp" ? end.timestampMs : (end.timestampsMs.get(keyOf(one)) ?? LATEST),
      }));
      const found = await this.#offsetsAt(wanted, signal);
      return toJson(new Map([...found].map(([key, offset]) => [key, offset < 0 ? (latest.get(key) ?? 0) : offset])));
    }
    checkEveryPartition(end.offsets, this.#partitions, "endingOffsets");
    return toJson(new Map([...end.offsets].map(([key, offset]) => [key, offset < 0 ? (latest.get(key) ?? 0) : offset])));
  }

  async *read(from: Offset, to: Offset, signal: AbortSignal): AsyncIterable<Block> {
    const begin = fromJson(from, "the offset of a checkpoint");
    const end = fromJson(to, "the offset of a checkpoint");
    await this.#follow(begin, signal, end);
    const ranges: Range[] = [];
    for (const [key, last] of end) {
      const next = begin.get(key) ?? this.#begins.get(key) ?? last;
      if (last < next) this.#stepBack(key, next, last);
      if (next < last) ranges.push({ key, ...splitKey(key), next, end: last, shortSinceMs: undefined });
    }
    for (const range of ranges)
      if (this.#isThere(range.key) && !this.#reader.covers(range.topic, range.partition, range.next))
        this.#reader.seek(range.topic, range.partition, range.next);
    let untilTurn = TURN_BYTES;
    for (let open = ranges; open.length > 0; open = open.filter((range) => range.next < range.end)) {
      let progress = false;
      for (const range of open) {
        const fetched = this.#reader.peek(range.topic, range.partition);
        if (!fetched) {
          progress = (await this.#mendRange(range, signal)) || progress;
          continue;
        }
        progress = true;
        yield* recordBlocks(range, fetched, this.#arrays);
        range.next = Math.min(fetched.next, range.end);
        range.shortSinceMs = undefined;
        if (fetched.next <= range.end) this.#reader.shift(range.topic, range.partition);
        untilTurn -= fetched.bytes.length;
        if (untilTurn <= 0) {
          untilTurn = TURN_BYTES;
          await nextTurn();
          signal.throwIfAborted();
        }
      }
      if (!progress) await this.#reader.wait(() => open.some((range) => this.#canGoOn(range)), open, signal);
    }
  }

  async changed(from: Offset, signal: AbortSignal): Promise<void> {
    const begin = fromJson(from, "the offset of a checkpoint");
    await this.#follow(begin, signal);
    while (this.#partitions.length === 0) {
      await this.#clock.sleep(PARTITIONS_AGE_MS / 5, signal);
      await this.#listPartitions(signal);
    }
    await this.#reader.wait(
      () => {
        this.#listAgainIfOld();
        const ends = this.#heardEnds();
        const held = this.#delay !== undefined && !this.#frozen && this.#delay.holds(new Map([...this.#begins, ...begin]), ends);
        return (
          (!held && isAhead(ends, begin, this.#begins)) ||
          this.#someOutOfRange() ||
          this.#partitions.some((one) => this.#isStranger(one, begin)) ||
          [...begin.keys()].some((key) => !this.#isThere(key))
        );
      },
      [],
      signal,
    );
  }

  commit(): Promise<void> {
    return Promise.resolve();
  }

  async freeze(signal: AbortSignal): Promise<void> {
    if (this.#partitions.length === 0) await this.#listPartitions(signal);
    this.#frozen = await this.#askEnds(signal);
  }

  reportLatestOffset(): Offset {
    const ends = this.#heardEnds();
    return ends.size === 0 ? null : toJson(ends);
  }

  metrics(at: Offset): Readonly<Record<string, string>> {
    if (at === null) return {};
    const behind: number[] = [];
    const losses = this.#losses.metrics();
    const position = fromJson(at, "the offset of a checkpoint");
    for (const [key, end] of this.#heardEnds()) {
      const reached = position.get(key);
      if (reached !== undefined) behind.push(Math.max(0, end - reached));
    }
    if (behind.length === 0) return losses;
    const average = behind.reduce((sum, one) => sum + one, 0) / behind.length;
    return {
      avgOffsetsBehindLatest: Number.isInteger(average) ? `${average}.0` : String(average),
      maxOffsetsBehindLatest: String(Math.max(...behind)),
      minOffsetsBehindLatest: String(Math.min(...behind)),
      ...losses,
    };
  }

  /** Commits for the group in the background, always the newest offset; what fails is of no consequence and tried again with the next. */
  publish(to: Offset): Promise<void> {
    const { groupId } = this.#options;
    if (groupId === undefined) return Promise.resolve();
    this.#toPublish = fromJson(to, "the offset of a batch");
    this.#publishing ??= this.#publishAll(groupId).finally(() => (this.#publishing = undefined));
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.race([this.#publishing, this.#clock.sleep(1000, this.#closing.signal).catch(() => undefined)]);
    this.#closing.abort();
    this.#reader.close();
    await this.#cluster.close();
  }

  async #publishAll(groupId: string): Promise<void> {
    while (this.#toPublish) {
      const offsets = [...this.#toPublish].map(([key, offset]) => ({ ...splitKey(key), offset }));
      this.#toPublish = undefined;
      await this.#cluster.commitOffsets(groupId, offsets).catch(() => undefined);
    }
  }

  /** Whether a range without fetched data can be gone on with: there is data, or it is certain that there will be none. */
  #canGoOn(range: Range): boolean {
    const { topic, partition } = range;
    this.#listAgainIfOld();
    if (this.#reader.peek(topic, partition) || this.#reader.isOutOfRange(topic, partition) || !this.#isThere(range.key)) return true;
    return this.#isShort(range);
  }

  /** The log has seemed to end before the range for so long that nothing more is to be expected. */
  #isShort(range: Range): boolean {
    const heard = this.#reader.end(range.topic, range.partition);
    if (heard === undefined || heard > range.next || heard >= range.end) {
      range.shortSinceMs = undefined;
      return false;
    }
    const now = this.#clock.monotonicMs();
    range.shortSinceMs ??= now;
    return now - range.shortSinceMs >= SHORT_LOG_PATIENCE_MS;
  }

  /** Looks into a range that gives no data; true where it was moved on over a loss. */
  async #mendRange(range: Range, signal: AbortSignal): Promise<boolean> {
    const { key, topic, partition } = range;
    if (this.#reader.isOutOfRange(topic, partition)) {
      const earliest = (await this.#offsetsAt([{ topic, partition, timestamp: EARLIEST }], signal)).get(key) ?? 0;
      const latest = (await this.#offsetsAt([{ topic, partition, timestamp: LATEST }], signal)).get(key) ?? 0;
      const goOn = range.next < earliest ? Math.min(earliest, range.end) : range.next > latest ? range.end : range.next;
      if (goOn > range.next) {
        const found = range.next < earliest ? `the log starts at ${earliest}` : `the log ends at ${latest}`;
        this.#lose(key, `offset ${range.next} was expected, ${found}`, goOn - range.next, range.next > latest);
      }
      range.next = goOn;
      this.#reader.seek(topic, partition, Math.min(Math.max(goOn, earliest), Math.max(latest, earliest)));
      return true;
    }
    if (!this.#isThere(key)) {
      this.#lose(key, `offsets up to ${range.end} were expected, the partition is gone`, range.end - range.next, true);
      range.next = range.end;
      return true;
    }
    if (!this.#isShort(range)) return false;
    const heard = this.#reader.end(topic, partition) ?? range.next;
    this.#lose(key, `offsets up to ${range.end} were expected, the log ends at ${heard}`, range.end - range.next, true);
    range.next = range.end;
    return true;
  }

  /** A log that ends before the offset that is next was made anew: the next batch steps back to its beginning, the ones after it read on from there. */
  async #startOver(key: string, offset: number, reached: number, signal: AbortSignal): Promise<number> {
    this.#failOnLoss(key, `offset ${offset} was next, but the log now ends at ${reached}`);
    const { topic, partition } = splitKey(key);
    const earliest = (await this.#offsetsAt([{ topic, partition, timestamp: EARLIEST }], signal)).get(key) ?? 0;
    this.#shrunk.set(key, reached);
    this.#reader.seek(topic, partition, earliest);
    return Math.min(earliest, reached);
  }

  /** The range of a partition goes backwards, which is how a batch says that its log was made anew. There is nothing to read, and a gap to count. */
  #stepBack(key: string, next: number, to: number): void {
    const reached = this.#shrunk.get(key) ?? to;
    this.#shrunk.delete(key);
    this.#failOnLoss(key, `offset ${next} was next, but the log now ends at ${reached}`);
    this.#losses.shrank(key, next, reached);
    const { topic, partition } = splitKey(key);
    if (!this.#reader.covers(topic, partition, to)) this.#reader.seek(topic, partition, to);
  }

  #failOnLoss(key: string, found: string): void {
    if (!this.#options.failOnDataLoss) return;
    throw new KafkaError("KAFKA_DATA_LOSS", {
      failed: `Cannot read ${key} without a gap`,
      found,
      remedy: 'Messages may have been deleted by retention, or the topic made anew. Set "failOnDataLoss" to "false" to go on without them.',
    });
  }

  /** Counts what is lost where the query may go on without it. `isBeyondEnd`: the log ends before what is lost. */
  #lose(key: string, found: string, count: number = 0, isBeyondEnd: boolean = false): void {
    this.#failOnLoss(key, found);
    this.#losses.add(key, found, count, isBeyondEnd);
  }

  /** Knows the partitions, and has the reader at work on each of them from the offset where the query stands. */
  async #follow(begin: ReadonlyMap<string, number>, signal: AbortSignal, end?: ReadonlyMap<string, number>): Promise<void> {
    if (this.#listedMs === -Infinity) await this.#listPartitions(signal);
    else this.#listAgainIfOld();
    const keys = new Set([...this.#partitions.map(keyOf), ...(end?.keys() ?? [])]);
    const strangers = [...keys].filter((key) => !begin.has(key) && !this.#begins.has(key));
    if (strangers.length > 0) await this.#beginAtEarliest(strangers, signal);
    for (const [key, offset] of [...this.#begins, ...begin]) {
      const { topic, partition } = splitKey(key);
      if (!this.#reader.has(topic, partition) && this.#isThere(key)) this.#reader.seek(topic, partition, offset);
    }
  }

  /** New partitions are read from their beginning, so that nothing is missed between their birth and our hearing of it. */
  async #beginAtEarliest(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const offsets = await this.#offsetsAt(
      keys.map((key) => ({ ...splitKey(key), timestamp: EARLIEST })),
      signal,
    );
    for (const [key, offset] of offsets) {
      if (offset > 0) this.#lose(key, `the partition is new to the query, but its log starts at ${offset}`, offset);
      this.#begins.set(key, offset);
    }
  }

  /** A partition that has appeared and whose beginning was not yet asked for. */
  #isStranger(one: TopicPartition, begin: ReadonlyMap<string, number>): boolean {
    return !begin.has(keyOf(one)) && !this.#begins.has(keyOf(one));
  }

  #someOutOfRange(): boolean {
    return this.#partitions.some((one) => this.#reader.isOutOfRange(one.topic, one.partition));
  }

  #isThere(key: string): boolean {
    return this.#partitions.some((one) => keyOf(one) === key);
  }

  #heardEnds(): Map<string, number> {
    const ends = new Map<string, number>();
    for (const one of this.#partitions) {
      const end = this.#reader.end(one.topic, one.partition);
      if (end !== undefined && !this.#reader.isOutOfRange(one.topic, one.partition)) ends.set(keyOf(one), end);
    }
    return ends;
  }

  #askEnds(signal: AbortSignal): Promise<Map<string, number>> {
    return this.#offsetsAt(
      this.#partitions.map((one) => ({ ...one, timestamp: LATEST })),
      signal,
    );
  }

  async #offsetsAt(
    wanted: readonly (TopicPartition & { readonly timestamp: number })[],
    signal: AbortSignal,
  ): Promise<Map<string, number>> {
    if (wanted.length === 0) return new Map();
    const offsets = await this.#patiently(() => this.#cluster.listOffsets(wanted, signal), signal, this.#options.offsetRetries);
    return new Map(offsets.map((one) => [keyOf(one), one.offset]));
  }

  async #listPartitions(signal: AbortSignal): Promise<void> {
    const { subscription } = this.#options;
    const topics =
      subscription.kind === "Subscribe"
        ? subscription.topics
        : subscription.kind === "Assign"
          ? [...new Set(subscription.partitions.map(({ topic }) => topic))]
          : null;
    const unsettled = new Set<string>();
    const unknown = new Set<string>();
    const bearsUnknown = !this.#options.failOnDataLoss && this.#listedMs > -Infinity;
    const all = await this.#patiently(
      () => this.#cluster.partitions(topics, (topic) => unsettled.add(topic), bearsUnknown ? (topic) => unknown.add(topic) : undefined),
      signal,
    );
    for (const topic of this.#unknownYet(unknown)) unsettled.add(topic);
    const before = this.#partitions;
    const listed = all.filter((one) => isMeant(subscription, one)).map(({ topic, partition }) => ({ topic, partition }));
    const there = new Set(listed.map(keyOf));
    const unsure = before.filter((one) => unsettled.has(one.topic) && !there.has(keyOf(one)));
    this.#partitions = [...listed, ...unsure];
    for (const gone of before) if (!this.#isThere(keyOf(gone))) this.#reader.forget(gone.topic, gone.partition);
    this.#listedMs = this.#clock.monotonicMs();
  }

  /** Of the topics that are unknown those that may be known again soon: what a broker that has just come up does not know need not be gone. */
  #unknownYet(unknown: ReadonlySet<string>): string[] {
    const now = this.#clock.monotonicMs();
    for (const topic of this.#unknownSinceMs.keys()) if (!unknown.has(topic)) this.#unknownSinceMs.delete(topic);
    for (const topic of unknown) if (!this.#unknownSinceMs.has(topic)) this.#unknownSinceMs.set(topic, now);
    return [...unknown].filter((topic) => now - (this.#unknownSinceMs.get(topic) ?? now) < TOPIC_PATIENCE_MS);
  }

  #listAgainIfOld(): void {
    if (this.#listing || this.#clock.monotonicMs() - this.#listedMs < (this.#options.partitionsAgeMs ?? PARTITIONS_AGE_MS)) return;
    const known = this.#partitions.map(keyOf).join();
    this.#listing = this.#listPartitions(this.#closing.signal)
      .catch(() => {
        this.#listedMs = this.#clock.monotonicMs();
      })
      .finally(() => {
        this.#listing = undefined;
        if (this.#partitions.map(keyOf).join() !== known) this.#reader.notify();
      });
  }

  /** Tries again while the cluster is away; at the first connection, though, who is not there is said at once. */
  async #patiently<T>(operation: () => Promise<T>, signal: AbortSignal, retries?: KafkaSourceOptions["offsetRetries"]): Promise<T> {
    const deadline = this.#clock.monotonicMs() + (this.#listedMs === -Infinity ? 0 : (this.#options.patienceMs ?? 120_000));
    for (let pauseMs = 25, tried = 0; ; pauseMs = Math.min(1000, pauseMs * 2), tried++) {
      signal.throwIfAborted();
      try {
        return await operation();
      } catch (thrown) {
        const isOver = retries ? tried >= retries.times : this.#clock.monotonicMs() >= deadline;
        if (!(thrown instanceof KafkaError) || thrown.code !== "KAFKA_UNREACHABLE" || isOver) throw thrown;
      }
      await this.#clock.sleep(retries?.pauseMs ?? pauseMs, signal);
    }
  }
}

/** What is still to be read of one partition. */
interface Range extends OffsetRange {
  readonly key: string;
  next: number;
  /** Since when the log has seemed to end before the range. */
  shortSinceMs: number | undefined;
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`;

/** Whether some partition steps back. */
function isBehind(to: ReadonlyMap<string, number>, from: ReadonlyMap<string, number>): boolean {
  for (const [key, end] of to) if (end < (from.get(key) ?? end)) return true;
  return false;
}

function isAhead(ends: ReadonlyMap<string, number>, begin: ReadonlyMap<string, number>, begins: ReadonlyMap<string, number>): boolean {
  for (const [key, end] of ends) if (end > (begin.get(key) ?? begins.get(key) ?? end)) return true;
  return false;
}

function isMeant(subscription: KafkaSourceOptions["subscription"], one: PartitionLeader): boolean {
  if (subscription.kind === "Subscribe") return true;
  if (subscription.kind === "SubscribePattern") return new RegExp(`^(?:${subscription.pattern})$`).test(one.topic);
  return subscription.partitions.some(({ topic, partition }) => topic === one.topic && partition === one.partition);
}
