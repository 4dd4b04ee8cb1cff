import { createTopicsApi } from "../../../src/kafka-protocol/messages/create-topics.ts";
import { createPartitionsApi } from "../../../src/kafka-protocol/messages/create-partitions.ts";
import { deleteTopicsApi } from "../../../src/kafka-protocol/messages/delete-topics.ts";
import { ZERO_UUID } from "../../../src/kafka-protocol/schema.ts";
import { said } from "./said.ts";
import { eventually } from "../harness/place.ts";
import { frames, java, kcat, kafkajs, refusal, type Theme } from "../harness/step.ts";

const wanted = (
  name: string,
  numPartitions: number = 1,
  replicationFactor: number = 1,
  configs: Readonly<Record<string, string | null>> = {},
) => ({
  name,
  numPartitions,
  replicationFactor,
  assignments: [],
  configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
});
const create = (...topics: readonly ReturnType<typeof wanted>[]) => ({ topics, timeoutMs: 5000, validateOnly: false });
/** Names and errors alone: the configs of a created topic have a theme of their own. */
const withoutConfigs = (answer: unknown): unknown =>
  answer === "closed"
    ? answer
    : {
        ...(answer as object),
        topics: (answer as { topics: readonly object[] }).topics.map((topic) => ({ ...topic, configs: undefined })),
      };

const creating = frames(
  createTopicsApi,
  { title: "a topic of three partitions", shown: withoutConfigs, body: (v) => create(wanted(`t-made-v${v}`, 3)) },
  { title: "the same name again", shown: withoutConfigs, body: (v) => create(wanted(`t-made-v${v}`, 3)) },
  { title: "the broker's defaults (−1)", from: 4, shown: withoutConfigs, body: (v) => create(wanted(`t-default-v${v}`, -1, -1)) },
  { title: "counts of −1 before they were allowed", to: 3, shown: withoutConfigs, body: (v) => create(wanted(`t-default-v${v}`, -1, -1)) },
  { title: "no partitions", shown: withoutConfigs, body: (v) => create(wanted(`t-none-v${v}`, 0)) },
  { title: "minus two partitions", shown: withoutConfigs, body: (v) => create(wanted(`t-minus-v${v}`, -2)) },
  { title: "two replicas on one node", shown: withoutConfigs, body: (v) => create(wanted(`t-two-v${v}`, 1, 2)) },
  { title: "no replicas", shown: withoutConfigs, body: (v) => create(wanted(`t-zero-v${v}`, 1, 0)) },
  {
    title: "names that are refused",
    shown: withoutConfigs,
    body: () =>
      create(wanted(""), wanted("."), wanted(".."), wanted("t with blanks"), wanted("t/slash"), wanted("t".repeat(250)), wanted("tä")),
  },
  {
    title: "a name that collides with another by its dots",
    before: (v, place) => place.topics(`t.dots_v${v}`),
    shown: withoutConfigs,
    body: (v) => create(wanted(`t_dots.v${v}`)),
  },
  {
    title: "the same name twice in a request",
    shown: withoutConfigs,
    body: (v) => create(wanted(`t-twice-v${v}`), wanted(`t-twice-v${v}`)),
  },
  { title: "an unknown config", shown: withoutConfigs, body: (v) => create(wanted(`t-config-v${v}`, 1, 1, { "no.such.config": "1" })) },
  {
    title: "a config of a wrong value",
    shown: withoutConfigs,
    body: (v) => create(wanted(`t-config-v${v}`, 1, 1, { "retention.ms": "soon" })),
  },
  {
    title: "a config without a value",
    shown: withoutConfigs,
    body: (v) => create(wanted(`t-config-v${v}`, 1, 1, { "retention.ms": null })),
  },
  {
    title: "validated only",
    shown: withoutConfigs,
    body: (v) => ({ ...create(wanted(`t-validated-v${v}`, 2)), validateOnly: true }),
  },
  {
    title: "assignments",
    shown: withoutConfigs,
    body: (v) =>
      create({
        ...wanted(`t-assigned-v${v}`, -1, -1),
        assignments: [
          { partitionIndex: 0, brokerIds: [1] },
          { partitionIndex: 1, brokerIds: [1] },
        ] as never[],
      }),
  },
  {
    title: "assignments beside counts, with a gap, to a node that is not there, to none, twice the same",
    shown: withoutConfigs,
    body: (v) =>
      create(
        { ...wanted(`t-wrong-a-v${v}`, 1, 1), assignments: [{ partitionIndex: 0, brokerIds: [1] }] as never[] },
        { ...wanted(`t-wrong-b-v${v}`, -1, -1), assignments: [{ partitionIndex: 1, brokerIds: [1] }] as never[] },
        { ...wanted(`t-wrong-c-v${v}`, -1, -1), assignments: [{ partitionIndex: 0, brokerIds: [9] }] as never[] },
        { ...wanted(`t-wrong-d-v${v}`, -1, -1), assignments: [{ partitionIndex: 0, brokerIds: [] }] as never[] },
        { ...wanted(`t-wrong-e-v${v}`, -1, -1), assignments: [{ partitionIndex: 0, brokerIds: [1, 1] }] as never[] },
      ),
  },
);

