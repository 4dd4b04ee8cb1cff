import { describe, expect, test } from "vitest";
import { ManualClock } from "../base/clock.ts";
import { checkEveryPartition, describeSubscription, parseSourceOptions, refuseSchema, type KafkaSourceOptions } from "./source-options.ts";

const parse = (options: Record<string, string>): KafkaSourceOptions => parseSourceOptions({ options, clock: new ManualClock() });
const TOPIC = { "kafka.bootstrap.servers": "a:1, b:2", subscribe: "t" };

describe("options of the Kafka source", () => {
  test("have Spark's names, in any case, and Spark's defaults", () => {
    const options = parse({ "KAFKA.bootstrap.servers": "a:1, b:2", Subscribe: "t2,t1" });
    expect(options.connection.brokers).toEqual(["a:1", "b:2"]);
    expect(options.subscription).toEqual({ kind: "Subscribe", topics: ["t1", "t2"] });
    expect(options).toMatchObject({ start: { kind: "latest" }, failOnDataLoss: true, includeHeaders: false, groupId: "streamlab-t1-t2" });
    expect(options.maxOffsetsPerTrigger).toBeUndefined();
    expect(describeSubscription(options.subscription)).toBe("Subscribe[t1, t2]");
  });

  test("startingOffsets is a word or an offset for each partition", () => {
    expect(parse({ ...TOPIC, startingOffsets: "Earliest" }).start).toEqual({ kind: "earliest" });
    const start = parse({ ...TOPIC, startingOffsets: '{"t":{"0":23,"1":-1,"2":-2}}' }).start;
    expect(start).toEqual({ kind: "offsets", offsets: new Map(Object.entries({ "t-0": 23, "t-1": -1, "t-2": -2 })) });
    expect(parse({ ...TOPIC, startingTimestamp: "1000" }).start).toEqual({ kind: "timestamp", timestampMs: 1000 });
  });

  test("assign and subscribePattern name partitions and topics in other ways", () => {
    const brokers = { brokers: "a:1" };
    expect(parse({ ...brokers, assign: '{"t":[0,2]}' }).subscription).toEqual({
      kind: "Assign",
      partitions: [
        { topic: "t", partition: 0 },
        { topic: "t", partition: 2 },
      ],
    });
    expect(describeSubscription(parse({ ...brokers, subscribePattern: "sensor-.*" }).subscription)).toBe("SubscribePattern[sensor-.*]");
  });

  test("a login is read as Java clients have it", () => {
    const { connection } = parse({
      ...TOPIC,
      "kafka.security.protocol": "SASL_SSL",
      "kafka.sasl.mechanism": "SCRAM-SHA-512",
      "kafka.sasl.jaas.config": 'org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p=1";',
    });
    expect(connection.ssl).toBe(true);
    expect(connection.sasl).toEqual({ mechanism: "scram-sha-512", username: "u", password: "p=1" });
  });

  test.each([
    [{ subscribe: "t" }, /kafka.bootstrap.servers/],
    [{ brokers: "a:1" }, /no topic is named/],
    [{ ...TOPIC, assign: '{"t":[0]}' }, /both set/],
    [{ ...TOPIC, startingOffsets: "newest" }, /startingOffsets/],
    [{ ...TOPIC, startingOffsets: "{}" }, /empty/],
    [{ ...TOPIC, maxOffsetsPerTrigger: "0" }, /at least 1/],
    [{ ...TOPIC, failOnDataLoss: "no" }, /"true" or "false"/],
    [{ brokers: "a:1", assign: "[]" }, /Write the partitions/],
    [{ brokers: "a:1", subscribePattern: "(" }, /regular expression/],
  ] as const)("%j is refused with what to do", (options, message) => {
    expect(() => parse(options)).toThrow(message);
  });

  test("a schema cannot be set: the source has its own", () => {
    const schema = { type: "struct", fields: [] } as const;
    expect(() => refuseSchema({ options: TOPIC, clock: new ManualClock(), schema })).toThrow(/own columns/);
    expect(() => refuseSchema({ options: TOPIC, clock: new ManualClock() })).not.toThrow();
  });

  test("startingOffsets names exactly the partitions that there are", () => {
    const partitions = [
      { topic: "t", partition: 0 },
      { topic: "t", partition: 1 },
    ];
    expect(() => checkEveryPartition(new Map([["t-0", 1]]), partitions)).toThrow(/leaves out partition 1/);
    expect(() => checkEveryPartition(new Map(Object.entries({ "t-0": 1, "t-1": 1, "t-2": 1 })), partitions)).toThrow(/names partition 2/);
  });
});
