import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import type { SinkBatch } from "../engine/sinks/sink.ts";
import type { DataType, Row } from "../engine/types/data-type.ts";
import { createKafkaJs } from "./kafkajs-adapter.ts";
import { openKafkaSink } from "./sink.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster.close());

const HEADERS: DataType = {
  type: "array",
  element: {
    type: "struct",
    fields: [
      { name: "key", dataType: { type: "string" }, nullable: true },
      { name: "value", dataType: { type: "binary" }, nullable: true },
    ],
  },
};

function batchOf(columns: Readonly<Record<string, DataType>>, ...rows: readonly Row[]): SinkBatch {
  const fields = Object.entries(columns).map(([name, dataType]) => ({ name, dataType, nullable: true }));
  return { batchId: 0, schema: { type: "struct", fields }, rows, outputMode: "append" };
}

async function write(options: Readonly<Record<string, string>>, batch: SinkBatch): Promise<void> {
  const sink = await openKafkaSink({ options: { brokers: cluster.address, ...options }, clock: systemClock, outputMode: "append" });
  try {
    await sink.write(batch, new AbortController().signal);
  } finally {
    await sink.close();
  }
}

type Message = { readonly partition: number; readonly key: string | null; readonly value: string | null; readonly headers: string };

async function messages(topic: string, count: number): Promise<Message[]> {
  const consumer = createKafkaJs({ brokers: [cluster.address] }).consumer({ groupId: `read-${topic}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const found: Message[] = [];
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: ({ partition, message }) => {
          const headers = Object.entries(message.headers ?? {}).map(([name, value]) => `${name}=${String(value)}`);
          found.push({
            partition,
            key: message.key && String(message.key),
            value: message.value && String(message.value),
            headers: headers.join(),
          });
          if (found.length === count) resolve();
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return found.sort((a, b) => a.partition - b.partition || ((a.value ?? "") < (b.value ?? "") ? -1 : 1));
}

const STRING: DataType = { type: "string" };

describe("what is written", () => {
  test("key, value, headers and partition of every row; a null partition leaves the choice to the key; nulls stay null", async () => {
    await cluster.client.topics.create({ topic: "whole", partitions: 3 });
    const columns = { key: STRING, value: STRING, partition: { type: "int" }, headers: HEADERS } as const;
    const headers = [
      ["trace", Buffer.from("1")],
      ["trace", Buffer.from("2")],
      ["unit", Buffer.from("C")],
    ];
    await write({ topic: "whole" }, batchOf(columns, ["k", "a", 2, headers], [null, "b", 0, null], ["k", null, 1, []]));
    expect(await messages("whole", 3)).toEqual([
      { partition: 0, key: null, value: "b", headers: "" },
      { partition: 1, key: "k", value: null, headers: "" },
      { partition: 2, key: "k", value: "a", headers: "trace=1,2,unit=C" },
    ]);
  });

  test("the option topic stands before the column of that name; without it every row goes where its column says", async () => {
    for (const topic of ["one", "two", "three"]) await cluster.client.topics.create({ topic, partitions: 1 });
    const batch = batchOf({ topic: STRING, value: STRING }, ["one", "1"], ["two", "2"]);
    await write({}, batch);
    await write({ topic: "three" }, batch);
    expect((await messages("one", 1)).map(({ value }) => value)).toEqual(["1"]);
    expect((await messages("two", 1)).map(({ value }) => value)).toEqual(["2"]);
    expect((await messages("three", 2)).map(({ value }) => value)).toEqual(["1", "2"]);
  });

  test("kafka.compression.type packs what is sent: 200 KB of equal rows fit into a topic of 20 KB a batch", async () => {
    await cluster.client.topics.create({ topic: "packed", partitions: 1, config: { "max.message.bytes": "20000" } });
    const rows = Array.from({ length: 2000 }, (): Row => ["x".repeat(100)]);
    await write({ topic: "packed", "kafka.compression.type": "GZIP" }, batchOf({ value: STRING }, ...rows));
    expect((await messages("packed", 2000)).every(({ value }) => value === "x".repeat(100))).toBe(true);
  });

  test("it is asked before every request whether the checkpoint is still this run's: a run that has lost it writes nothing more", async () => {
    await cluster.client.topics.create({ topic: "fenced", partitions: 1 });
    const rows = Array.from({ length: 6000 }, (_, i): Row => [String(i)]);
    let asked = 0;
    const verify = (): void => {
      if (++asked === 2) throw new Error("taken over");
    };
    await expect(write({ topic: "fenced" }, { ...batchOf({ value: STRING }, ...rows), verify })).rejects.toThrow("taken over");
    expect((await cluster.client.topics.offsets("fenced"))[0]?.latest).toBe(5000);
  });
});

describe("what is refused", () => {
  const value = { value: STRING };
  test.each([
    ["an unknown option", { topik: "t" }, batchOf(value), /"topik" is no option of the Kafka sink.*Did you mean "topic"\?/],
    ["a serializer", { topic: "t", "kafka.value.serializer": "x" }, batchOf(value), /cannot be set.*Values are sent/],
    [
      "idempotence without all acknowledgements",
      { topic: "t", "kafka.acks": "1", "kafka.enable.idempotence": "true" },
      batchOf(value),
      /acks all/,
    ],
    [
      "a compression that Kafka does not have",
      { topic: "t", "kafka.compression.type": "rar" },
      batchOf(value),
      /"rar".*gzip, snappy, lz4, zstd/,
    ],
    ["no topic at all", {}, batchOf(value, ["x"]), /no topic is named/],
    ["a row without a topic", {}, batchOf({ ...value, topic: STRING }, ["x", null]), /null in its column topic/],
    ["no value", { topic: "t" }, batchOf({ key: STRING }, ["x"]), /no column value/],
    ["a value of another type", { topic: "t" }, batchOf({ value: { type: "int" } }, [1]), /of type int.*Cast it/],
    ["a partition that is text", { topic: "t" }, batchOf({ ...value, partition: STRING }, ["x", "0"]), /partition is of type string/],
    [
      "headers of another shape",
      { topic: "t" },
      batchOf({ ...value, headers: { type: "array", element: STRING } }, ["x", []]),
      /array of structs/,
    ],
  ] as const)("%s", async (_, options, batch, message) => {
    await expect(write(options, batch)).rejects.toThrow(message);
  });
});
