import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createRandom } from "../../base/random.ts";
import { errorCodes, errorName } from "../../kafka-protocol/error-codes.ts";
import { ConsumerGroup, type GroupRules } from "./consumer-group.ts";
import type { JoinAnswer, JoinRequest, SyncAnswer } from "./group-requests.ts";
import type { StoredGroup } from "./group-store.ts";

/** A subscription as Java's consumer writes it: version, topics, no user data. */
function subscription(...topics: readonly string[]): Buffer {
  const head = Buffer.from([0, 0, 0, 0, 0, topics.length]);
  const names = topics.map((topic) => Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic)]));
  return Buffer.concat([head, ...names, Buffer.from([255, 255, 255, 255])]);
}

const joining = (wanted: Partial<JoinRequest> = {}): JoinRequest => ({
  memberId: "",
  instanceId: null,
  clientId: "c",
  clientHost: "/127.0.0.1",
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  protocolType: "consumer",
  protocols: [{ name: "range", metadata: subscription("t") }],
  mustKnowId: false,
  ...wanted,
});

let saved: StoredGroup[];
let open: ConsumerGroup[];
beforeEach(() => {
  vi.useFakeTimers();
  saved = [];
  open = [];
});
afterEach(() => {
  for (const group of open) group.close();
  vi.useRealTimers();
});

function newGroup(rules: Partial<GroupRules> = {}): ConsumerGroup {
  const save = (group: StoredGroup): Promise<void> => {
    saved.push(group);
    return Promise.resolve();
  };
  const group = new ConsumerGroup("g", { initialRebalanceDelayMs: 0, groupMaxSize: 100, save, nowMs: Date.now, ...rules });
  open.push(group);
  return group;
}

const syncing = (answer: JoinAnswer, assignments: Readonly<Record<string, string>> = {}, instanceId: string | null = null) => ({
  memberId: answer.memberId,
  instanceId,
  generationId: answer.generationId,
  protocolType: null,
  protocolName: null,
  assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
});

/** Where a promise stands. */
async function now<T>(promise: Promise<T>): Promise<T | "waits"> {
  return Promise.race([promise, vi.advanceTimersByTimeAsync(0).then(() => "waits" as const)]);
}

const passing = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const beat = (group: ConsumerGroup, memberId: string, generationId: number, instanceId: string | null = null): string =>
  errorName(group.heartbeat({ memberId, instanceId }, generationId));

/** A settled group of so many members; the first leads. */
async function settled(group: ConsumerGroup, count: number, wanted: Partial<JoinRequest> = {}): Promise<JoinAnswer[]> {
  let answers = [await group.join(joining(wanted))];
  for (let i = 1; i < count; i++) {
    const next = group.join(joining(wanted));
    answers = await Promise.all([...answers.map(({ memberId }) => group.join(joining({ ...wanted, memberId }))), next]);
  }
  await Promise.all(
    answers.map((one) => group.sync(syncing(one, Object.fromEntries(answers.map(({ memberId }, i) => [memberId, `a${i}`]))))),
  );
  expect(group.state).toBe("Stable");
  return answers;
}

