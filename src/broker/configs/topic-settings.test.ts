import { describe, expect, test } from "vitest";
import { defaultSettings } from "../settings.ts";
import { BrokerConfigs, dynamicConfigsFault } from "./broker-configs.ts";
import { changedConfigs, configOperation } from "./config-changes.ts";
import { describeBrokerConfigs, describeTopicConfigs } from "./describing.ts";
import { startConfigs } from "./start-configs.ts";
import { defaultTopicSettings, topicConfigKey, topicConfigsFault, topicSettings } from "./topic-settings.ts";

const LONG_MAX = "9223372036854775807";

describe("what a topic may be configured to, in the words of Apache Kafka 4.3.1", () => {
  test.each([
    ["retention.ms", " 5 "],
    ["retention.ms", "+5"],
    ["retention.ms", LONG_MAX],
    ["retention.bytes", "-5"],
    ["cleanup.policy", "delete, compact"],
    ["cleanup.policy", ""],
    ["compression.type", "uncompressed"],
    ["compression.gzip.level", "-1"],
    ["segment.bytes", "1048576"],
    ["min.cleanable.dirty.ratio", "0.1"],
    ["unclean.leader.election.enable", "TRUE"],
    ["leader.replication.throttled.replicas", "0:1,1:1"],
    ["local.retention.ms", "5"],
    ["remote.log.copy.disable", "true"],
  ])("%s=%s", (name, value) => {
    expect(topicConfigsFault(new Map([[name, value]]))).toBeUndefined();
  });

  test.each([
    ["retention.ms", "x", "Invalid value x for configuration retention.ms: Not a number of type LONG"],
    ["retention.ms", "", "Invalid value  for configuration retention.ms: Not a number of type LONG"],
    ["retention.ms", "1.5", "Invalid value 1.5 for configuration retention.ms: Not a number of type LONG"],
    ["retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1"],
    ["retention.ms", "9223372036854775808", "Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type LONG"],
    ["cleanup.policy", "foo", "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete"],
    [
      "compression.type",
      "none",
      "Invalid value none for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer",
    ],
    [
      "compression.gzip.level",
      "0",
      "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
    ],
    ["compression.lz4.level", "18", "Invalid value 18 for configuration compression.lz4.level: Value must be no more than 17"],
    ["segment.bytes", "14", "Invalid value 14 for configuration segment.bytes: Value must be at least 1048576"],
    ["segment.bytes", "2147483648", "Invalid value 2147483648 for configuration segment.bytes: Not a number of type INT"],
    ["flush.messages", "0", "Invalid value 0 for configuration flush.messages: Value must be at least 1"],
    ["min.cleanable.dirty.ratio", "x", "Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"],
    ["min.cleanable.dirty.ratio", "1.5", "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"],
    ["preallocate", "yes", "Invalid value yes for configuration preallocate: Expected value to be either true or false"],
    [
      "remote.storage.enable",
      "true",
      "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
    ],
    ["message.format.version", "3.0", "Unknown topic config name: message.format.version"],
  ])("%s=%s is refused", (name, value, fault) => {
    expect(topicConfigsFault(new Map([[name, value]]))).toBe(fault);
  });

  test("the compaction lags must not contradict each other", () => {
    const configs = new Map([
      ["min.compaction.lag.ms", "10"],
      ["max.compaction.lag.ms", "5"],
    ]);
    expect(topicConfigsFault(configs)).toBe("conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)");
  });
});

test("33 configs are described, with Kafka's defaults and types, and settings follow from them", () => {
  const described = describeTopicConfigs(new BrokerConfigs(defaultSettings), new Map([["retention.ms", " +7 "]]));
  expect(described).toHaveLength(33);
  const byName = new Map(described.map((config) => [config.name, config]));
  expect(byName.get("segment.bytes")).toMatchObject({ value: "1073741824", configSource: 5, configType: 3, readOnly: false });
  expect(byName.get("min.cleanable.dirty.ratio")).toMatchObject({ value: "0.5", configType: 6 });
  expect(byName.get("flush.ms")).toMatchObject({ value: LONG_MAX, synonyms: [] });
  expect(byName.get("retention.ms")).toMatchObject({ value: "7", configSource: 1 });
  for (const { documentation } of described) expect(documentation).toMatch(/\.$/);
  expect(defaultTopicSettings).toMatchObject({ isDeleted: true, isCompacted: false, flushMs: Infinity, retentionMs: 604_800_000 });
  const own = new Map([
    ["cleanup.policy", "compact,delete"],
    ["compression.type", "uncompressed"],
    ["internal.segment.bytes", "99"],
  ]);
  const settings = topicSettings((key) => own.get(key.name) ?? key.byDefault);
  expect(settings).toMatchObject({ isDeleted: true, isCompacted: true, compression: "none", segmentBytes: 99 });
});

test("a list is appended to what holds, and subtracted from it; nothing else is a list", () => {
  const changed = (name: string, operation: number, value: string | null) =>
    changedConfigs(
      new Map(),
      [{ name, operation, value }],
      (config) => topicConfigKey(config)?.type,
      (config) => topicConfigKey(config)?.byDefault ?? "",
    );
  expect(changed("cleanup.policy", configOperation.APPEND, "compact")).toEqual(new Map([["cleanup.policy", "delete,compact"]]));
  expect(changed("cleanup.policy", configOperation.SUBTRACT, "delete")).toEqual(new Map([["cleanup.policy", ""]]));
  expect(changed("retention.ms", configOperation.APPEND, "1")).toMatchObject({ errorCode: 40 });
  expect(changed("retention.ms", configOperation.SET, null)).toMatchObject({ errorCode: 42 });
});

describe("the broker's own configs", () => {
  test("say what it runs with: what differs from Kafka's default is static, the defaults of topics may be changed", () => {
    const described = describeBrokerConfigs(
      new BrokerConfigs({ ...defaultSettings, defaultPartitions: 4, configs: { "log.retention.ms": "9" } }),
    );
    const byName = new Map(described.map((config) => [config.name, config]));
    expect(byName.get("num.partitions")).toMatchObject({ value: "4", configSource: 4, readOnly: true });
    expect(byName.get("socket.request.max.bytes")).toMatchObject({ configSource: 5, readOnly: true });
    expect(byName.get("log.retention.ms")).toMatchObject({ value: "9", configSource: 4, readOnly: false });
    expect(byName.get("log.roll.ms")).toMatchObject({ value: null, readOnly: false });
    expect(dynamicConfigsFault(new Map([["node.id", "3"]]))).toBe("Cannot update these configs dynamically: [node.id]");
    expect(dynamicConfigsFault(new Map([["log.retention.ms", "3"]]))).toBeUndefined();
  });

  test("that a start may give: intervals become settings, unknown ones and wrong values are refused", () => {
    expect(startConfigs({ "log.cleaner.backoff.ms": "100", "log.segment.bytes": "1048576" })).toEqual({
      settings: { cleanerBackoffMs: 100 },
      configs: { "log.segment.bytes": "1048576" },
    });
    expect(() => startConfigs({ "num.io.threads": "3" })).toThrow(/num\.io\.threads/);
    expect(() => startConfigs({ "log.retention.ms": "soon" })).toThrow(/Not a number/);
  });
});
