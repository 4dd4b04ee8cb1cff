import { afterEach, describe, expect, test } from "vitest";
import { createRandom } from "../../base/random.ts";
import type { ErrorName } from "../../kafka-protocol/error-codes.ts";
import { createProducer, type KafkaProducer, type KafkaRecord, type ProducerOptions } from "../producer.ts";
import { startScriptedCluster, type ScriptedCluster, type Step } from "./scripted-cluster.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: { readonly nodes?: number; readonly partitions?: number } = {}, producing: ProducerOptions = {}) {
  const cluster = await startScriptedCluster(options);
  closers.push(() => cluster.close());
  const producer = await createProducer({ brokers: [cluster.address] }, producing);
  closers.push(() => producer.close());
  return { cluster, producer };
}

const values = (from: number, count: number, partition = 0): KafkaRecord[] =>
  Array.from({ length: count }, (_, i) => ({ value: String(from + i), partition }));

/** Each step for one batch, in turn, then the last for ever. */
function inTurn(cluster: ScriptedCluster, ...steps: readonly Step[]): void {
  let turn = 0;
  cluster.script = () => steps[Math.min(turn++, steps.length - 1)] as Step;
}

/** Sends 0, 1, 2 … of a partition one record a call, without waiting. */
const sendEach = (producer: KafkaProducer, from: number, until: number, partition = 0) =>
  Array.from({ length: until - from }, (_, i) => producer.send("t", values(from + i, 1, partition)));

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

describe("what can be tried again is, under the same sequence", () => {
  const retried: readonly ErrorName[] = [
    "NOT_LEADER_OR_FOLLOWER",
    "LEADER_NOT_AVAILABLE",
    "NETWORK_EXCEPTION",
    "NOT_ENOUGH_REPLICAS",
    "REQUEST_TIMED_OUT",
    "UNKNOWN_TOPIC_OR_PARTITION",
    "CORRUPT_MESSAGE",
    "KAFKA_STORAGE_ERROR",
    "THROTTLING_QUOTA_EXCEEDED",
  ];
  test.each(retried)("%s", async (error) => {
    const { cluster, producer } = await start();
    inTurn(cluster, error, error, "take");
    expect(await producer.send("t", values(0, 3))).toEqual([{ topic: "t", partition: 0, baseOffset: 0 }]);
    expect(cluster.log[0]).toEqual(numbers(3));
    expect(cluster.attempts.map(({ batch }) => batch.baseSequence)).toEqual([0, 0, 0]);
  });

  test.each([["cut after"], [{ takeAnd: "REQUEST_TIMED_OUT" }], [{ takeAnd: "NOT_ENOUGH_REPLICAS_AFTER_APPEND" }]] as readonly [Step][])(
    "a batch that was stored without a good answer (%j) is not stored twice, and has the offset of its first time",
    async (step) => {
      const { cluster, producer } = await start();
      await producer.send("t", values(0, 2));
      inTurn(cluster, step, "take");
      expect(await producer.send("t", values(2, 3))).toEqual([{ topic: "t", partition: 0, baseOffset: 2 }]);
      expect(cluster.log[0]).toEqual(numbers(5));
    },
  );

  test("DUPLICATE_SEQUENCE_NUMBER is a success", async () => {
    const { cluster, producer } = await start();
    inTurn(cluster, { takeAnd: "REQUEST_TIMED_OUT" }, "DUPLICATE_SEQUENCE_NUMBER");
    expect(await producer.send("t", values(0, 1))).toEqual([{ topic: "t", partition: 0, baseOffset: -1 }]);
    expect(cluster.log[0]).toEqual(["0"]);
  });

  test("the pauses grow", async () => {
    const { cluster, producer } = await start();
    inTurn(cluster, "NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS", "take");
    await producer.send("t", values(0, 1));
    const times = cluster.attempts.map(({ atMs }) => atMs);
    const pauses = times.slice(1).map((atMs, i) => atMs - (times[i] as number));
    [50, 100, 200, 400].forEach((least, i) => expect(pauses[i]).toBeGreaterThan(least - 5));
  });

  test("a leader that has gone to another node is found there", async () => {
    const { cluster, producer } = await start({ nodes: 2, partitions: 2 });
    await Promise.all([producer.send("t", values(0, 1, 0)), producer.send("t", values(0, 1, 1))]);
    cluster.leaders[0] = 1;
    cluster.leaders[1] = 0;
    await Promise.all([...sendEach(producer, 1, 20, 0), ...sendEach(producer, 1, 20, 1)]);
    expect(cluster.log).toEqual([numbers(20), numbers(20)]);
    expect(new Set(cluster.attempts.filter(({ step }) => step === "take").map(({ node }) => node))).toEqual(new Set([0, 1]));
  });

  test("a partition without a leader is waited for", async () => {
    const { cluster, producer } = await start();
    cluster.leaders[0] = -1;
    const sent = producer.send("t", values(0, 1));
    setTimeout(() => (cluster.leaders[0] = 0), 200);
    await sent;
    expect(cluster.log[0]).toEqual(["0"]);
  });

  test("a broker that asks to be left alone for a while is", async () => {
    const { cluster, producer } = await start();
    cluster.throttleMs = 300;
    await producer.send("t", values(0, 1));
    cluster.throttleMs = 0;
    await producer.send("t", values(1, 1));
    const [first, second] = cluster.attempts.map(({ atMs }) => atMs);
    expect((second as number) - (first as number)).toBeGreaterThan(290);
  });
});

