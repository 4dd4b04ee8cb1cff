import { alterConfigsApi } from "../../../src/kafka-protocol/messages/alter-configs.ts";
import { createTopicsApi } from "../../../src/kafka-protocol/messages/create-topics.ts";
import { describeClientQuotasApi } from "../../../src/kafka-protocol/messages/describe-client-quotas.ts";
import { describeConfigsApi } from "../../../src/kafka-protocol/messages/describe-configs.ts";
import { incrementalAlterConfigsApi } from "../../../src/kafka-protocol/messages/incremental-alter-configs.ts";
import { eventually, type Place } from "../harness/place.ts";
import { frames, java, kafkajs, raw, refusal, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const TOPIC = 2;
const BROKER = 4;

const describing = (resourceType: number, resourceName: string, configurationKeys: string[] | null = null, more: object = {}) => ({
  resources: [{ resourceType, resourceName, configurationKeys }],
  includeSynonyms: false,
  includeDocumentation: false,
  ...more,
});

type Change = readonly [name: string, value: string | null, operation?: number];
const changing = (resourceType: number, resourceName: string, changes: readonly Change[], validateOnly: boolean = false) => ({
  resources: [
    { resourceType, resourceName, configs: changes.map(([name, value, configOperation = 0]) => ({ name, value, configOperation })) },
  ],
  validateOnly,
});

/** Once they are what the step expects: real Kafka's broker learns of a change a moment after the controller has taken it. */
async function valuesOf(place: Place, topic: string, ...expected: readonly string[]): Promise<unknown> {
  const isSo = async (): Promise<unknown> => {
    const values = await setOn(place, topic);
    return values.join() === expected.join() ? values : undefined;
  };
  return eventually(`${expected.join()} of ${topic}`, isSo, 3_000).catch(() => setOn(place, topic));
}

async function setOn(place: Place, topic: string): Promise<string[]> {
  const { results } = await place.get(describeConfigsApi, 4, describing(TOPIC, topic));
  return (results[0]?.configs ?? [])
    .filter(({ configSource }) => configSource === 1)
    .map(({ name, value }) => `${name}=${value}`)
    .sort();
}

/** Every config of a topic that Kafka knows, a value that it takes and one that it does not. */
const TOPIC_CONFIGS: Readonly<Record<string, readonly [good: string, bad: string]>> = {
  "cleanup.policy": ["compact", "burn"],
  "compression.type": ["zstd", "rar"],
  "compression.gzip.level": ["4", "20"],
  "compression.lz4.level": ["4", "99"],
  "compression.zstd.level": ["4", "99"],
  "delete.retention.ms": ["1000", "-1"],
  "file.delete.delay.ms": ["1000", "-1"],
  "flush.messages": ["10", "0"],
  "flush.ms": ["100", "-1"],
  "follower.replication.throttled.replicas": ["*", "nobody"],
  "index.interval.bytes": ["100", "-1"],
  "leader.replication.throttled.replicas": ["*", "nobody"],
  "local.retention.bytes": ["100", "-5"],
  "local.retention.ms": ["100", "-5"],
  "max.compaction.lag.ms": ["100", "0"],
  "max.message.bytes": ["100", "-1"],
  "message.timestamp.after.max.ms": ["100", "-1"],
  "message.timestamp.before.max.ms": ["100", "-1"],
  "message.timestamp.type": ["LogAppendTime", "NoTime"],
  "min.cleanable.dirty.ratio": ["0.1", "2"],
  "min.compaction.lag.ms": ["10", "-1"],
  "min.insync.replicas": ["1", "0"],
  preallocate: ["true", "maybe"],
  "remote.storage.enable": ["false", "maybe"],
  "retention.bytes": ["1000", "x"],
  "retention.ms": ["1000", "-7"],
  "segment.bytes": ["1048576", "5"],
  "segment.index.bytes": ["1024", "1"],
  "segment.jitter.ms": ["10", "-1"],
  "segment.ms": ["1000", "0"],
  "unclean.leader.election.enable": ["true", "maybe"],
};

/** Configs of topics and of the broker. */
export const configsTheme: Theme = {
  name: "configs",
  title: "Configs that tell the truth",
  before: (place) =>
    place.topics(
      "k-plain",
      { name: "k-own", configs: { "retention.ms": "3600000", "cleanup.policy": "compact" } },
      "k-tool",
      "k-js",
      "k-each",
      ...[0, 1, 2].map((v) => `k-alter-v${v}`),
      ...[0, 1].map((v) => `k-inc-v${v}`),
    ),
  steps: [
    ...frames(
      describeConfigsApi,
      { title: "all of a topic", body: () => describing(TOPIC, "k-plain") },
      { title: "all of a topic with its own", body: () => describing(TOPIC, "k-own") },
      {
        title: "some of a topic, with synonyms",
        body: () =>
          describing(TOPIC, "k-own", ["retention.ms", "cleanup.policy", "segment.bytes", "no.such.config"], { includeSynonyms: true }),
      },
      { title: "none of a topic", body: () => describing(TOPIC, "k-own", []) },
      { title: "with documentation", from: 3, body: () => describing(TOPIC, "k-own", ["retention.ms"], { includeDocumentation: true }) },
      { title: "a topic that is not there", body: () => describing(TOPIC, "k-nowhere") },
      { title: "a name that no topic can have", body: () => describing(TOPIC, "k nowhere") },
      {
        title: "some of the broker",
        body: () =>
          describing(BROKER, "1", [
            "num.partitions",
            "auto.create.topics.enable",
            "node.id",
            "group.initial.rebalance.delay.ms",
            "offset.metadata.max.bytes",
            "socket.request.max.bytes",
            "fetch.max.bytes",
            "group.min.session.timeout.ms",
            "group.max.session.timeout.ms",

            "log.retention.check.interval.ms",
          ]),
      },
      { title: "a broker that is not there", body: () => describing(BROKER, "7") },
      { title: "a broker whose name is no number", body: () => describing(BROKER, "one") },
      { title: "the default of brokers", body: () => describing(BROKER, "") },
      { title: "a kind of resource that there is not", body: () => describing(77, "x") },
      { title: "loggers of a broker that is not there", body: () => describing(8, "7") },
    ),
    ...frames(
      alterConfigsApi,
      {
        title: "two configs",
        body: (v) =>
          changing(TOPIC, `k-alter-v${v}`, [
            ["retention.ms", "1000"],
            ["max.message.bytes", "5000"],
          ]),
      },
      {
        title: "one: the others are gone",
        body: (v) => changing(TOPIC, `k-alter-v${v}`, [["retention.ms", "2000"]]),
        shown: async (answer, v, place) => ({ answer, values: await valuesOf(place, `k-alter-v${v}`, "retention.ms=2000") }),
      },
      {
        title: "validated only",
        body: (v) => changing(TOPIC, `k-alter-v${v}`, [["retention.ms", "9000"]], true),
        shown: async (answer, v, place) => ({ answer, values: await valuesOf(place, `k-alter-v${v}`, "retention.ms=2000") }),
      },
      { title: "a config that there is not", body: (v) => changing(TOPIC, `k-alter-v${v}`, [["no.such.config", "1"]]) },
      { title: "a wrong value", body: (v) => changing(TOPIC, `k-alter-v${v}`, [["retention.ms", "soon"]]) },
      { title: "no value", body: (v) => changing(TOPIC, `k-alter-v${v}`, [["retention.ms", null]]) },
      { title: "a topic that is not there", body: () => changing(TOPIC, "k-nowhere", [["retention.ms", "1"]]) },
      { title: "a kind of resource that there is not", body: () => changing(77, "x", [["retention.ms", "1"]]) },
    ),
    ...frames(
      incrementalAlterConfigsApi,
      {
        title: "set two",
        body: (v) =>
          changing(TOPIC, `k-inc-v${v}`, [
            ["retention.ms", "1000"],
            ["cleanup.policy", "compact"],
          ]),
      },
      {
        title: "append to a list",
        body: (v) => changing(TOPIC, `k-inc-v${v}`, [["cleanup.policy", "delete", 2]]),
        shown: async (answer, v, place) => ({
          answer,
          values: await valuesOf(place, `k-inc-v${v}`, "cleanup.policy=compact,delete", "retention.ms=1000"),
        }),
      },
      {
        title: "subtract from a list",
        body: (v) => changing(TOPIC, `k-inc-v${v}`, [["cleanup.policy", "compact", 3]]),
        shown: async (answer, v, place) => ({
          answer,
          values: await valuesOf(place, `k-inc-v${v}`, "cleanup.policy=delete", "retention.ms=1000"),
        }),
      },
      { title: "append to what is no list", body: (v) => changing(TOPIC, `k-inc-v${v}`, [["retention.ms", "5", 2]]) },
      {
        title: "delete one",
        body: (v) => changing(TOPIC, `k-inc-v${v}`, [["retention.ms", null, 1]]),
        shown: async (answer, v, place) => ({ answer, values: await valuesOf(place, `k-inc-v${v}`, "cleanup.policy=delete") }),
      },
      { title: "delete one that is not set", body: (v) => changing(TOPIC, `k-inc-v${v}`, [["segment.bytes", null, 1]]) },
      { title: "delete a config that there is not", body: (v) => changing(TOPIC, `k-inc-v${v}`, [["no.such.config", null, 1]]) },
      { title: "an operation that there is not", body: (v) => changing(TOPIC, `k-inc-v${v}`, [["retention.ms", "1", 9]]) },
      {
        title: "the same config twice",
        body: (v) =>
          changing(TOPIC, `k-inc-v${v}`, [
            ["retention.ms", "1"],
            ["retention.ms", "2"],
          ]),
      },
      { title: "set without a value", body: (v) => changing(TOPIC, `k-inc-v${v}`, [["retention.ms", null]]) },
      {
        title: "validated only",
        body: (v) => changing(TOPIC, `k-inc-v${v}`, [["retention.ms", "77"]], true),
        shown: async (answer, v, place) => ({ answer, values: await valuesOf(place, `k-inc-v${v}`, "cleanup.policy=delete") }),
      },
      { title: "a topic that is not there", body: () => changing(TOPIC, "k-nowhere", [["retention.ms", "1"]]) },
      {
        title: "the same topic twice",
        body: (v) => {
          const one = changing(TOPIC, `k-inc-v${v}`, [["retention.ms", "1"]]);
          return { ...one, resources: [...one.resources, ...one.resources] };
        },
      },
    ),
    ...frames(
      describeClientQuotasApi,
      { title: "all", body: () => ({ components: [], strict: false }) },
      {
        title: "of a user that has none",
        body: () => ({ components: [{ entityType: "user", matchType: 0, match: "k-nobody" }], strict: true }),
      },
      {
        title: "of a kind that there is not",
        body: () => ({ components: [{ entityType: "sleeper", matchType: 0, match: "x" }], strict: false }),
      },
    ),
    ...Object.entries(TOPIC_CONFIGS).map(([name, [good, bad]]) =>
      raw(`${name}: its default, ${good}, and ${bad}`, async (place) => {
        const described = async () =>
          (await place.get(describeConfigsApi, 4, describing(TOPIC, "k-each", [name], { includeSynonyms: true }))).results[0]?.configs[0];
        const tried = async (value: string) =>
          (await place.get(incrementalAlterConfigsApi, 1, changing(TOPIC, "k-each", [[name, value]], true))).responses[0];
        return { described: await described(), good: await tried(good), bad: await tried(bad) };
      }),
    ),
    raw("every config set, with its synonyms", async (place) => {
      const configs = Object.fromEntries(
        Object.entries(TOPIC_CONFIGS)
          .filter(([name]) => !name.includes("throttled") && name !== "remote.storage.enable")
          .map(([name, [good]]) => [name, good]),
      );
      await place.topics({ name: "k-all", configs });
      const described = async () =>
        (await place.get(describeConfigsApi, 4, describing(TOPIC, "k-all", null, { includeSynonyms: true }))).results[0]?.configs;
      return eventually("the configs", async () => {
        const found = await described();
        return found?.find(({ name }) => name === "segment.ms")?.value === "1000" ? found : undefined;
      });
    }),
    raw("configs in the answer to CreateTopics", async (place) => {
      const { topics } = await place.get(createTopicsApi, 7, {
        timeoutMs: 5000,
        validateOnly: false,
        topics: [
          { name: "k-created", numPartitions: 1, replicationFactor: 1, assignments: [], configs: [{ name: "retention.ms", value: "5" }] },
        ],
      });
      return topics;
    }),
    kafkajs("describeConfigs and alterConfigs", async (place) => {
      const admin = place.kafkajs.admin();
      await admin.connect();
      try {
        const resource = { type: TOPIC, name: "k-js" };
        return [
          await admin.describeConfigs({
            includeSynonyms: false,
            resources: [{ ...resource, configNames: ["retention.ms", "cleanup.policy"] }],
          }),
          await admin.alterConfigs({
            validateOnly: false,
            resources: [{ ...resource, configEntries: [{ name: "retention.ms", value: "4000" }] }],
          }),
          await admin.describeConfigs({ includeSynonyms: true, resources: [{ ...resource, configNames: ["retention.ms"] }] }),
          await refusal(
            admin.alterConfigs({
              validateOnly: false,
              resources: [{ ...resource, configEntries: [{ name: "retention.ms", value: "soon" }] }],
            }),
          ),
          await refusal(admin.describeConfigs({ includeSynonyms: false, resources: [{ type: TOPIC, name: "k-nowhere" }] })),
        ];
      } finally {
        await admin.disconnect();
      }
    }),
    ...(
      [
        ["--alter --add-config", ["--alter", "--add-config", "retention.ms=60000,cleanup.policy=[compact,delete]"]],
        ["--describe", ["--describe"], ["cleanup.policy=compact,delete", "retention.ms=60000"]],
        ["--alter --delete-config", ["--alter", "--delete-config", "cleanup.policy"]],
        ["--describe after that", ["--describe"], ["retention.ms=60000"]],
        ["--alter to a wrong value", ["--alter", "--add-config", "retention.ms=soon"]],
        ["--alter of a config that there is not", ["--alter", "--add-config", "no.such=1"]],
        ["--alter --delete-config of one that is not set", ["--alter", "--delete-config", "segment.ms"]],
      ] as readonly (readonly [title: string, args: readonly string[], before?: readonly string[]])[]
    ).map(([title, args, before]) =>
      java(`kafka-configs --topic ${title}`, async (place) => {
        if (before) await valuesOf(place, "k-tool", ...before);
        return said(await place.java("kafka.admin.ConfigCommand", ["--bootstrap-server", "@", "--topic", "k-tool", ...args]));
      }),
    ),
    java("kafka-configs --topic --describe --all", async (place) => {
      const { exit, out, err } = said(
        await place.java("kafka.admin.ConfigCommand", ["--bootstrap-server", "@", "--topic", "k-tool", "--describe", "--all"]),
      );
      return {
        exit,
        names: out
          .slice(1)
          .map((line) => line.trim().split("=")[0])
          .sort(),
        err,
      };
    }),
    java("kafka-configs --describe of a topic that is not there", async (place) =>
      said(await place.java("kafka.admin.ConfigCommand", ["--bootstrap-server", "@", "--topic", "k-nowhere", "--describe"])),
    ),
    java("kafka-configs --broker --describe", async (place) =>
      said(await place.java("kafka.admin.ConfigCommand", ["--bootstrap-server", "@", "--broker", "1", "--describe"])),
    ),
  ],
};