const growing = frames(
  createPartitionsApi,
  {
    title: "from one to three",
    before: (v, place) => place.topics(`t-grow-v${v}`),
    body: (v) => ({ topics: [{ name: `t-grow-v${v}`, count: 3, assignments: null }], timeoutMs: 5000, validateOnly: false }),
  },
  {
    title: "to as many as there are",
    body: (v) => ({ topics: [{ name: `t-grow-v${v}`, count: 3, assignments: null }], timeoutMs: 5000, validateOnly: false }),
  },
  {
    title: "to fewer",
    body: (v) => ({ topics: [{ name: `t-grow-v${v}`, count: 2, assignments: null }], timeoutMs: 5000, validateOnly: false }),
  },
  {
    title: "to zero and below",
    body: (v) => ({ topics: [{ name: `t-grow-v${v}`, count: 0, assignments: null }], timeoutMs: 5000, validateOnly: false }),
  },
  {
    title: "of a topic that is not there",
    body: () => ({ topics: [{ name: "t-missing", count: 2, assignments: null }], timeoutMs: 5000, validateOnly: false }),
  },
  {
    title: "validated only",
    body: (v) => ({ topics: [{ name: `t-grow-v${v}`, count: 5, assignments: null }], timeoutMs: 5000, validateOnly: true }),
  },
  {
    title: "with assignments, too few of them, and to a node that is not there",
    before: (v, place) => place.topics(`t-grow-a-v${v}`, `t-grow-b-v${v}`, `t-grow-c-v${v}`),
    body: (v) => ({
      topics: [
        { name: `t-grow-a-v${v}`, count: 2, assignments: [{ brokerIds: [1] }] },
        { name: `t-grow-b-v${v}`, count: 3, assignments: [{ brokerIds: [1] }] },
        { name: `t-grow-c-v${v}`, count: 2, assignments: [{ brokerIds: [9] }] },
      ],
      timeoutMs: 5000,
      validateOnly: false,
    }),
  },
  {
    title: "the same topic twice",
    body: (v) => ({
      topics: [
        { name: `t-grow-v${v}`, count: 6, assignments: null },
        { name: `t-grow-v${v}`, count: 7, assignments: null },
      ],
      timeoutMs: 5000,
      validateOnly: false,
    }),
  },
);

const deleting = frames(
  deleteTopicsApi,
  {
    title: "by name",
    before: (v, place) => place.topics(`t-gone-v${v}`),
    body: (v) => ({ topicNames: [`t-gone-v${v}`], topics: [{ name: `t-gone-v${v}`, topicId: ZERO_UUID }], timeoutMs: 5000 }),
  },
  {
    title: "a name that is not there",
    body: () => ({ topicNames: ["t-missing"], topics: [{ name: "t-missing", topicId: ZERO_UUID }], timeoutMs: 5000 }),
  },
  {
    title: "an id that is not there",
    from: 6,
    body: () => ({ topicNames: [], topics: [{ name: null, topicId: "AAAAAAAAAAAAAAAAAAABAA" }], timeoutMs: 5000 }),
  },
  {
    title: "the same name twice",
    before: (v, place) => place.topics(`t-gone-twice-v${v}`),
    body: (v) => ({
      topicNames: [`t-gone-twice-v${v}`, `t-gone-twice-v${v}`],
      topics: [1, 2].map(() => ({ name: `t-gone-twice-v${v}`, topicId: ZERO_UUID })),
      timeoutMs: 5000,
    }),
  },
  {
    title: "neither name nor id, and both",
    from: 6,
    body: () => ({
      topicNames: [],
      topics: [
        { name: null, topicId: ZERO_UUID },
        { name: "t-missing", topicId: "AAAAAAAAAAAAAAAAAAABAA" },
      ],
      timeoutMs: 5000,
    }),
  },
);

