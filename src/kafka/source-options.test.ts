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

  test("Kafka's own settings are passed on to what stands for them", () => {
    const options = parse({
      ...TOPIC,
      "kafka.isolation.level": "read_committed",
      "kafka.group.id": "mine",
      "kafka.fetch.max.bytes": "1000",
      "kafka.metadata.max.age.ms": "50",
      "fetchOffset.numRetries": "7",
      minPartitions: "4",
    });
    expect(options).toMatchObject({
      readCommitted: true,
      groupId: "mine",
      fetchBytes: 1000,
      partitionsAgeMs: 50,
      offsetRetries: { times: 7, pauseMs: 1000 },
    });
    expect(parse({ ...TOPIC, groupIdPrefix: "team" }).groupId).toBe("team-t");
    expect(parse(TOPIC)).toMatchObject({ readCommitted: false, offsetRetries: undefined });
  });

  test("a certificate for TLS is given as PEM", () => {
    const tls = { ...TOPIC, "kafka.security.protocol": "SSL" };
    expect(parse(tls).connection.ssl).toBe(true);
    expect(parse({ ...tls, "kafka.ssl.truststore.certificates": "CA" }).connection.ssl).toEqual({ ca: "CA" });
    const both = { "kafka.ssl.keystore.certificate.chain": "CERT", "kafka.ssl.keystore.key": "KEY" };
    expect(parse({ ...tls, ...both }).connection.ssl).toEqual({ cert: "CERT", key: "KEY" });
  });

  test("the end of a table may be a time", () => {
    const table = (options: Record<string, string>): KafkaSourceOptions["end"] =>
      parseSourceOptions({ options: { ...TOPIC, ...options }, clock: new ManualClock(), streaming: false }).end;
    expect(table({})).toEqual({ kind: "latest" });
    expect(table({ endingTimestamp: "5", endingOffsets: "latest" })).toEqual({ kind: "timestamp", timestampMs: 5 });
    expect(table({ endingOffsetsByTimestamp: '{"t":{"0":5}}' })).toEqual({ kind: "timestamps", timestampsMs: new Map([["t-0", 5]]) });
  });

  test.each([
    [{ startingOffset: "earliest" }, /"startingOffset" is no option of the Kafka source.*Did you mean "startingOffsets"\?/],
    [{ maxOffsetPerTriger: "5" }, /Did you mean "maxOffsetsPerTrigger"\?/],
    [{ "kafka.isolation_level": "read_committed" }, /Did you mean "kafka.isolation.level"\?/],
    [{ colour: "red" }, /"colour" is no option of the Kafka source.*Leave it out/],
    [{ "kafka.auto.offset.reset": "earliest" }, /"kafka.auto.offset.reset" cannot be set.*startingOffsets/],
    [{ "kafka.value.deserializer": "x" }, /cannot be set.*fromJson/],
    [{ "kafka.enable.auto.commit": "true" }, /cannot be set.*checkpoint/],
    [{ "kafka.send.buffer.bytes": "1" }, /these are passed on: kafka.bootstrap.servers/],
    [{ "kafka.isolation.level": "committed" }, /read_committed/],
    [{ "kafka.security.protocol": "TLS" }, /SASL_SSL/],
    [{ "kafka.security.protocol": "SSL", "kafka.ssl.truststore.type": "JKS" }, /PEM/],
    [{ "kafka.security.protocol": "SSL", "kafka.ssl.endpoint.identification.algorithm": "" }, /always checked/],
    [{ endingTimestamp: "5" }, /endingTimestamp is set.*A stream has no end/],
    [{ minPartitions: "none" }, /minPartitions is "none"/],
  ])("%j is refused by name", (options, message) => {
    expect(() => parse({ ...TOPIC, ...(options as Record<string, string>) })).toThrow(message);
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
