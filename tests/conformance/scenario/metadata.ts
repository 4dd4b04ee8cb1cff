import { describeClusterApi } from "../../../src/kafka-protocol/messages/describe-cluster.ts";
import { describeLogDirsApi } from "../../../src/kafka-protocol/messages/describe-log-dirs.ts";
import { metadataApi } from "../../../src/kafka-protocol/messages/metadata.ts";
import { offsetForLeaderEpochApi } from "../../../src/kafka-protocol/messages/offset-for-leader-epoch.ts";
import { ZERO_UUID } from "../../../src/kafka-protocol/schema.ts";
import { eventually, record, type Place } from "../harness/place.ts";
import { frames, java, kcat, raw, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const NOWHERE = "AAAAAAAAAAAAAAAAAAABAA";
const asked = (...names: readonly string[]) => ({
  topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
});

async function idOf(place: Place, name: string): Promise<string> {
  const { topics } = await place.get(metadataApi, 12, asked(name));
  return topics[0]?.topicId ?? ZERO_UUID;
}

/** All topics, of which only this theme's are shown: others run beside it. */
const ours = (answer: unknown): unknown =>
  answer === "closed"
    ? answer
    : {
        ...(answer as object),
        topics: (answer as { topics: readonly { name: string | null }[] }).topics.filter(({ name }) => name?.startsWith("m-fixed")),
      };

const sizeless = (answer: unknown): unknown => answer;

const askedEpoch = (topic: string, partition: number, currentLeaderEpoch: number, leaderEpoch: number) => ({
  topics: [{ topic, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }],
});

/** What a client learns of the cluster. */
export const metadataTheme: Theme = {
  name: "metadata",
  title: "Metadata by name and id, cluster, log folders, leader epochs",
  before: async (place) => {
    await place.topics({ name: "m-fixed-three", partitions: 3 }, "m-fixed-one");
    await place.append("m-fixed-one", 0, [record("a"), record("b")]);
  },
  steps: [
    ...frames(
      metadataApi,
      { title: "two topics by name", body: () => asked("m-fixed-one", "m-fixed-three") },
      { title: "a topic that is not there", from: 4, body: () => asked("m-nowhere") },
      { title: "names that no topic can have", body: () => asked("m with blanks", "m".repeat(250), "..") },
      { title: "an empty name", from: 1, body: () => asked("") },
      { title: "the same topic twice", body: () => asked("m-fixed-one", "m-fixed-one") },
      { title: "all topics", shown: ours, body: (v) => ({ ...asked(), topics: v === 0 ? [] : null }) },
      { title: "no topics", from: 1, body: () => asked() },
      {
        title: "authorized operations of topics",
        from: 8,
        body: () => ({ ...asked("m-fixed-one"), includeTopicAuthorizedOperations: true }),
      },
      {
        title: "authorized operations of the cluster",
        from: 8,
        to: 10,
        body: () => ({ ...asked("m-fixed-one"), includeClusterAuthorizedOperations: true }),
      },
      {
        title: "a topic by its id",
        from: 10,
        body: async (_, place) => ({ ...asked(), topics: [{ name: null, topicId: await idOf(place, "m-fixed-one") }] }),
      },
      { title: "an id that no topic has", from: 10, body: () => ({ ...asked(), topics: [{ name: null, topicId: NOWHERE }] }) },
      { title: "neither name nor id", from: 12, body: () => ({ ...asked(), topics: [{ name: null, topicId: ZERO_UUID }] }) },
      {
        title: "a topic is made where it is asked for",
        from: 4,
        body: (v) => ({ ...asked(`m-auto-v${v}`), allowAutoTopicCreation: true }),
      },
      {
        title: "and is there",
        from: 4,
        before: (v, place) =>
          eventually("the topic", async () => {
            const { topics } = await place.get(metadataApi, 12, asked(`m-auto-v${v}`));
            return topics[0]?.errorCode === 0 && topics[0].partitions[0]?.leaderId === 1 ? topics : undefined;
          }),
        body: (v) => asked(`m-auto-v${v}`),
      },
    ),
    ...frames(
      describeClusterApi,
      { title: "brokers and controller", body: () => ({ includeClusterAuthorizedOperations: false, endpointType: 1 }) },
      { title: "with authorized operations", body: () => ({ includeClusterAuthorizedOperations: true, endpointType: 1 }) },
      { title: "controllers are asked for", from: 1, body: () => ({ includeClusterAuthorizedOperations: false, endpointType: 2 }) },
      { title: "an unknown kind of endpoint", from: 1, body: () => ({ includeClusterAuthorizedOperations: false, endpointType: 7 }) },
    ),
    ...frames(
      offsetForLeaderEpochApi,
      { title: "the end of epoch 0", body: () => askedEpoch("m-fixed-one", 0, -1, 0) },
      { title: "with the current epoch", body: () => askedEpoch("m-fixed-one", 0, 0, 0) },
      { title: "an epoch of the future", body: () => askedEpoch("m-fixed-one", 0, -1, 5) },
      { title: "a current epoch of the future", body: () => askedEpoch("m-fixed-one", 0, 5, 0) },
      { title: "a topic and a partition that are not there", body: () => askedEpoch("m-nowhere", 0, -1, 0) },
      { title: "a partition that is not there", body: () => askedEpoch("m-fixed-one", 7, -1, 0) },
    ),
    ...frames(
      describeLogDirsApi,
      {
        title: "the partitions of a topic",
        shown: sizeless,
        body: () => ({ topics: [{ topic: "m-fixed-three", partitions: [0, 1, 2] }] }),
      },
      { title: "a topic that is not there", shown: sizeless, body: () => ({ topics: [{ topic: "m-nowhere", partitions: [0] }] }) },
      { title: "a partition that is not there", shown: sizeless, body: () => ({ topics: [{ topic: "m-fixed-one", partitions: [9] }] }) },
    ),
    raw("DescribeLogDirs: the size of a partition is that of its batches", async (place) => {
      await place.topics("m-size");
      await place.append("m-size", 0, [record("x".repeat(1000))]);
      const { results } = await place.get(describeLogDirsApi, 4, { topics: [{ topic: "m-size", partitions: [0] }] });
      return { bytes: results[0]?.topics[0]?.partitions.map(({ partitionSize }) => `size ${partitionSize}`) };
    }),
    kcat("-L of a topic that is not there", async (place) =>
      said(await place.kcat(["-L", "-J", "-t", "m-kcat-auto", "-X", "allow.auto.create.topics=false"])),
    ),
    java("kafka-cluster cluster-id", async (place) => {
      const { exit, out } = await place.java("ClusterTool", ["cluster-id", "--bootstrap-server", "@"]);
      return { exit, out: out.trim().replace(/[\w-]{22}$/, "<cluster>") };
    }),
    java("kafka-cluster list-endpoints", async (place) =>
      said(await place.java("ClusterTool", ["list-endpoints", "--bootstrap-server", "@"])),
    ),
    java("kafka-log-dirs --describe", async (place) => {
      const { exit, out } = await place.java("LogDirsCommand", ["--bootstrap-server", "@", "--describe", "--topic-list", "m-fixed-one"]);
      const [said1, said2, json = "null"] = out.trim().split("\n");
      const described = JSON.parse(json) as { brokers: { logDirs: { logDir: string }[] }[] };
      for (const broker of described.brokers) for (const one of broker.logDirs) one.logDir = "<folder>";
      return { exit, said: [said1, said2], described };
    }),
    java("kafka-leader-election has nothing to elect", async (place) =>
      said(
        await place.java("LeaderElectionCommand", [
          "--bootstrap-server",
          "@",
          "--election-type",
          "preferred",
          "--topic",
          "m-fixed-one",
          "--partition",
          "0",
        ]),
      ),
    ),
  ],
};
