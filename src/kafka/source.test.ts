import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { createRandom } from "../base/random.ts";
import type { Offset, Source } from "../engine/sources/source.ts";
import { sourceContract } from "../engine/sources/source.contract.ts";
import { createKafkaJs } from "./kafkajs-adapter.ts";
import { kafkaFormat } from "./source.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

const SEED = 17;
const never = new AbortController().signal;

let cluster: TestCluster;
let topics = 0;
const open: Source[] = [];

beforeAll(async () => {
  cluster = await startTestCluster();
});
afterEach(async () => {
  for (const source of open.splice(0)) await source.close();
});
afterAll(() => cluster.close());

async function newTopic(partitions: number = 3): Promise<string> {
  const topic = `source-${++topics}`;
  await cluster.client.topics.create({ topic, partitions });
  return topic;
}

async function openSource(topic: string, options: Record<string, string> = {}): Promise<Source> {
  const source = await kafkaFormat.openSource?.({
    options: { brokers: cluster.address, ...(topic && { subscribe: topic }), startingOffsets: "earliest", ...options },
    clock: systemClock,
  });
  if (!source) throw new Error("the format has no source");
  open.push(source);
  return source;
}

type Read = { readonly place: string; readonly key: string | null; readonly value: string | null; readonly timestampMs: number };

async function read(source: Source, from: Offset, to: Offset, signal: AbortSignal = never): Promise<Read[]> {
  const rows: Read[] = [];
  for await (const block of source.read(from, to, signal)) {
    if (block.kind !== "records") throw new Error("a row block");
    for (let i = 0; i < block.count; i++) {
      const text = (slot: number): string | null => {
        const start = block.positions[slot] as number;
        return start < 0 ? null : Buffer.from(block.buffer.subarray(start, block.positions[slot + 1])).toString();
      };
      rows.push({
        place: `${block.topic}-${block.partition}@${block.offsets[i]}`,
        key: text(i * 4),
        value: text(i * 4 + 2),
        timestampMs: block.timestampsMs[i] as number,
      });
    }
  }
  return rows;
}

const values = (rows: readonly Read[]): (string | null)[] => rows.map((row) => row.value);
const numbered = (count: number, label: string): string[] => Array.from({ length: count }, (_, i) => `${label}${i}`);

sourceContract("kafka", async () => {
  const topic = await newTopic(2);
  let sent = 0;
  return {
    open: () => openSource(topic),
    add: async () => {
      await cluster.append(topic, 0, [`even ${sent}`, `more ${sent}`]);
      await cluster.append(topic, 1, [`odd ${sent++}`]);
    },
    close: () => Promise.resolve(),
  };
});

describe("what is read", () => {
  test("every record once, in order within its partition, with key, value, offset and timestamp", async () => {
    const topic = await newTopic();
    await cluster.append(topic, 0, ["a0", "a1"]);
    await cluster.append(topic, 2, ["c0", null]);
    await cluster.append(topic, 0, ["a2"]);
    const source = await openSource(topic);
    const from = await source.initial(never);
    const to = await source.latest(from, never);
    expect(from).toEqual({ [topic]: { 0: 0, 1: 0, 2: 0 } });
    expect(to).toEqual({ [topic]: { 0: 3, 1: 0, 2: 2 } });
    const rows = (await read(source, from, to)).sort((a, b) => (a.place < b.place ? -1 : 1));
    expect(rows.map(({ place, key, value }) => [place, key, value])).toEqual([
      [`${topic}-0@0`, "a0", "a0"],
      [`${topic}-0@1`, "a1", "a1"],
      [`${topic}-0@2`, "a2", "a2"],
      [`${topic}-2@0`, "c0", "c0"],
      [`${topic}-2@1`, null, null],
    ]);
    expect(rows.map((row) => row.timestampMs)).toEqual([1000, 1001, 1000, 1000, 1001]);
  });

  test("the columns are Spark's; headers only where asked for", () => {
    const context = { options: { brokers: "a:1", subscribe: "t" }, clock: systemClock };
    const names = kafkaFormat.sourceSchema?.(context).fields.map((field) => `${field.name} ${field.dataType.type}`);
    expect(names).toEqual([
      "key binary",
      "value binary",
      "topic string",
      "partition int",
      "offset bigint",
      "timestamp timestamp",
      "timestampType int",
    ]);
    const withHeaders = kafkaFormat.sourceSchema?.({ ...context, options: { ...context.options, includeHeaders: "true" } });
    expect(withHeaders?.fields.at(-1)?.name).toBe("headers");
  });

  test("headers come with their records", async () => {
    const topic = await newTopic(1);
    const producer = await cluster.client.producer();
    await producer.send(topic, [{ value: "v", headers: { trace: "abc" } }, { value: "w" }]);
    const source = await openSource(topic, { includeHeaders: "true" });
    const from = await source.initial(never);
    for await (const block of source.read(from, await source.latest(from, never), never)) {
      if (block.kind !== "records") throw new Error("a row block");
      expect(block.headers?.map((list) => list.map(([name, value]) => [name, String(value)]))).toEqual([[["trace", "abc"]], []]);
    }
  });

  test("compressed batches read like others, also from their middle", async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, numbered(50, "g"), { gzip: true });
    await cluster.append(topic, 0, numbered(50, "p"));
    await cluster.append(topic, 0, numbered(50, "h"), { gzip: true });
    const source = await openSource(topic);
    const rows = await read(source, { [topic]: { 0: 20 } }, { [topic]: { 0: 130 } });
    expect(values(rows)).toEqual([...numbered(50, "g").slice(20), ...numbered(50, "p"), ...numbered(30, "h")]);
  });
});

