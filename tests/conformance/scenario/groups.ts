import { deleteGroupsApi } from "../../../src/kafka-protocol/messages/delete-groups.ts";
import { describeGroupsApi } from "../../../src/kafka-protocol/messages/describe-groups.ts";
import { findCoordinatorApi } from "../../../src/kafka-protocol/messages/find-coordinator.ts";
import { heartbeatApi } from "../../../src/kafka-protocol/messages/heartbeat.ts";
import { joinGroupApi } from "../../../src/kafka-protocol/messages/join-group.ts";
import { leaveGroupApi } from "../../../src/kafka-protocol/messages/leave-group.ts";
import { listGroupsApi } from "../../../src/kafka-protocol/messages/list-groups.ts";
import { offsetCommitApi } from "../../../src/kafka-protocol/messages/offset-commit.ts";
import { offsetFetchApi } from "../../../src/kafka-protocol/messages/offset-fetch.ts";
import { syncGroupApi } from "../../../src/kafka-protocol/messages/sync-group.ts";
import type { ResponseOf } from "../../../src/kafka-protocol/schema.ts";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { record, type Place } from "../harness/place.ts";
import type { RawClient } from "../harness/raw-client.ts";
import { frames, java, kafkajs, kcat, raw, refusal, type Theme } from "../harness/step.ts";
import { said } from "./said.ts";

const T = 1_700_000_000_000;
const META = Buffer.from("meta");

const joining = (groupId: string, memberId: string = "", more: object = {}) => ({
  groupId,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId,
  groupInstanceId: null,
  protocolType: "consumer",
  protocols: [{ name: "range", metadata: META }],
  ...more,
});
type Joined = ResponseOf<typeof joinGroupApi>;

function answered<T>(answer: T | "closed"): T {
  if (answer === "closed") throw new Error("the broker closed the connection");
  return answer;
}

/** Joins as clients do: again with the id that the broker gave where it wants that (KIP-394). */
async function join(client: RawClient, version: number, groupId: string, memberId: string = "", more: object = {}): Promise<Joined> {
  const first = answered(await client.ask(joinGroupApi, version, joining(groupId, memberId, more)));
  return first.errorCode === 79 ? answered(await client.ask(joinGroupApi, version, joining(groupId, first.memberId, more))) : first;
}

const syncing = (
  groupId: string,
  { generationId, memberId }: { generationId: number; memberId: string },
  assignments: Readonly<Record<string, string>> = {},
  more: object = {},
) => ({
  groupId,
  generationId,
  memberId,
  groupInstanceId: null,
  protocolType: "consumer",
  protocolName: "range",
  assignments: Object.entries(assignments).map(([member, text]) => ({ memberId: member, assignment: Buffer.from(text) })),
  ...more,
});

const beating = (
  groupId: string,
  { generationId, memberId }: { generationId: number; memberId: string },
  groupInstanceId: string | null = null,
) => ({ groupId, generationId, memberId, groupInstanceId });

/** A group of one member that is stable, on a connection of its own. */
async function single(
  place: Place,
  groupId: string,
  version: number = 5,
  more: object = {},
): Promise<{ client: RawClient; member: Joined }> {
  const client = await place.connect();
  const member = await join(client, version, groupId, "", more);
  answered(await client.ask(syncGroupApi, 3, syncing(groupId, member, { [member.memberId]: "all" })));
  return { client, member };
}

const members = (joined: Joined): Joined => ({
  ...joined,
  members: [...joined.members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1)).map((one) => ({ ...one, memberId: "<member>" })),
});

const leaving = (groupId: string, memberId: string, groupInstanceId: string | null = null) => ({
  groupId,
  memberId,
  members: [{ memberId, groupInstanceId, reason: "the step is over" }],
});

/** A line of a table of kafka-consumer-groups without its padding. */
const table = (lines: readonly string[]): string[] => lines.map((line) => line.trim().replace(/\s+/g, " ")).sort();

async function groupsTool(place: Place, ...args: readonly string[]): Promise<unknown> {
  const { exit, out, err } = said(await place.java("consumer.group.ConsumerGroupCommand", ["--bootstrap-server", "@", ...args]));
  return { exit, out: table(out), err };
}

