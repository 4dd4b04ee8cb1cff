import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GroupCoordinator, type GroupCoordinatorOptions } from "./group-coordinator.ts";
import type { JoinRequest } from "./group-requests.ts";

const RETENTION_MS = 1000;
let folder: string;
let nowMs: number;
let open: GroupCoordinator | undefined;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "broker-groups-"));
  nowMs = 1_000_000;
});
afterEach(async () => {
  await open?.close();
  open = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** Opens what the folder holds; whatever was open before is closed first. */
async function opened(): Promise<GroupCoordinator> {
  await open?.close();
  const options: GroupCoordinatorOptions = {
    folder,
    sync: false,
    initialRebalanceDelayMs: 0,
    groupMaxSize: 10,
    offsetsRetentionMs: RETENTION_MS,
    nowMs: () => nowMs,
  };
  open = await GroupCoordinator.open(options);
  return open;
}

const commit = (groups: GroupCoordinator, group: string, topic: string, untilMs?: number): Promise<void> => {
  groups.group(group);
  const offset = { topic, partition: 0, offset: 7, leaderEpoch: 0, metadata: "", atMs: nowMs };
  return groups.offsets.commit(group, [untilMs === undefined ? offset : { ...offset, untilMs }]);
};
const kept = (groups: GroupCoordinator, group: string): string[] => [...groups.offsets.list(group).keys()].sort();

const joining: JoinRequest = {
  memberId: "",
  instanceId: null,
  clientId: "c",
  clientHost: "/127.0.0.1",
  sessionTimeoutMs: 60_000,
  rebalanceTimeoutMs: 60_000,
  protocolType: "consumer",
  protocols: [{ name: "range", metadata: Buffer.from([0, 0, 0, 0, 0, 1, 0, 4, ...Buffer.from("read"), 255, 255, 255, 255]) }],
  mustKnowId: false,
};

/** A member that reads the topic "read", settled. */
async function settle(groups: GroupCoordinator, id: string): Promise<string> {
  const { memberId, generationId } = await groups.group(id).join(joining);
  const request = { memberId, instanceId: null, generationId, protocolType: null, protocolName: null };
  await groups.group(id).sync({ ...request, assignments: [{ memberId, assignment: Buffer.from("all") }] });
  return memberId;
}

test("offsets that nobody's membership protects go when they are old, and their group with them", async () => {
  const groups = await opened();
  await commit(groups, "simple", "a");
  nowMs += RETENTION_MS - 1;
  await commit(groups, "simple", "b");
  nowMs += 1;
  await groups.expire();
  expect(kept(groups, "simple")).toEqual(["b"]);
  nowMs += RETENTION_MS;
  await groups.expire();
  expect(groups.stateOf("simple")).toBe("Dead");
  expect(groups.list()).toEqual([]);
});

test("while members read a topic its offsets stay; those of other topics go", async () => {
  const groups = await opened();
  await settle(groups, "g");
  await commit(groups, "g", "read");
  await commit(groups, "g", "left");
  nowMs += 10 * RETENTION_MS;
  await groups.expire();
  expect(kept(groups, "g")).toEqual(["read"]);
});

test("when the last member leaves, the time counts from then (KIP-211)", async () => {
  const groups = await opened();
  const memberId = await settle(groups, "g");
  await commit(groups, "g", "read");
  nowMs += 10 * RETENTION_MS;
  expect(await groups.group("g").leave([{ memberId, instanceId: null }])).toEqual([0]);
  nowMs += RETENTION_MS - 1;
  await groups.expire();
  expect(kept(groups, "g")).toEqual(["read"]);
  nowMs += 1;
  await groups.expire();
  expect(groups.stateOf("g")).toBe("Dead");
});

test("a client's own retention time wins (OffsetCommit v2 to v4)", async () => {
  const groups = await opened();
  await commit(groups, "short", "a", nowMs + 10);
  await commit(groups, "long", "a", nowMs + 100 * RETENTION_MS);
  nowMs += 10 * RETENTION_MS;
  await groups.expire();
  expect([groups.stateOf("short"), groups.stateOf("long")]).toEqual(["Dead", "Empty"]);
});

test("groups, members and offsets are there after a restart; what was deleted is not", async () => {
  let groups = await opened();
  const memberId = await settle(groups, "g");
  await commit(groups, "g", "read");
  await commit(groups, "simple", "a");
  await commit(groups, "gone", "a");
  await groups.delete("gone");
  groups = await opened();
  expect(groups.list().map(({ id, state, protocolType }) => [id, state, protocolType])).toEqual([
    ["g", "Stable", "consumer"],
    ["simple", "Empty", null],
  ]);
  expect(groups.group("g").heartbeat({ memberId, instanceId: null }, 1)).toBe(0);
  expect(kept(groups, "g")).toEqual(["read"]);
});