describe("ranges", () => {
  test("any cut of a topic into batches gives the same rows, and the same range gives them again, to this source and to a new one", async () => {
    const random = createRandom(SEED);
    const topic = await newTopic();
    for (let i = 0; i < 30; i++) await cluster.append(topic, i % 3, numbered(1 + random.below(40), `${i}.`));
    const source = await openSource(topic);
    const start = await source.initial(never);
    const end = await source.latest(start, never);
    const all = new Set((await read(await openSource(topic), start, end)).map((row) => `${row.place} ${row.value}`));
    const seen: string[] = [];
    let from = start as Record<string, Record<string, number>>;
    const last = end as Record<string, Record<string, number>>;
    while (JSON.stringify(from) !== JSON.stringify(last)) {
      const to = { [topic]: {} as Record<string, number> };
      for (const partition of ["0", "1", "2"]) {
        const [at, limit] = [from[topic]?.[partition] ?? 0, last[topic]?.[partition] ?? 0];
        (to[topic] as Record<string, number>)[partition] = Math.min(limit, at + random.below(60));
      }
      const rows = await read(source, from, to);
      if (random.next() < 0.2)
        expect((await read(await openSource(topic), from, to)).sort(byPlace), `seed ${SEED}`).toEqual([...rows].sort(byPlace));
      seen.push(...rows.map((row) => `${row.place} ${row.value}`));
      from = to;
    }
    expect(seen.length, `seed ${SEED}`).toBe(all.size);
    expect(new Set(seen)).toEqual(all);
    expect((await read(source, start, end)).length).toBe(all.size);
  });

  test("maxOffsetsPerTrigger is split by lag, and all comes in the end", async () => {
    const topic = await newTopic(2);
    await cluster.append(topic, 0, numbered(100, "a"));
    await cluster.append(topic, 1, numbered(300, "b"));
    const source = await openSource(topic, { maxOffsetsPerTrigger: "40" });
    let from = await source.initial(never);
    const sizes: number[] = [];
    for (let to = await source.latest(from, never); JSON.stringify(to) !== JSON.stringify(from); to = await source.latest(from, never)) {
      if (sizes.length === 0) expect(to).toEqual({ [topic]: { 0: 10, 1: 30 } });
      sizes.push((await read(source, from, to)).length);
      from = to;
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(40);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(400);
  });

  test("startingOffsets: latest, and offsets with -1 and -2", async () => {
    const topic = await newTopic();
    for (const partition of [0, 1, 2]) await cluster.append(topic, partition, numbered(5, "x"));
    expect(await (await openSource(topic, { startingOffsets: "latest" })).initial(never)).toEqual({ [topic]: { 0: 5, 1: 5, 2: 5 } });
    const startingOffsets = JSON.stringify({ [topic]: { 0: 3, 1: -1, 2: -2 } });
    expect(await (await openSource(topic, { startingOffsets })).initial(never)).toEqual({ [topic]: { 0: 3, 1: 5, 2: 0 } });
    const partial = await openSource(topic, { startingOffsets: JSON.stringify({ [topic]: { 0: 3 } }) });
    await expect(partial.initial(never)).rejects.toThrow(/leaves out partition 1/);
    expect(await (await openSource(topic, { startingTimestamp: "1003" })).initial(never)).toEqual({ [topic]: { 0: 3, 1: 3, 2: 3 } });
  });

  test("frozen, it never passes the end as it was", async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, numbered(5, "x"));
    const source = await openSource(topic);
    const from = await source.initial(never);
    await source.freeze?.(never);
    await cluster.append(topic, 0, numbered(5, "y"));
    expect(await source.latest(from, never)).toEqual({ [topic]: { 0: 5 } });
    expect(await source.latest({ [topic]: { 0: 5 } }, never)).toEqual({ [topic]: { 0: 5 } });
  });

  test("assign reads only its partitions", async () => {
    const topic = await newTopic();
    for (const partition of [0, 1, 2]) await cluster.append(topic, partition, [`p${partition}`]);
    const context = {
      options: { brokers: cluster.address, assign: JSON.stringify({ [topic]: [1] }), startingOffsets: "earliest" },
      clock: systemClock,
    };
    const source = (await kafkaFormat.openSource?.(context)) as Source;
    open.push(source);
    const from = await source.initial(never);
    expect(values(await read(source, from, await source.latest(from, never)))).toEqual(["p1"]);
  });
});