const tools = [
  java("kafka-topics --create", async (place) =>
    said(
      await place.java("TopicCommand", [
        "--bootstrap-server",
        "@",
        "--create",
        "--topic",
        "t-tool",
        "--partitions",
        "3",
        "--replication-factor",
        "1",
        "--config",
        "retention.ms=3600000",
      ]),
    ),
  ),
  java("kafka-topics --create of one that is there", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--create", "--topic", "t-tool"])),
  ),
  java("kafka-topics --create --if-not-exists", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--create", "--if-not-exists", "--topic", "t-tool"])),
  ),
  java("kafka-topics --create with two replicas", async (place) =>
    said(
      await place.java("TopicCommand", [
        "--bootstrap-server",
        "@",
        "--create",
        "--topic",
        "t-tool-two",
        "--partitions",
        "3",
        "--replication-factor",
        "2",
      ]),
    ),
  ),
  java("kafka-topics --create with a config that is not known", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--create", "--topic", "t-tool-bad", "--config", "no.such=1"])),
  ),
  java("kafka-topics --describe", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--describe", "--topic", "t-tool"])),
  ),
  java("kafka-topics --alter --partitions 5", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--alter", "--topic", "t-tool", "--partitions", "5"])),
  ),
  java("kafka-topics --alter to fewer", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--alter", "--topic", "t-tool", "--partitions", "2"])),
  ),
  java("kafka-topics --describe after that", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--describe", "--topic", "t-tool"])),
  ),
  java("kafka-topics --describe of the unavailable, the under-replicated, the overridden", async (place) => ({
    unavailable: said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--describe", "--unavailable-partitions"])),
    under: said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--describe", "--under-replicated-partitions"])),
    overrides: said(
      await place.java("TopicCommand", ["--bootstrap-server", "@", "--describe", "--topics-with-overrides", "--topic", "t-tool"]),
    ),
  })),
  java("kafka-topics --list with a pattern", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--list", "--topic", "t-to.*"])),
  ),
  java("kafka-topics --describe of one that is not there", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--describe", "--topic", "t-nowhere"])),
  ),
  java("kafka-topics --delete", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--delete", "--topic", "t-tool"])),
  ),
  java("kafka-topics --delete of one that is not there", async (place) =>
    said(await place.java("TopicCommand", ["--bootstrap-server", "@", "--delete", "--topic", "t-tool"])),
  ),
  java("kafka-topics without arguments prints its help", async (place) => said(await place.java("TopicCommand", []))),
];

/** Topics: made, grown, listed, deleted, and every way in which that is refused. */
export const topicsTheme: Theme = {
  name: "topics",
  title: "Topics and admin",
  steps: [
    ...creating,
    ...growing,
    ...deleting,
    kafkajs("topics are made, listed, described, grown, deleted", async (place) => {
      const admin = place.kafkajs.admin();
      await admin.connect();
      try {
        const steps: unknown[] = [];
        steps.push(await admin.createTopics({ topics: [{ topic: "t-js", numPartitions: 2 }], waitForLeaders: true }));
        steps.push(await admin.createTopics({ topics: [{ topic: "t-js", numPartitions: 2 }] }));
        await eventually("the topic", () => admin.fetchTopicMetadata({ topics: ["t-js"] }).catch(() => undefined));
        steps.push((await admin.listTopics()).filter((name) => name === "t-js"));
        steps.push(await admin.fetchTopicMetadata({ topics: ["t-js"] }));
        steps.push(await refusal(admin.fetchTopicMetadata({ topics: ["t-nowhere"] })));
        steps.push(await admin.createPartitions({ topicPartitions: [{ topic: "t-js", count: 4 }] }));
        steps.push(await refusal(admin.createPartitions({ topicPartitions: [{ topic: "t-js", count: 3 }] })));
        steps.push(await refusal(admin.createTopics({ topics: [{ topic: "t js" }] })));
        steps.push(await refusal(admin.createTopics({ topics: [{ topic: "t-js-two", replicationFactor: 2 }] })));
        steps.push(await admin.deleteTopics({ topics: ["t-js"] }));
        steps.push(await refusal(admin.deleteTopics({ topics: ["t-js"] })));
        return steps;
      } finally {
        await admin.disconnect();
      }
    }),
    kafkajs("describeCluster", async (place) => {
      const admin = place.kafkajs.admin();
      await admin.connect();
      try {
        return await admin.describeCluster();
      } finally {
        await admin.disconnect();
      }
    }),
    kcat("-L of a topic, as JSON", async (place) => {
      await place.topics({ name: "t-kcat", partitions: 3 });
      return JSON.parse((await place.kcat(["-L", "-J", "-t", "t-kcat"])).out) as unknown;
    }),
    kcat("-L as text", async (place) => said(await place.kcat(["-L", "-t", "t-kcat"]))),
    ...tools,
  ],
};
