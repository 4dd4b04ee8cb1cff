import { offsetCommitApi } from "../../../src/kafka-protocol/messages/offset-commit.ts";
import { offsetDeleteApi } from "../../../src/kafka-protocol/messages/offset-delete.ts";
import { offsetFetchApi } from "../../../src/kafka-protocol/messages/offset-fetch.ts";
import { frames, kafkajs, raw, refusal, type Theme } from "../harness/step.ts";

const committing = (
  groupId: string,
  topic: string,
  partition: number,
  committedOffset: number,
  committedMetadata: string | null = "",
  more: object = {},
) => ({
  groupId,
  generationIdOrMemberEpoch: -1,
  memberId: "",
  groupInstanceId: null,
  retentionTimeMs: -1,
  topics: [
    {
      name: topic,
      partitions: [{ partitionIndex: partition, committedOffset, committedMetadata, committedLeaderEpoch: -1, commitTimestamp: -1 }],
    },
  ],
  ...more,
});

const fetching = (groupId: string, topics: { name: string; partitionIndexes: number[] }[] | null, requireStable: boolean = false) => ({
  groupId,
  topics,
  groups: [{ groupId, topics }],
  requireStable,
});

const some = [{ name: "x-plain", partitionIndexes: [0, 1] }];

/** What groups remember. */
export const commitsTheme: Theme = {
  name: "commits",
  title: "Committed offsets and their metadata",
  before: (place) => place.topics({ name: "x-plain", partitions: 3 }, "x-js", { name: "x-delete", partitions: 2 }),
  steps: [
    ...frames(
      offsetCommitApi,
      { title: "an offset with metadata", from: 2, body: (v) => committing(`x-g-v${v}`, "x-plain", 0, 5, "what I said") },
      { title: "no metadata", from: 2, body: (v) => committing(`x-g-v${v}`, "x-plain", 1, 7, null) },
      { title: "metadata of 4096 bytes", from: 2, body: (v) => committing(`x-g-v${v}`, "x-plain", 2, 7, "m".repeat(4096)) },
      { title: "metadata of 4097 bytes", from: 2, body: (v) => committing(`x-g-v${v}`, "x-plain", 2, 8, "m".repeat(4097)) },
      {
        title: "a leader epoch",
        from: 6,
        body: (v) => ({
          ...committing(`x-g-v${v}`, "x-plain", 0, 5),
          topics: [
            { name: "x-plain", partitions: [{ partitionIndex: 0, committedOffset: 6, committedLeaderEpoch: 0, committedMetadata: "e" }] },
          ],
        }),
      },
      { title: "a negative offset", from: 2, body: (v) => committing(`x-g-v${v}`, "x-plain", 0, -1) },
      { title: "a topic that is not there", from: 2, body: (v) => committing(`x-g-v${v}`, "x-nowhere", 0, 5) },
      { title: "a partition that is not there", from: 2, body: (v) => committing(`x-g-v${v}`, "x-plain", 9, 5) },
      { title: "a group without a name", from: 2, body: () => committing("", "x-plain", 0, 5) },
      {
        title: "a member that nobody knows",
        from: 2,
        body: (v) => committing(`x-g-v${v}`, "x-plain", 0, 5, "", { generationIdOrMemberEpoch: 1, memberId: "nobody" }),
      },
      {
        title: "a member of a group that is not there",
        from: 2,
        body: (v) => committing(`x-none-v${v}`, "x-plain", 0, 5, "", { generationIdOrMemberEpoch: 1, memberId: "nobody" }),
      },
      {
        title: "a generation without a member",
        from: 2,
        body: (v) => committing(`x-g-v${v}`, "x-plain", 0, 5, "", { generationIdOrMemberEpoch: 3 }),
      },
      { title: "no topics", from: 2, body: (v) => ({ ...committing(`x-g-v${v}`, "x-plain", 0, 5), topics: [] }) },
      {
        title: "an instance that nobody knows",
        from: 7,
        body: (v) =>
          committing(`x-g-v${v}`, "x-plain", 0, 5, "", { generationIdOrMemberEpoch: 1, memberId: "nobody", groupInstanceId: "static" }),
      },
    ),
    ...frames(
      offsetFetchApi,
      {
        title: "two partitions, one of them committed",
        from: 1,
        before: (v, place) => place.get(offsetCommitApi, 8, committing(`x-f-v${v}`, "x-plain", 0, 42, "meta")),
        body: (v) => fetching(`x-f-v${v}`, some),
      },
      { title: "all that is committed", from: 2, body: (v) => fetching(`x-f-v${v}`, null) },
      { title: "a topic that is not there", from: 1, body: (v) => fetching(`x-f-v${v}`, [{ name: "x-nowhere", partitionIndexes: [0] }]) },
      { title: "a group that is not there", from: 1, body: () => fetching("x-none", some) },
      { title: "all of a group that is not there", from: 2, body: () => fetching("x-none", null) },
      { title: "a group without a name", from: 1, body: () => fetching("", some) },
      { title: "stable offsets", from: 7, body: (v) => fetching(`x-f-v${v}`, some, true) },
      {
        title: "two groups at once",
        from: 8,
        body: (v) => ({
          ...fetching("", null),
          groups: [
            { groupId: `x-f-v${v}`, topics: some },
            { groupId: "x-none", topics: null },
          ],
        }),
      },
      { title: "no topics", from: 1, body: (v) => fetching(`x-f-v${v}`, []) },
    ),
    ...frames(
      offsetDeleteApi,
      {
        title: "of a group without members",
        before: async (_, place) => {
          await place.get(offsetCommitApi, 8, committing("x-d", "x-delete", 0, 3));
          await place.get(offsetCommitApi, 8, committing("x-d", "x-delete", 1, 4));
        },
        body: () => ({ groupId: "x-d", topics: [{ name: "x-delete", partitions: [{ partitionIndex: 0 }] }] }),
        shown: async (answer, _, place) => ({ answer, left: await place.get(offsetFetchApi, 8, fetching("x-d", null)) }),
      },
      {
        title: "of a partition that is not committed",
        body: () => ({ groupId: "x-d", topics: [{ name: "x-delete", partitions: [{ partitionIndex: 0 }] }] }),
      },
      {
        title: "of a topic that is not there",
        body: () => ({ groupId: "x-d", topics: [{ name: "x-nowhere", partitions: [{ partitionIndex: 0 }] }] }),
      },
      {
        title: "of a group that is not there",
        body: () => ({ groupId: "x-none", topics: [{ name: "x-delete", partitions: [{ partitionIndex: 0 }] }] }),
      },
      {
        title: "of a group without a name",
        body: () => ({ groupId: "", topics: [{ name: "x-delete", partitions: [{ partitionIndex: 0 }] }] }),
      },
    ),
    raw("commits go with their topic", async (place) => {
      const { deleteTopicsApi } = await import("../../../src/kafka-protocol/messages/delete-topics.ts");
      await place.topics("x-gone");
      await place.get(offsetCommitApi, 8, committing("x-with-topic", "x-gone", 0, 3));
      await place.get(deleteTopicsApi, 5, { topicNames: ["x-gone"], topics: [], timeoutMs: 5000 });
      const { eventually } = await import("../harness/place.ts");
      return eventually("the commit is gone", async () => {
        const { groups } = await place.get(offsetFetchApi, 8, fetching("x-with-topic", null));
        return groups[0]?.topics.length === 0 ? groups : undefined;
      });
    }),
    kafkajs("setOffsets, fetchOffsets, resetOffsets", async (place) => {
      const admin = place.kafkajs.admin();
      await admin.connect();
      try {
        return [
          await admin.fetchOffsets({ groupId: "x-js", topics: ["x-js"] }),
          await refusal(admin.setOffsets({ groupId: "x-js", topic: "x-js", partitions: [{ partition: 0, offset: "3" }] })),
          await admin.fetchOffsets({ groupId: "x-js", topics: ["x-js"] }),
          await refusal(admin.resetOffsets({ groupId: "x-js", topic: "x-js", earliest: true })),
          await admin.fetchOffsets({ groupId: "x-js" }),
        ];
      } finally {
        await admin.disconnect();
      }
    }),
  ],
};