test("subscribePattern reads every topic that matches as a whole", async () => {
  const prefix = `pattern-${Date.now()}`;
  for (const topic of [`${prefix}-a`, `${prefix}-b`, `x-${prefix}-c`]) {
    await cluster.client.topics.create({ topic, partitions: 1 });
    await cluster.append(topic, 0, [topic.slice(-1)]);
  }
  const options = { brokers: cluster.address, subscribePattern: `${prefix}-.`, startingOffsets: "earliest" };
  const source = (await kafkaFormat.openSource?.({ options, clock: systemClock })) as Source;
  open.push(source);
  const from = await source.initial(never);
  expect(from).toEqual({ [`${prefix}-a`]: { 0: 0 }, [`${prefix}-b`]: { 0: 0 } });
  expect(values(await read(source, from, await source.latest(from, never))).sort()).toEqual(["a", "b"]);
});

describe("news", () => {
  test("changed resolves when something is appended, and not before; latest then needs no question", async () => {
    const topic = await newTopic();
    const source = await openSource(topic, { startingOffsets: "latest" });
    const from = await source.initial(never);
    expect(await source.latest(from, never)).toEqual(from);
    let told = false;
    const changed = source.changed(from, never).then(() => (told = true));
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(told).toBe(false);
    await cluster.append(topic, 1, ["news"]);
    await changed;
    const to = await source.latest(from, never);
    expect(to).toEqual({ [topic]: { 0: 0, 1: 1, 2: 0 } });
    expect(values(await read(source, from, to))).toEqual(["news"]);
  });

  test("changed ends with the signal's reason", async () => {
    const source = await openSource(await newTopic());
    const stop = new AbortController();
    const changed = source.changed(await source.initial(never), stop.signal);
    stop.abort(new Error("stopped by the user"));
    await expect(changed).rejects.toThrow("stopped by the user");
  });

  test("partitions that are added later are read from their beginning", { timeout: 20_000 }, async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, ["old"]);
    const source = await openSource(topic);
    const from = await source.initial(never);
    const to = await source.latest(from, never);
    expect(values(await read(source, from, to))).toEqual(["old"]);
    await cluster.client.topics.addPartitions(topic, 2);
    await (await cluster.client.producer()).send(topic, [{ value: "new", partition: 1 }]);
    await source.changed(to, never);
    const next = await source.latest(to, never);
    expect(next).toEqual({ [topic]: { 0: 1, 1: 1 } });
    expect(values(await read(source, to, next))).toEqual(["new"]);
    expect(values(await read(await openSource(topic), to, next))).toEqual(["new"]);
  });

  test("metrics say how far the source is behind, with Spark's names and forms", async () => {
    const topic = await newTopic(2);
    await cluster.append(topic, 0, numbered(5, "x"));
    const source = await openSource(topic);
    const from = await source.initial(never);
    await source.changed(from, never);
    await read(source, from, await source.latest(from, never));
    expect(source.metrics?.({ [topic]: { 0: 1, 1: 0 } })).toEqual({
      avgOffsetsBehindLatest: "2.0",
      maxOffsetsBehindLatest: "4",
      minOffsetsBehindLatest: "0",
    });
    expect(source.reportLatestOffset?.()).toEqual({ [topic]: { 0: 5, 1: 0 } });
  });

  test("publish shows the newest offset to lag tools, as the group streamlab-<topic>", async () => {
    const topic = await newTopic(2);
    const source = await openSource(topic);
    await source.publish?.({ [topic]: { 0: 1, 1: 0 } });
    await source.publish?.({ [topic]: { 0: 3, 1: 2 } });
    await source.close();
    const admin = createKafkaJs({ brokers: [cluster.address] }).admin();
    await admin.connect();
    const [committed] = await admin.fetchOffsets({ groupId: `streamlab-${topic}`, topics: [topic] });
    await admin.disconnect();
    expect(committed?.partitions.map(({ offset }) => offset)).toEqual(["3", "2"]);
  });
});