/** The classic group protocol, and the tools around it. */
export const groupsTheme: Theme = {
  name: "groups",
  title: "Groups and rebalances",
  before: async (place) => {
    await place.topics({ name: "g-lines", partitions: 2 }, "g-reset", "g-kcat", { name: "g-js", partitions: 4 }, "g-console");
    for (const topic of ["g-reset", "g-kcat", "g-console"])
      for (let n = 0; n < 20; n++) await place.append(topic, 0, [record(`${n}`, T + n * 60_000)]);
    for (const partition of [0, 1, 2, 3])
      await place.append(
        "g-js",
        partition,
        Array.from({ length: 5 }, (_, i) => record(`${partition}/${i}`, T)),
      );
  },
  steps: [
    ...frames(
      findCoordinatorApi,
      { title: "of a group", body: () => ({ key: "g-any", keyType: 0, coordinatorKeys: ["g-any", "g-other"] }) },
      { title: "of a transactional id", from: 1, body: () => ({ key: "x-any", keyType: 1, coordinatorKeys: ["x-any"] }) },
      { title: "of a kind that there is not", from: 1, body: () => ({ key: "x-any", keyType: 9, coordinatorKeys: ["x-any"] }) },
      { title: "of a group without a name", body: () => ({ key: "", keyType: 0, coordinatorKeys: [""] }) },
    ),
    ...frames(
      joinGroupApi,
      {
        title: "a new member of a new group",
        shown: (answer) => (answer === "closed" ? answer : members(answer)),
        body: (v) => joining(`g-join-v${v}`),
      },
      { title: "an unknown member of a new group", body: (v) => joining(`g-join-unknown-v${v}`, "nobody") },
      { title: "a session timeout too short", body: (v) => joining(`g-join-short-v${v}`, "", { sessionTimeoutMs: 10 }) },
      { title: "a session timeout too long", body: (v) => joining(`g-join-long-v${v}`, "", { sessionTimeoutMs: 2_000_000_000 }) },
      { title: "no name", body: () => joining("") },
      { title: "no protocols", body: (v) => joining(`g-join-none-v${v}`, "", { protocols: [] }) },
      { title: "no type of protocol", body: (v) => joining(`g-join-type-v${v}`, "", { protocolType: "" }) },
    ),
    ...frames(
      syncGroupApi,
      { title: "of a group that is not there", body: () => syncing("g-none", { generationId: 1, memberId: "nobody" }) },
      {
        title: "the leader's assignment, and again",
        body: () => syncing("g-none", { generationId: 1, memberId: "" }),
        shown: async (_, v, place) => {
          const client = await place.connect();
          try {
            const member = await join(client, 5, `g-sync-v${v}`);
            const once = await client.ask(syncGroupApi, v, syncing(`g-sync-v${v}`, member, { [member.memberId]: "mine" }));
            const again = await client.ask(syncGroupApi, v, syncing(`g-sync-v${v}`, member, { [member.memberId]: "other" }));
            const old = await client.ask(syncGroupApi, v, syncing(`g-sync-v${v}`, { ...member, generationId: member.generationId + 1 }));
            const unknown = await client.ask(syncGroupApi, v, syncing(`g-sync-v${v}`, { ...member, memberId: "nobody" }));
            const protocol =
              v >= 5 ? await client.ask(syncGroupApi, v, syncing(`g-sync-v${v}`, member, {}, { protocolName: "roundrobin" })) : null;
            const type =
              v >= 5 ? await client.ask(syncGroupApi, v, syncing(`g-sync-v${v}`, member, {}, { protocolType: "connect" })) : null;
            return { once, again, old, unknown, protocol, type };
          } finally {
            client.close();
          }
        },
      },
    ),
    ...frames(
      heartbeatApi,
      { title: "of a group that is not there", body: () => beating("g-none", { generationId: 1, memberId: "nobody" }) },
      {
        title: "of a member, of an old generation, of nobody",
        body: () => beating("g-none", { generationId: 1, memberId: "" }),
        shown: async (_, v, place) => {
          const { client, member } = await single(place, `g-beat-v${v}`);
          try {
            return [
              await client.ask(heartbeatApi, v, beating(`g-beat-v${v}`, member)),
              await client.ask(heartbeatApi, v, beating(`g-beat-v${v}`, { ...member, generationId: 0 })),
              await client.ask(heartbeatApi, v, beating(`g-beat-v${v}`, { ...member, generationId: 9 })),
              await client.ask(heartbeatApi, v, beating(`g-beat-v${v}`, { ...member, memberId: "nobody" })),
            ];
          } finally {
            client.close();
          }
        },
      },
    ),
    ...frames(
      leaveGroupApi,
      { title: "of a group that is not there", body: () => leaving("g-none", "nobody") },
      {
        title: "by a member, twice, then describe",
        body: () => leaving("g-none", ""),
        shown: async (_, v, place) => {
          const { client, member } = await single(place, `g-leave-v${v}`);
          try {
            return [
              await client.ask(leaveGroupApi, v, leaving(`g-leave-v${v}`, member.memberId)),
              await client.ask(leaveGroupApi, v, leaving(`g-leave-v${v}`, member.memberId)),
              await client.ask(describeGroupsApi, 4, { groups: [`g-leave-v${v}`], includeAuthorizedOperations: false }),
            ];
          } finally {
            client.close();
          }
        },
      },
    ),
    ...frames(
      describeGroupsApi,
      { title: "a group that is not there", body: () => ({ groups: ["g-none"], includeAuthorizedOperations: false }) },
      { title: "a group without a name", body: () => ({ groups: [""], includeAuthorizedOperations: false }) },
      {
        title: "a group of one member, with authorized operations",
        body: (v) => ({ groups: [`g-describe-v${v}`, "g-none"], includeAuthorizedOperations: true }),
        before: async (v, place) => (await single(place, `g-describe-v${v}`)).client,
      },
    ),
    ...frames(
      listGroupsApi,
      {
        title: "this theme's groups",
        body: () => ({ statesFilter: [], typesFilter: [] }),
        before: (v, place) =>
          place.get(offsetCommitApi, 5, {
            groupId: `g-listed-v${v}`,
            generationIdOrMemberEpoch: -1,
            memberId: "",
            topics: [{ name: "g-lines", partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }] }],
          }),
        shown: (answer, v) =>
          answer === "closed"
            ? answer
            : { ...answer, groups: answer.groups.filter(({ groupId }) => groupId === `g-listed-v${v}` || groupId === "g-describe-v5") },
      },
      {
        title: "by state",
        from: 4,
        body: () => ({ statesFilter: ["Stable"], typesFilter: [] }),
        shown: (answer, v) =>
          answer === "closed"
            ? answer
            : { ...answer, groups: answer.groups.filter(({ groupId }) => groupId === `g-listed-v${v}` || groupId === "g-describe-v5") },
      },
      { title: "by a state that there is not", from: 4, body: () => ({ statesFilter: ["Sleepy"], typesFilter: [] }) },
      {
        title: "by type",
        from: 5,
        body: () => ({ statesFilter: [], typesFilter: ["classic"] }),
        shown: (answer, v) =>
          answer === "closed"
            ? answer
            : { ...answer, groups: answer.groups.filter(({ groupId }) => groupId === `g-listed-v${v}` || groupId === "g-describe-v5") },
      },
      { title: "by a type that there is not", from: 5, body: () => ({ statesFilter: [], typesFilter: ["sleepy"] }) },
    ),
    ...frames(
      deleteGroupsApi,
      {
        title: "one that is empty, one that is not, one that is not there, one without a name",
        before: (v, place) =>
          place.get(offsetCommitApi, 5, {
            groupId: `g-dead-v${v}`,
            generationIdOrMemberEpoch: -1,
            memberId: "",
            topics: [{ name: "g-lines", partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }] }],
          }),
        body: (v) => ({ groupsNames: [`g-dead-v${v}`, "g-describe-v5", "g-none", ""] }),
        shown: async (answer, v, place) => ({
          answer,
          left: await place.get(offsetFetchApi, 8, { groups: [{ groupId: `g-dead-v${v}`, topics: null }] }),
        }),
      },
      { title: "the same twice", body: () => ({ groupsNames: ["g-none", "g-none"] }) },
    ),
    raw("MEMBER_ID_REQUIRED from version 4 on, and the id then joins", async (place) => {
      const client = await place.connect();
      try {
        const first = answered(await client.ask(joinGroupApi, 4, joining("g-required")));
        const second = answered(await client.ask(joinGroupApi, 4, joining("g-required", first.memberId)));
        return {
          first: first.errorCode,
          same: first.memberId === second.memberId,
          second: members(second),
          prefix: first.memberId.slice(0, 16),
        };
      } finally {
        client.close();
      }
    }),
    raw("two members: the second makes the first rejoin, the leader gets both, each its assignment", async (place) => {
      const one = await single(place, "g-two");
      const two = await place.connect();
      try {
        const asked = answered(await two.ask(joinGroupApi, 5, joining("g-two")));
        const second = two.ask(joinGroupApi, 5, joining("g-two", asked.memberId));
        const { eventually } = await import("../harness/place.ts");
        const beat = await eventually("a rebalance", async () => {
          const answer = answered(await one.client.ask(heartbeatApi, 3, beating("g-two", one.member)));
          return answer.errorCode === 0 ? undefined : answer;
        });
        const first = await join(one.client, 5, "g-two", one.member.memberId);
        const joined = answered(await second);
        const syncs = await Promise.all([
          two.ask(syncGroupApi, 3, syncing("g-two", joined)),
          one.client.ask(syncGroupApi, 3, syncing("g-two", first, { [first.memberId]: "first", [joined.memberId]: "second" })),
        ]);
        const left = answered(await two.ask(leaveGroupApi, 3, leaving("g-two", joined.memberId)));
        const after = answered(await one.client.ask(heartbeatApi, 3, beating("g-two", first)));
        const commit = answered(
          await one.client.ask(offsetCommitApi, 7, {
            groupId: "g-two",
            generationIdOrMemberEpoch: first.generationId,
            memberId: first.memberId,
            topics: [{ name: "g-lines", partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }] }],
          }),
        );
        const stale = answered(
          await one.client.ask(offsetCommitApi, 7, {
            groupId: "g-two",
            generationIdOrMemberEpoch: 1,
            memberId: first.memberId,
            topics: [{ name: "g-lines", partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: "" }] }],
          }),
        );
        return {
          beat,
          generations: [first.generationId, joined.generationId],
          leader: first.leader === first.memberId,
          members: [first.members.length, joined.members.length],
          syncs,
          left: { ...left, members: left.members.length },
          after,
          commit,
          stale,
        };
      } finally {
        one.client.close();
        two.close();
      }
    }),
    raw("a follower's sync waits for the leader's, and fails when the group rebalances again", async (place) => {
      const one = await single(place, "g-wait");
      const two = await place.connect();
      try {
        const asked = answered(await two.ask(joinGroupApi, 5, joining("g-wait")));
        const second = two.ask(joinGroupApi, 5, joining("g-wait", asked.memberId));
        const first = await join(one.client, 5, "g-wait", one.member.memberId);
        const joined = answered(await second);
        const waiting = two.ask(syncGroupApi, 3, syncing("g-wait", joined));
        const left = answered(await one.client.ask(leaveGroupApi, 3, leaving("g-wait", first.memberId)));
        return { left: left.errorCode, sync: await waiting };
      } finally {
        one.client.close();
        two.close();
      }
    }),
    raw("members without a protocol in common, and of another type", async (place) => {
      const one = await single(place, "g-protocols");
      const two = await place.connect();
      try {
        return [
          await two.ask(joinGroupApi, 3, joining("g-protocols", "", { protocols: [{ name: "sticky", metadata: META }] })),
          await two.ask(joinGroupApi, 3, joining("g-protocols", "", { protocolType: "connect" })),
        ];
      } finally {
        one.client.close();
        two.close();
      }
    }),
    raw("a static member comes back under its instance id, and fences the one before", async (place) => {
      const client = await place.connect();
      try {
        const more = { groupInstanceId: "static-1" };
        const first = answered(await client.ask(joinGroupApi, 5, joining("g-static", "", more)));
        const synced = await client.ask(syncGroupApi, 3, syncing("g-static", first, { [first.memberId]: "all" }, more));
        const again = answered(await client.ask(joinGroupApi, 5, joining("g-static", "", more)));
        const resynced = await client.ask(syncGroupApi, 3, syncing("g-static", again, { [again.memberId]: "all" }, more));
        const fenced = await client.ask(heartbeatApi, 3, beating("g-static", first, "static-1"));
        const beat = await client.ask(heartbeatApi, 3, beating("g-static", again, "static-1"));
        const wrong = await client.ask(heartbeatApi, 3, beating("g-static", again, "static-9"));
        const left = await client.ask(leaveGroupApi, 3, leaving("g-static", "", "static-1"));
        return {
          first: { ...first, members: first.members.length },
          synced,
          again: { ...again, members: again.members.length },
          resynced,
          changed: first.memberId !== again.memberId,
          fenced,
          beat,
          wrong,
          left,
        };
      } finally {
        client.close();
      }
    }),
    raw(
      "a member that joins again with what it has: no new generation for a follower, one for the leader's new metadata",
      async (place) => {
        const { client, member } = await single(place, "g-rejoin");
        try {
          const same = await join(client, 5, "g-rejoin", member.memberId);
          return { generations: [member.generationId, same.generationId], error: same.errorCode };
        } finally {
          client.close();
        }
      },
    ),
    kafkajs("two consumers share partitions, one leaves, the other reads all", async (place) => {
      const read = new Set<string>();
      const consumers = [0, 1].map(() =>
        place.kafkajs.consumer({ groupId: "g-js", maxWaitTimeInMs: 50, sessionTimeout: 10_000, heartbeatInterval: 200 }),
      );
      const sizes: number[] = [];
      try {
        for (const consumer of consumers) {
          await consumer.connect();
          await consumer.subscribe({ topics: ["g-js"], fromBeginning: true });
          const joined = new Promise<number>((resolve) => {
            const remove = consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
              remove();
              resolve(Object.values(payload.memberAssignment).flat().length);
            });
          });
          await consumer.run({ eachMessage: ({ message }) => Promise.resolve(void read.add(String(message.value))) });
          sizes.push(await joined);
        }
        const { eventually } = await import("../harness/place.ts");
        await eventually("all messages", () => Promise.resolve(read.size === 20 || undefined));
        const admin = place.kafkajs.admin();
        await admin.connect();
        const described = await admin.describeGroups(["g-js"]);
        await admin.disconnect();
        return {
          sizes,
          read: read.size,
          described: described.groups.map(({ state, protocol, protocolType, members: all }) => ({
            state,
            protocol,
            protocolType,
            members: all.length,
          })),
        };
      } finally {
        for (const consumer of consumers) await consumer.disconnect();
      }
    }),
    kafkajs("listGroups, describeGroups, deleteGroups", async (place) => {
      const admin = place.kafkajs.admin();
      await admin.connect();
      try {
        return [
          (await admin.listGroups()).groups.filter(({ groupId }) => groupId === "g-js"),
          await admin.describeGroups(["g-js", "g-none"]),
          await refusal(admin.deleteGroups(["g-js"])),
          await refusal(admin.deleteGroups(["g-none"])),
        ];
      } finally {
        await admin.disconnect();
      }
    }),
    kcat("-G reads, commits, and goes on behind its commit", async (place) => {
      const read = (): Promise<unknown> =>
        place.kcat(["-G", "g-kcat", "-X", "auto.offset.reset=earliest", "-e", "-q", "-f", "%o\n", "g-kcat"]).then(said);
      const first = await read();
      await place.append("g-kcat", 0, [record("more", T)]);
      return { first, second: await read(), commit: await place.get(offsetFetchApi, 8, { groups: [{ groupId: "g-kcat", topics: null }] }) };
    }),
    java("kafka-console-consumer with a group commits; kafka-consumer-groups describes it", async (place) => {
      const read = said(
        await place.java("consumer.ConsoleConsumer", [
          "--bootstrap-server",
          "@",
          "--topic",
          "g-console",
          "--group",
          "g-console",
          "--from-beginning",
          "--max-messages",
          "20",
          "--timeout-ms",
          "10000",
        ]),
      );
      return {
        read,
        described: await groupsTool(place, "--describe", "--group", "g-console"),
        state: await groupsTool(place, "--describe", "--group", "g-console", "--state"),
        members: await groupsTool(place, "--describe", "--group", "g-console", "--members"),
      };
    }),
    java("kafka-consumer-groups of a group that is not there", (place) => groupsTool(place, "--describe", "--group", "g-none")),
    java("kafka-consumer-groups --list", async (place) => {
      const { exit, out } = said(await place.java("consumer.group.ConsumerGroupCommand", ["--bootstrap-server", "@", "--list"]));
      return { exit, listed: out.filter((name) => name === "g-console" || name === "g-kcat").sort() };
    }),
    ...(
      [
        ["--to-earliest", ["--to-earliest"]],
        ["--to-latest", ["--to-latest"]],
        ["--shift-by -5", ["--shift-by", "-5"]],
        ["--shift-by beyond the start", ["--shift-by", "-500"]],
        ["--to-offset 7", ["--to-offset", "7"]],
        ["--to-offset beyond the end", ["--to-offset", "700"]],
        ["--to-datetime", ["--to-datetime", new Date(T + 5.5 * 60_000).toISOString().replace("Z", "")]],
        ["--to-datetime after all", ["--to-datetime", "2033-01-01T00:00:00.000"]],
        ["--by-duration of a long time", ["--by-duration", "P10000D"]],
        ["--by-duration of a short time", ["--by-duration", "PT1M"]],
        ["--to-current", ["--to-current"]],
      ] as const
    ).map(([title, args]) =>
      java(`kafka-consumer-groups --reset-offsets ${title}`, (place) =>
        groupsTool(place, "--reset-offsets", "--group", "g-reset", "--topic", "g-reset", ...args, "--execute"),
      ),
    ),
    java("kafka-consumer-groups --reset-offsets --export, --from-file, --dry-run", async (place) => {
      const exported = said(
        await place.java("consumer.group.ConsumerGroupCommand", [
          "--bootstrap-server",
          "@",
          "--reset-offsets",
          "--group",
          "g-reset",
          "--topic",
          "g-reset",
          "--to-offset",
          "3",
          "--export",
          "--dry-run",
        ]),
      );
      const file = path.join(place.programs.folder, `reset-${place.target.name}.csv`);
      await writeFile(file, `${exported.out.join("\n")}\n`);
      return {
        exported,
        imported: await groupsTool(place, "--reset-offsets", "--group", "g-reset", "--from-file", file, "--execute"),
        commit: await groupsTool(place, "--describe", "--group", "g-reset", "--offsets"),
      };
    }),
    java("kafka-consumer-groups --reset-offsets of a group with members", async (place) => {
      const { client } = await single(place, "g-busy");
      try {
        return await groupsTool(place, "--reset-offsets", "--group", "g-busy", "--topic", "g-reset", "--to-earliest", "--execute");
      } finally {
        client.close();
      }
    }),
    java("kafka-consumer-groups --delete-offsets, --delete", async (place) => [
      await groupsTool(place, "--delete-offsets", "--group", "g-reset", "--topic", "g-reset"),
      await groupsTool(place, "--delete", "--group", "g-reset"),
      await groupsTool(place, "--delete", "--group", "g-none"),
      await groupsTool(place, "--delete", "--group", "g-busy"),
    ]),
    java("kafka-verifiable-producer and kafka-verifiable-consumer", async (place) => {
      await place.topics("g-verifiable");
      const produced = await place.java("VerifiableProducer", [
        "--bootstrap-server",
        "@",
        "--topic",
        "g-verifiable",
        "--max-messages",
        "50",
        "--acks",
        "-1",
      ]);
      const consumed = await place.java("VerifiableConsumer", [
        "--bootstrap-server",
        "@",
        "--topic",
        "g-verifiable",
        "--group-id",
        "g-verifiable",
        "--max-messages",
        "50",
        "--reset-policy",
        "earliest",
      ]);
      const events = (text: string): string[] =>
        text
          .trim()
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line) => (JSON.parse(line) as { name: string }).name);
      const count = (names: readonly string[]): Record<string, number> =>
        Object.fromEntries([...new Set(names)].sort().map((name) => [name, names.filter((one) => one === name).length]));
      return {
        produced: { exit: produced.exit, events: count(events(produced.out)) },
        consumed: { exit: consumed.exit, events: [...new Set(events(consumed.out))].sort() },
      };
    }),
    java("kafka-groups --list", async (place) => {
      const { exit, out } = said(await place.java("GroupsCommand", ["--bootstrap-server", "@", "--list"]));
      return { exit, listed: table(out.filter((line) => /^g-(console|kcat)/.test(line))) };
    }),
  ],
};