describe("who is in, and for how long", () => {
  test("a member that never asks for its assignment is out after the rebalance timeout, and the others rebalance", async () => {
    const group = newGroup();
    const [first] = (await settled(group, 1)) as [JoinAnswer];
    const late = group.join(joining());
    const [again, second] = await Promise.all([group.join(joining({ memberId: first.memberId })), late]);
    const synced = group.sync(syncing(again, { [again.memberId]: "x" }));
    expect((await synced).assignment.toString()).toBe("x");
    for (let i = 0; i < 5; i++) {
      await passing(5000);
      expect(beat(group, again.memberId, 2)).toBe("NONE");
      expect(beat(group, second.memberId, 2)).toBe("NONE");
    }
    await passing(5000);
    expect(beat(group, second.memberId, 2)).toBe("UNKNOWN_MEMBER_ID");
    expect(beat(group, again.memberId, 2)).toBe("REBALANCE_IN_PROGRESS");
  });

  test("a leader that never assigns is out, and whoever waited for it is told to join again", async () => {
    const group = newGroup();
    const [first, second] = (await settled(group, 2, { rebalanceTimeoutMs: 8000 })) as [JoinAnswer, JoinAnswer];
    const rejoin = group.join(joining({ memberId: first.memberId, rebalanceTimeoutMs: 8000 }));
    const other = await group.join(joining({ memberId: second.memberId, rebalanceTimeoutMs: 8000 }));
    await rejoin;
    const waiting = group.sync(syncing(other));
    expect(await now(waiting)).toBe("waits");
    await passing(8000);
    expect(errorName((await waiting).errorCode)).toBe("REBALANCE_IN_PROGRESS");
    const alone = await group.join(joining({ memberId: second.memberId }));
    expect(alone).toMatchObject({ leader: second.memberId, generationId: 4, errorCode: 0 });
    expect(alone.members).toHaveLength(1);
  });

  test("a session ends when nothing is heard; heartbeats and commits are heard, waiting for a rebalance is no silence", async () => {
    const group = newGroup();
    const [first, second] = (await settled(group, 2)) as [JoinAnswer, JoinAnswer];
    const identity = { memberId: second.memberId, instanceId: null };
    await passing(9000);
    expect(beat(group, first.memberId, 2)).toBe("NONE");
    expect(group.checkCommit(identity, 2)).toBe(0);
    await passing(9000);
    const rejoining = group.join(joining({ memberId: first.memberId }));
    expect(group.state).toBe("PreparingRebalance");
    await passing(500);
    expect(beat(group, second.memberId, 2)).toBe("REBALANCE_IN_PROGRESS");
    await passing(9999);
    expect(await now(rejoining)).toBe("waits");
    await passing(1);
    expect(await rejoining).toMatchObject({ errorCode: 0, generationId: 3 });
    expect(group.members.map(({ id }) => id)).toEqual([first.memberId]);
  });

  test("an id that was given out is waited for in a rebalance, and forgotten after the session timeout (KIP-394)", async () => {
    const group = newGroup();
    const [first] = (await settled(group, 1)) as [JoinAnswer];
    const told = await group.join(joining({ mustKnowId: true, sessionTimeoutMs: 7000 }));
    expect(errorName(told.errorCode)).toBe("MEMBER_ID_REQUIRED");
    const rejoining = group.join(joining({ memberId: first.memberId }));
    expect(await now(rejoining)).toBe("waits");
    await passing(7000);
    expect(await rejoining).toMatchObject({ errorCode: 0, generationId: 2 });
    expect(errorName((await group.join(joining({ memberId: told.memberId }))).errorCode)).toBe("UNKNOWN_MEMBER_ID");
  });

  test("a group of the largest size takes nobody else, and its own members all the same", async () => {
    const group = newGroup({ groupMaxSize: 2 });
    const [first] = (await settled(group, 2)) as [JoinAnswer];
    expect(await group.join(joining())).toMatchObject({ errorCode: errorCodes.GROUP_MAX_SIZE_REACHED, memberId: "" });
    void group.join(joining({ memberId: first.memberId }));
    expect(group.state).toBe("PreparingRebalance");
  });

  test("a member that joins again while it waits is answered once more, and only the last time with its place", async () => {
    const group = newGroup();
    const [first, second] = (await settled(group, 2)) as [JoinAnswer, JoinAnswer];
    const early = group.join(joining({ memberId: first.memberId }));
    const again = group.join(joining({ memberId: first.memberId }));
    expect(errorName((await early).errorCode)).toBe("REBALANCE_IN_PROGRESS");
    void group.join(joining({ memberId: second.memberId }));
    expect(await again).toMatchObject({ errorCode: 0, generationId: 3, leader: first.memberId });
  });

  test("the first rebalance of an empty group waits, and waits on while members come, up to the rebalance timeout", async () => {
    const group = newGroup({ initialRebalanceDelayMs: 3000 });
    const first = group.join(joining({ rebalanceTimeoutMs: 8000 }));
    await passing(2000);
    const second = group.join(joining({ rebalanceTimeoutMs: 8000 }));
    await passing(3000);
    expect(await now(first)).toBe("waits");
    await passing(1000);
    expect(await first).toMatchObject({ generationId: 1, errorCode: 0 });
    expect((await first).members).toHaveLength(2);
    expect(await second).toMatchObject({ generationId: 1 });
  });

  test("when the leader leaves, the member that has been there longest leads", async () => {
    const group = newGroup();
    const [first, second, third] = (await settled(group, 3)) as [JoinAnswer, JoinAnswer, JoinAnswer];
    expect(await group.leave([{ memberId: first.memberId, instanceId: null }])).toEqual([0]);
    const [two, three] = await Promise.all([
      group.join(joining({ memberId: second.memberId })),
      group.join(joining({ memberId: third.memberId })),
    ]);
    expect([two.leader, three.leader]).toEqual([second.memberId, second.memberId]);
    expect(two.members.map(({ memberId }) => memberId)).toEqual([second.memberId, third.memberId]);
    expect(three.members).toEqual([]);
  });
});