describe("losses", () => {
  test("a range beyond the end of the log is a loss: the message names partition, offsets and the remedy", async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, numbered(5, "x"));
    const rows = read(await openSource(topic), { [topic]: { 0: 8 } }, { [topic]: { 0: 12 } });
    await expect(rows).rejects.toThrow(new RegExp(`Cannot read ${topic}-0 .*offset 8 was expected, the log ends at 5.*failOnDataLoss`));
  });

  test("a range whose beginning was deleted is a loss, or is gone on with from where the log starts", async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, numbered(5, "x"));
    const admin = createKafkaJs({ brokers: [cluster.address] }).admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "3" }] });
    await admin.disconnect();
    const range = [{ [topic]: { 0: 1 } }, { [topic]: { 0: 5 } }] as const;
    await expect(read(await openSource(topic), ...range)).rejects.toThrow(/offset 1 was expected, the log starts at 3/);
    const tolerant = await openSource(topic, { failOnDataLoss: "false" });
    expect(values(await read(tolerant, ...range))).toEqual(["x3", "x4"]);
    expect(tolerant.metrics?.(range[1]).lostOffsets).toBe("2");
  });

  test("a checkpoint ahead of the log is a loss at the next batch", async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, numbered(5, "x"));
    const source = await openSource(topic);
    await expect(source.latest({ [topic]: { 0: 9 } }, never)).rejects.toThrow(/offset 9 was next, but the log now ends at 5/);
  });

  test("with failOnDataLoss=false the query goes on and the loss is counted", async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, numbered(5, "x"));
    const source = await openSource(topic, { failOnDataLoss: "false" });
    expect(await read(source, { [topic]: { 0: 8 } }, { [topic]: { 0: 12 } })).toEqual([]);
    const back = await source.latest({ [topic]: { 0: 12 } }, never);
    expect(back).toEqual({ [topic]: { 0: 0 } });
    expect(await read(source, { [topic]: { 0: 12 } }, back)).toEqual([]);
    const to = await source.latest(back, never);
    expect(to).toEqual({ [topic]: { 0: 5 } });
    expect(values(await read(source, back, to))).toEqual(numbered(5, "x"));
    let told = false;
    const changed = source.changed(to, never).then(() => (told = true));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(told).toBe(false);
    await cluster.append(topic, 0, ["after"]);
    await changed;
    expect(values(await read(source, to, await source.latest(to, never)))).toEqual(["after"]);
    expect(source.metrics?.(to)).toMatchObject({ gaps: "2", lostOffsets: "7" });
    expect(source.metrics?.(to)[`gap.${topic}-0`]).toBe("offset 12 was next, but the log ended at 5; read on from its beginning");
  });

  test("a batch that stepped back and is run again by another run counts the gap again and reads nothing", async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, numbered(2, "x"));
    const again = await openSource(topic, { failOnDataLoss: "false" });
    expect(await read(again, { [topic]: { 0: 9 } }, { [topic]: { 0: 0 } })).toEqual([]);
    expect(again.metrics?.({ [topic]: { 0: 0 } })).toMatchObject({ gaps: "1", lostOffsets: "9" });
    await expect(read(await openSource(topic), { [topic]: { 0: 9 } }, { [topic]: { 0: 0 } })).rejects.toThrow(/without a gap/);
  });

  test(
    "a topic of a pattern that is deleted: a gap report, or the query goes on without it; one that appears is read from its beginning",
    {
      timeout: 20_000,
    },
    async () => {
      const prefix = `comes-${Date.now()}`;
      const [old, other, young] = [`${prefix}-a`, `${prefix}-b`, `${prefix}-c`] as const;
      for (const topic of [old, other]) await cluster.client.topics.create({ topic, partitions: 1 });
      await cluster.append(other, 0, ["first"]);
      // A client of its own: kafkajs asks for every topic that it has ever sent to, also for one that is gone.
      await (await cluster.client.producer()).send(old, [{ value: "first" }]);
      const start = (failOnDataLoss: string): Promise<Source> =>
        openSource("", { subscribePattern: `${prefix}-.`, failOnDataLoss, "kafka.metadata.max.age.ms": "0" });
      const [strict, tolerant] = [await start("true"), await start("false")];
      const begin = await strict.initial(never);
      await tolerant.initial(never);
      const to = await tolerant.latest(begin, never);
      expect(await strict.latest(begin, never)).toEqual(to);
      await cluster.client.topics.delete([old]);
      await cluster.client.topics.create({ topic: young, partitions: 1 });
      await cluster.append(young, 0, ["young"]);
      await strict.changed(to, never);
      await expect(
        (async () => {
          for (;;) await strict.latest(to, never);
        })(),
      ).rejects.toThrow(new RegExp(`Cannot read ${old}-0 without a gap \\(the partition is gone; offset 1 was next`));
      let next = to;
      while (JSON.stringify(next) !== JSON.stringify({ [other]: { 0: 1 }, [young]: { 0: 1 } })) {
        await tolerant.changed(next, never);
        next = await tolerant.latest(next, never);
      }
      expect(values(await read(tolerant, to, next))).toEqual(["young"]);
      expect(tolerant.metrics?.(next)).toMatchObject({ gaps: "1" });
    },
  );

  test("an unknown topic is said at the start", async () => {
    const source = await openSource("no-such-topic");
    await expect(source.initial(never)).rejects.toThrow(/Cannot find the topic "no-such-topic".*streamlab topics create/);
  });

  test("a cluster that is not there is said at once", async () => {
    const source = await openSource("t", { brokers: "127.0.0.1:1" });
    await expect(source.initial(never)).rejects.toThrow(
      'Cannot reach Kafka at 127.0.0.1:1 (connection refused). Start it with "streamlab up", or pass --kafka host:port.',
    );
  });
});