describe("order", () => {
  test("five requests are under way to a leader, not more", async () => {
    const { cluster, producer } = await start();
    await producer.send("t", values(0, 1));
    cluster.script = () => "silence";
    for (let i = 1; i < 40; i++) {
      producer.send("t", values(i, 1)).catch(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(() => cluster.attempts.length).toBe(6);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(cluster.attempts.length).toBe(6);
  });

  test.each([
    [1, 1],
    [2, 3],
  ])(
    "any faults, on %d nodes with %d partitions: every message once, in the order of the calls",
    { timeout: 60_000 },
    async (nodes, partitions) => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      const random = createRandom(seed);
      const { cluster, producer } = await start({ nodes, partitions }, { batchBytes: 150 });
      const faults: readonly Step[] = [
        "NOT_LEADER_OR_FOLLOWER",
        "NOT_ENOUGH_REPLICAS",
        "REQUEST_TIMED_OUT",
        "cut before",
        "cut after",
        { takeAnd: "NOT_ENOUGH_REPLICAS_AFTER_APPEND" },
        { takeAnd: "NOT_LEADER_OR_FOLLOWER" },
      ];
      let faultsLeft = 25;
      cluster.script = (partition) => {
        if (faultsLeft === 0 || random.next() > 0.25) return "take";
        faultsLeft--;
        if (random.next() < 0.2) cluster.leaders[partition] = random.below(nodes);
        return random.pick(faults);
      };
      const sends: Promise<unknown>[] = [];
      const perPartition = 400;
      for (let i = 0; i < perPartition; i += 4) {
        for (let partition = 0; partition < partitions; partition++) sends.push(producer.send("t", values(i, 4, partition)));
        if (random.next() < 0.3) await new Promise((resolve) => setTimeout(resolve, random.below(20)));
      }
      await Promise.all(sends);
      for (const log of cluster.log) expect(log, `seed ${seed}`).toEqual(numbers(perPartition));
      expect(faultsLeft, `seed ${seed}`).toBeLessThan(25);
    },
  );

  test("without idempotence no sequence is sent, and a batch that was stored without an answer comes twice", async () => {
    const { cluster, producer } = await start({}, { idempotent: false });
    inTurn(cluster, "cut after", "take");
    await producer.send("t", values(0, 2));
    expect(cluster.log[0]).toEqual(["0", "1", "0", "1"]);
    expect(cluster.attempts.map(({ batch }) => [batch.producerId, batch.producerEpoch, batch.baseSequence])).toEqual([
      [-1, -1, -1],
      [-1, -1, -1],
    ]);
  });
});

describe("a broker that has lost what it knew of the producer (KIP-360)", () => {
  test.each(["OUT_OF_ORDER_SEQUENCE_NUMBER", "UNKNOWN_PRODUCER_ID"] as const)(
    "%s for a batch that surely is not stored: it begins a new epoch, and nothing is lost",
    async (error) => {
      const { cluster, producer } = await start();
      await producer.send("t", values(0, 2));
      inTurn(cluster, error, "take");
      await Promise.all(sendEach(producer, 2, 6));
      expect(cluster.log[0]).toEqual(numbers(6));
      const { batch } = cluster.attempts.at(-1) as ScriptedCluster["attempts"][number];
      expect(batch.producerEpoch).toBe(1);
    },
  );

  test("for a batch that may be stored: it fails and says so, and those behind it are sent", async () => {
    const { cluster, producer } = await start();
    await producer.send("t", values(0, 1));
    inTurn(cluster, { takeAnd: "REQUEST_TIMED_OUT" }, "OUT_OF_ORDER_SEQUENCE_NUMBER", "take");
    await expect(producer.send("t", values(1, 1))).rejects.toMatchObject({
      code: "KAFKA_REQUEST",
      message: expect.stringMatching(
        /Cannot send a message to t-0 \(OUT_OF_ORDER_SEQUENCE_NUMBER after an attempt without an answer/,
      ) as string,
    });
    await producer.send("t", values(2, 1));
    expect(cluster.log[0]).toEqual(numbers(3));
  });

  test("a batch that fails for good leaves no gap for those behind it", async () => {
    const { cluster, producer } = await start({}, { retries: 1 });
    await producer.send("t", values(0, 1));
    inTurn(cluster, "INVALID_RECORD", "take");
    const [failing, ...others] = sendEach(producer, 1, 2).concat(producer.send("t", values(2, 1)));
    await expect(failing).rejects.toThrow(/INVALID_RECORD/);
    await Promise.allSettled(others);
    await producer.send("t", values(3, 1));
    expect(cluster.log[0]?.at(-1)).toBe("3");
  });

  test("a producer whose id another has taken over fails clearly, for good", async () => {
    const { cluster, producer } = await start();
    inTurn(cluster, "INVALID_PRODUCER_EPOCH");
    await expect(producer.send("t", values(0, 1))).rejects.toThrow(/INVALID_PRODUCER_EPOCH: another producer.*open another/);
    await expect(producer.send("t", values(1, 1))).rejects.toThrow(/INVALID_PRODUCER_EPOCH/);
  });
});

describe("sizes", () => {
  test("a batch that the broker does not take goes in halves, in order, each record once", async () => {
    const { cluster, producer } = await start();
    cluster.maxBytes = 200;
    const sent = [producer.send("t", values(0, 100)), producer.send("t", values(100, 50))];
    const appended = await Promise.all(sent);
    expect(cluster.log[0]).toEqual(numbers(150));
    expect(appended[0]?.[0]?.baseOffset).toBe(0);
    expect(cluster.attempts.filter(({ batch }) => batch.producerEpoch !== 0)).toEqual([]);
  });

  test("one message that is too large fails with its size and the setting; the next is sent", async () => {
    const { cluster, producer } = await start();
    cluster.maxBytes = 5000;
    await expect(producer.send("t", [{ value: "x".repeat(6000) }])).rejects.toThrow(
      /Cannot send a message to t-0 \(MESSAGE_TOO_LARGE: the record has 60\d\d bytes, 60\d\d with its batch\).*"max\.message\.bytes"/,
    );
    await producer.send("t", values(0, 1));
    expect(cluster.log[0]).toEqual(["0"]);
  });

  test("a full buffer makes the sender wait, and nothing is lost", async () => {
    const { cluster, producer } = await start({ partitions: 3 }, { bufferBytes: 2000, batchBytes: 300 });
    const sent = Array.from({ length: 5 }, (_, i) => producer.send("t", values(i * 200, 200, 1)));
    await Promise.all(sent);
    expect(cluster.log[1]).toEqual(numbers(1000));
  });
});

describe("giving up", () => {
  test("after so many tries", async () => {
    const { cluster, producer } = await start({}, { retries: 2 });
    inTurn(cluster, "NOT_ENOUGH_REPLICAS");
    await expect(producer.send("t", values(0, 1))).rejects.toMatchObject({
      code: "KAFKA_REQUEST",
      message:
        'Cannot send a message to t-0 (NOT_ENOUGH_REPLICAS). Bring the missing brokers up, or lower "min.insync.replicas" of the topic.',
    });
    expect(cluster.attempts.length).toBe(3);
  });

  test("when the time is over, and it says that the messages may be stored", async () => {
    const { cluster, producer } = await start({}, { deliveryTimeoutMs: 300 });
    inTurn(cluster, { takeAnd: "REQUEST_TIMED_OUT" }, "cut before");
    await expect(producer.send("t", values(0, 1))).rejects.toThrow(/whether the messages are in the log is not known/);
  });

  test("at once where the right is missing", async () => {
    const { cluster, producer } = await start();
    inTurn(cluster, "TOPIC_AUTHORIZATION_FAILED");
    await expect(producer.send("t", values(0, 1))).rejects.toMatchObject({ code: "KAFKA_NOT_ALLOWED" });
    expect(cluster.attempts.length).toBe(1);
  });

  test("when the signal says so", async () => {
    const { cluster, producer } = await start();
    inTurn(cluster, "NOT_ENOUGH_REPLICAS");
    const stopping = new AbortController();
    const sent = producer.send("t", values(0, 1), stopping.signal);
    await expect.poll(() => cluster.attempts.length).toBeGreaterThan(0);
    stopping.abort(new Error("stopped"));
    await expect(sent).rejects.toThrow("stopped");
    cluster.script = () => "take";
  });

  test("close waits for what was sent, and a send after it is refused", async () => {
    const { cluster, producer } = await start();
    inTurn(cluster, "NOT_ENOUGH_REPLICAS", "take");
    const sent = producer.send("t", values(0, 1));
    await producer.close();
    await sent;
    expect(cluster.log[0]).toEqual(["0"]);
    await expect(producer.send("t", values(1, 1))).rejects.toMatchObject({ code: "KAFKA_CLOSED" });
  });

  test("close does not wait for ever", { timeout: 15_000 }, async () => {
    const { cluster, producer } = await start();
    inTurn(cluster, "silence");
    const sent = producer.send("t", values(0, 1));
    sent.catch(() => undefined);
    await producer.close();
    await expect(sent).rejects.toMatchObject({ code: "KAFKA_CLOSED" });
  });

  test("a partition that the topic does not have is named", async () => {
    const { producer } = await start({ partitions: 2 });
    await expect(producer.send("t", values(0, 1, 2))).rejects.toThrow(/partition 2 is asked for, the topic has 2/);
  });
});