describe("static members (KIP-345)", () => {
  const named = (name: string, wanted: Partial<JoinRequest> = {}) => joining({ instanceId: name, ...wanted });

  async function pair(group: ConsumerGroup): Promise<[JoinAnswer, JoinAnswer]> {
    const alone = await group.join(named("a"));
    const second = group.join(named("b"));
    const first = await group.join(named("a", { memberId: alone.memberId }));
    const answers = [first, await second] as [JoinAnswer, JoinAnswer];
    await Promise.all(
      answers.map((one, i) =>
        group.sync(syncing(one, { [answers[0].memberId]: "for a", [answers[1].memberId]: "for b" }, i === 0 ? "a" : "b")),
      ),
    );
    return answers;
  }

  test("one that comes back without an id keeps its place without a rebalance; the old id is fenced", async () => {
    const group = newGroup();
    const [first, second] = await pair(group);
    const back = await group.join(named("b"));
    expect(back).toMatchObject({ errorCode: 0, generationId: 2, leader: first.memberId, members: [] });
    expect(back.memberId).not.toBe(second.memberId);
    expect(group.state).toBe("Stable");
    expect((await group.sync(syncing(back, {}, "b"))).assignment.toString()).toBe("for b");
    expect(beat(group, second.memberId, 2, "b")).toBe("FENCED_INSTANCE_ID");
    expect(errorName(group.checkCommit({ memberId: second.memberId, instanceId: "b" }, 2))).toBe("FENCED_INSTANCE_ID");
    expect(errorName((await group.join(named("b", { memberId: second.memberId }))).errorCode)).toBe("FENCED_INSTANCE_ID");
    expect(errorName((await group.sync(syncing(second, {}, "b"))).errorCode)).toBe("FENCED_INSTANCE_ID");
    expect((await group.leave([{ memberId: second.memberId, instanceId: "b" }])).map(errorName)).toEqual(["FENCED_INSTANCE_ID"]);
    expect(beat(group, first.memberId, 2, "a")).toBe("NONE");
    expect(saved.at(-1)?.members.map(({ id }) => id)).toEqual([first.memberId, back.memberId]);
  });

  test("a leader that comes back leads on, and is told nothing that would make it assign", async () => {
    const group = newGroup();
    const [first] = await pair(group);
    const back = await group.join(named("a"));
    expect(back).toMatchObject({ errorCode: 0, leader: first.memberId, members: [] });
    void group.join(named("a", { memberId: back.memberId }));
    expect(group.state).toBe("PreparingRebalance");
  });

  test("one that comes back with another protocol to choose sets off a rebalance", async () => {
    const group = newGroup();
    const [first] = await pair(group);
    const other = [{ name: "sticky", metadata: subscription("t") }];
    expect(errorName((await group.join(named("b", { protocols: other }))).errorCode)).toBe("INCONSISTENT_GROUP_PROTOCOL");
    expect(beat(group, first.memberId, 2, "a")).toBe("NONE");
  });

  test("one that is late in a rebalance stays until its session ends", async () => {
    const group = newGroup();
    const [first] = await pair(group);
    const leading = group.join(named("a", { memberId: first.memberId, rebalanceTimeoutMs: 5000 }));
    expect(group.state).toBe("PreparingRebalance");
    await passing(10_000);
    const answer = await leading;
    expect(answer.errorCode).toBe(0);
    expect(group.members.map(({ instanceId }) => instanceId)).toEqual(["a"]);
  });

  test("an administrator takes one out by its name", async () => {
    const group = newGroup();
    await pair(group);
    const errors = await group.leave([
      { memberId: "", instanceId: "b" },
      { memberId: "", instanceId: "nobody" },
      { memberId: "", instanceId: null },
    ]);
    expect(errors.map(errorName)).toEqual(["NONE", "UNKNOWN_MEMBER_ID", "UNKNOWN_MEMBER_ID"]);
    expect(group.state).toBe("PreparingRebalance");
  });
});

