import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { errorName } from "../../kafka-protocol/error-codes.ts";
import { defaultTopicSettings } from "../configs/topic-settings.ts";
import { PartitionLog } from "../log/partition-log.ts";
import { TransactionCoordinator, type TransactionCoordinatorOptions } from "./transaction-coordinator.ts";

const HOUR_MS = 3_600_000;
let folder: string;
let log: PartitionLog;
let coordinator: TransactionCoordinator;
let nowMs: number;
let failures: string[];
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "transaction-coordinator-"));
  log = await PartitionLog.open({ folder: path.join(folder, "t-0"), settings: () => defaultTopicSettings, sync: false });
  nowMs = 1_000_000;
  failures = [];
  coordinator = await open();
});
afterEach(async () => {
  await coordinator.close();
  await log.close();
  await fs.rm(folder, { recursive: true, force: true });
});

let nextProducerId = 0;
const open = (options: Partial<TransactionCoordinatorOptions> = {}): Promise<TransactionCoordinator> =>
  TransactionCoordinator.open({
    folder,
    sync: false,
    maxTransactionTimeoutMs: 900_000,
    transactionalIdExpirationMs: 24 * HOUR_MS,
    nowMs: () => nowMs,
    nextProducerId: () => Promise.resolve(nextProducerId++),
    partition: (topic) => (topic === "t" ? log : undefined),
    endOffsets: () => Promise.resolve(),
    onFailure: (id) => failures.push(id),
    ...options,
  });

const PARTITION = { topic: "t", partition: 0 };

async function begun(id: string, timeoutMs: number = 60_000) {
  const producer = await coordinator.initProducer(id, timeoutMs);
  expect(errorName(await coordinator.addPartitions(id, producer, [PARTITION]))).toBe("NONE");
  return producer;
}

test("transactional ids that nobody has used are forgotten after their time, open transactions never", async () => {
  await begun("open", 900_000);
  const producer = await begun("done");
  await coordinator.end("done", producer, true);
  await coordinator.initProducer("unused", 60_000);
  nowMs += 24 * HOUR_MS - 1;
  await coordinator.initProducer("late", 60_000);
  await coordinator.tend();
  expect([...coordinator.list()].map(({ id, state }) => [id, state])).toEqual([
    ["open", "CompleteAbort"],
    ["done", "CompleteCommit"],
    ["unused", "Empty"],
    ["late", "Empty"],
  ]);
  nowMs += 1;
  await coordinator.tend();
  expect([...coordinator.list()].map(({ id }) => id)).toEqual(["open", "late"]);
  expect(errorName(await coordinator.end("done", producer, true))).toBe("INVALID_PRODUCER_ID_MAPPING");
  await coordinator.close();
  coordinator = await open();
  expect([...coordinator.list()].map(({ id }) => id)).toEqual(["open", "late"]);
});

test("a transaction is aborted when its time is over, not before, restarted or not; the time counts from its first partition", async () => {
  const producer = await coordinator.initProducer("t", 500);
  nowMs += 400;
  await coordinator.addPartitions("t", producer, [PARTITION]);
  nowMs += 500;
  await coordinator.close();
  coordinator = await open();
  await coordinator.tend();
  expect(coordinator.get("t")?.state).toBe("Ongoing");
  nowMs += 1;
  await coordinator.tend();
  expect(coordinator.get("t")).toMatchObject({ state: "CompleteAbort", producerEpoch: producer.producerEpoch + 1 });
});

test("what cannot be completed stays decided, is told, and is completed when it can be: later, or at the next start", async () => {
  let isBroken = true;
  const endOffsets = (): Promise<void> => (isBroken ? Promise.reject(new Error("no space")) : Promise.resolve());
  for (const isRestarted of [false, true]) {
    isBroken = true;
    await coordinator.close();
    coordinator = await open({ endOffsets });
    const id = `t-${isRestarted}`;
    const producer = await begun(id);
    await coordinator.addOffsets(id, producer, "g");
    expect(errorName(await coordinator.end(id, producer, true))).toBe("NONE");
    expect(failures).toContain(id);
    expect(coordinator.get(id)?.state).toBe("PrepareCommit");
    expect(errorName(await coordinator.end(id, producer, true))).toBe("CONCURRENT_TRANSACTIONS");
    expect(errorName(await coordinator.end(id, producer, false))).toBe("INVALID_TXN_STATE");
    expect(errorName((await coordinator.initProducer(id, 60_000)).errorCode)).toBe("CONCURRENT_TRANSACTIONS");
    expect(errorName(await coordinator.addPartitions(id, producer, [PARTITION]))).toBe("CONCURRENT_TRANSACTIONS");
    const end = log.endOffset;
    await coordinator.tend();
    expect(log.endOffset, "a marker was written twice").toBe(end);
    isBroken = false;
    if (isRestarted) {
      await coordinator.close();
      coordinator = await open({ endOffsets });
    } else await coordinator.tend();
    expect(coordinator.get(id)?.state).toBe("CompleteCommit");
  }
});

test("requests for one transactional id that come at once are answered one after the other", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => coordinator.initProducer("t", 60_000)));
  expect(answers.map(({ producerEpoch }) => producerEpoch)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  const producer = answers.at(-1) as (typeof answers)[number];
  await coordinator.addPartitions("t", producer, [PARTITION]);
  const ends = await Promise.all([true, true, false].map((committed) => coordinator.end("t", producer, committed)));
  expect(ends.map(errorName)).toEqual(["NONE", "CONCURRENT_TRANSACTIONS", "INVALID_TXN_STATE"]);
  expect(log.endOffset).toBe(1);
});

test("a request that cannot be written down is refused with an error that clients try again", async () => {
  await coordinator.close();
  let isBroken = true;
  const produceId = (): Promise<number> => (isBroken ? Promise.reject(new Error("no space")) : Promise.resolve(7));
  coordinator = await open({ nextProducerId: produceId });
  expect(errorName((await coordinator.initProducer("t", 60_000)).errorCode)).toBe("NOT_COORDINATOR");
  expect(failures).toEqual(["t"]);
  isBroken = false;
  expect(await coordinator.initProducer("t", 60_000)).toMatchObject({ errorCode: 0, producerId: 7, producerEpoch: 0 });
});