describe("a broker that goes away", () => {
  test("in the middle of a range: the source waits for it and gives every record once", { timeout: 20_000 }, async () => {
    const topic = await newTopic();
    const filler = "x".repeat(2000);
    for (let i = 0; i < 60; i++) await cluster.append(topic, i % 3, numbered(100, `${filler}${i}.`));
    const source = await openSource(topic);
    const from = await source.initial(never);
    const to = await source.latest(from, never);
    const places: string[] = [];
    let restarted: Promise<void> | undefined;
    for await (const block of source.read(from, to, never)) {
      if (block.kind !== "records") throw new Error("a row block");
      for (let i = 0; i < block.count; i++) places.push(`${block.partition}@${block.offsets[i]}`);
      restarted ??= cluster.down().then(() => cluster.up());
    }
    await restarted;
    expect(places.length).toBe(6000);
    expect(new Set(places).size).toBe(6000);
  });

  test("between batches: changed and latest wait for it", { timeout: 20_000 }, async () => {
    const topic = await newTopic(1);
    await cluster.append(topic, 0, ["before"]);
    const source = await openSource(topic);
    const from = await source.initial(never);
    const to = await source.latest(from, never);
    expect(values(await read(source, from, to))).toEqual(["before"]);
    await cluster.down();
    const latest = source.latest(to, never);
    const changed = source.changed(to, never);
    await cluster.up();
    expect(await latest).toEqual(to);
    await cluster.append(topic, 0, ["after"]);
    await changed;
    expect(values(await read(source, to, await source.latest(to, never)))).toEqual(["after"]);
  });

  test("for longer than kafkaConsumer.pollTimeoutMs: the query gets the failure", { timeout: 20_000 }, async () => {
    const topic = await newTopic(1);
    const source = await openSource(topic, { "kafkaConsumer.pollTimeoutMs": "300" });
    const from = await source.initial(never);
    await source.latest(from, never);
    const changed = expect(source.changed(from, never)).rejects.toThrow(/Cannot reach Kafka/);
    await cluster.down();
    await changed;
    await cluster.up();
  });
});

const byPlace = (a: Read, b: Read): number => (a.place < b.place ? -1 : 1);