describe("what is kept", () => {
  test("a settled group goes on after a restart: members, generation, assignments; whoever is silent then is out", async () => {
    const group = newGroup();
    const [first, second] = (await settled(group, 2)) as [JoinAnswer, JoinAnswer];
    const kept = JSON.parse(JSON.stringify(saved.at(-1))) as StoredGroup;
    group.close();
    expect(beat(group, first.memberId, 2)).toBe("COORDINATOR_NOT_AVAILABLE");
    const restored = ConsumerGroup.restore(kept, { initialRebalanceDelayMs: 0, groupMaxSize: 9, save: async () => {}, nowMs: Date.now });
    open.push(restored);
    expect(restored).toMatchObject({ state: "Stable", protocolType: "consumer", protocolName: "range" });
    expect(restored.subscribed).toEqual(new Set(["t"]));
    expect(beat(restored, first.memberId, 2)).toBe("NONE");
    expect((await restored.sync(syncing(second))).assignment.toString()).toBe("a1");
    await passing(6000);
    expect(beat(restored, first.memberId, 2)).toBe("NONE");
    await passing(6000);
    expect(beat(restored, second.memberId, 2)).toBe("UNKNOWN_MEMBER_ID");
    expect(beat(restored, first.memberId, 2)).toBe("REBALANCE_IN_PROGRESS");
  });

  test("the last one that leaves is answered when it is kept that nobody is left", async () => {
    let keep = (): void => {};
    const group = newGroup({
      save: (stored) => (stored.members.length > 0 ? Promise.resolve() : new Promise<void>((resolve) => (keep = resolve))),
    });
    const [first] = (await settled(group, 1)) as [JoinAnswer];
    const left = group.leave([{ memberId: first.memberId, instanceId: null }]);
    expect(await now(left)).toBe("waits");
    keep();
    expect(await left).toEqual([0]);
  });

  test("an assignment that cannot be kept is given to nobody", async () => {
    const group = newGroup({ save: () => Promise.reject(new Error("disk full")) });
    const first = await group.join(joining());
    expect(errorName((await group.sync(syncing(first, { [first.memberId]: "x" }))).errorCode)).toBe("COORDINATOR_NOT_AVAILABLE");
    expect(group.state).toBe("PreparingRebalance");
  });

  test("an assignment that is kept when the next rebalance has begun is given to nobody", async () => {
    let keep = (): void => {};
    const group = newGroup({ save: () => new Promise<void>((resolve) => (keep = resolve)) });
    const first = await group.join(joining());
    const synced = group.sync(syncing(first, { [first.memberId]: "x" }));
    void group.join(joining());
    keep();
    expect(errorName((await synced).errorCode)).toBe("REBALANCE_IN_PROGRESS");
    expect(group.state).toBe("PreparingRebalance");
  });
});

describe("any order of events", () => {
  interface Client {
    memberId: string;
    generationId: number;
    owned: string;
    join: Promise<void> | undefined;
  }

  test.each(Array.from({ length: 20 }, (_, seed) => seed))("each generation gives each partition to one member (seed %d)", async (seed) => {
    const random = createRandom(seed);
    const group = newGroup();
    const clients: Client[] = [];
    const owners = new Map<string, string>();
    const settle = async (client: Client, answer: JoinAnswer): Promise<void> => {
      if (answer.errorCode !== 0) {
        if (errorName(answer.errorCode) === "MEMBER_ID_REQUIRED") client.memberId = answer.memberId;
        else if (errorName(answer.errorCode) === "UNKNOWN_MEMBER_ID") client.memberId = "";
        return;
      }
      client.memberId = answer.memberId;
      const ids = answer.members.map(({ memberId }) => memberId);
      const plan = Object.fromEntries(ids.map((id, i) => [id, `${i}`]));
      if (random.below(10) === 0) return;
      const synced: SyncAnswer = await group.sync(syncing(answer, plan));
      if (synced.errorCode !== 0) return;
      client.generationId = answer.generationId;
      client.owned = synced.assignment.toString();
      const key = `${answer.generationId}/${client.owned}`;
      expect(owners.get(key) ?? answer.memberId, `seed ${seed}: partition ${key}`).toBe(answer.memberId);
      owners.set(key, answer.memberId);
    };
    const join = (client: Client): void => {
      if (client.join) return;
      const wanted = { memberId: client.memberId, mustKnowId: random.below(2) === 0, rebalanceTimeoutMs: 4000 };
      const protocols = [{ name: "range", metadata: subscription(`t${random.below(3)}`) }];
      client.join = group
        .join(joining({ ...wanted, protocols }))
        .then((answer) => settle(client, answer))
        .finally(() => (client.join = undefined));
    };
    for (let step = 0; step < 120; step++) {
      const client = clients[random.below(Math.max(1, clients.length))];
      const choice = random.below(10);
      if (!client || (choice === 0 && clients.length < 6)) {
        clients.push({ memberId: "", generationId: -1, owned: "", join: undefined });
        join(clients.at(-1) as Client);
      } else if (choice < 3) join(client);
      else if (choice === 3 && client.memberId !== "") await group.leave([{ memberId: client.memberId, instanceId: null }]);
      else if (choice === 4) await passing(random.below(12_000));
      else {
        for (const one of clients) {
          if (one.memberId === "" || one.join) continue;
          const error = beat(group, one.memberId, one.generationId);
          if (error === "UNKNOWN_MEMBER_ID") one.memberId = "";
          if (error !== "NONE") join(one);
        }
      }
      await passing(random.below(300));
    }
    await passing(400_000);
    for (const one of clients) expect(one.join, `seed ${seed}: somebody still waits`).toBeUndefined();
    expect(group.members, `seed ${seed}`).toEqual([]);
    expect(group.state, `seed ${seed}`).toBe("Empty");
  });
});
