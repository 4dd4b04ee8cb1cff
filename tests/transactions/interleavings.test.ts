import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBroker } from "../../src/broker/broker.ts";
import { connectForRequests, type RequestConnection } from "../../src/kafka-protocol/request-connection.ts";
import {
  addOffsets,
  addPartitions,
  commitOffset,
  committedOffset,
  createTopic,
  endOffset,
  endTransaction,
  initialized,
  NO_PRODUCER,
  produce,
  readAll,
  type Producer,
} from "./transaction-client.ts";

let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), "transactions-interleaved-"));
});
afterAll(() => fs.rm(folder, { recursive: true, force: true }));

type Action = "plain" | "write" | "offset" | "commit" | "abort" | "initialize" | "restart";
interface Step {
  readonly who: number;
  readonly action: Action;
  readonly partition: number;
  readonly count: number;
}

/** A value in the log of a partition and what became of it. */
interface Written {
  readonly value: string;
  readonly offset: number;
  readonly who: number;
  outcome: "plain" | "open" | "commit" | "abort";
}

/** A transactional id as its owner knows it. */
interface Owner {
  producer: Producer | undefined;
  readonly sequences: number[];
  isOpen: boolean;
  pending: number | undefined;
}

const PARTITIONS = 2;

/** What read_committed must see, by the definition: what was committed or plain, in order, before the first record that is still open. */
function visible(log: readonly Written[]): string[] {
  const firstOpen = log.findIndex((one) => one.outcome === "open");
  const decided = firstOpen < 0 ? log : log.slice(0, firstOpen);
  return decided.filter((one) => one.outcome !== "abort").map((one) => one.value);
}

/** The broker under test, one topic of its own a run, and the model. */
class Run {
  readonly topic: string;
  readonly logs: Written[][] = Array.from({ length: PARTITIONS }, () => []);
  readonly owners: Owner[] = [0, 1, 2].map(() => ({
    producer: undefined,
    sequences: Array.from({ length: PARTITIONS }, () => 0),
    isOpen: false,
    pending: undefined,
  }));
  committed = -1;
  #next = 0;

  constructor(topic: string) {
    this.topic = topic;
  }

  idOf(who: number): string {
    return `${this.topic}-${who}`;
  }

  #end(who: number, outcome: "commit" | "abort"): void {
    for (const log of this.logs) for (const one of log) if (one.who === who && one.outcome === "open") one.outcome = outcome;
    const owner = this.owners[who] as Owner;
    if (outcome === "commit" && owner.pending !== undefined) this.committed = owner.pending;
    owner.isOpen = false;
    owner.pending = undefined;
  }

  async take(client: RequestConnection, { who, action, partition, count }: Step): Promise<void> {
    const { topic } = this;
    const values = Array.from({ length: count }, () => `${topic}:${this.#next++}`);
    const log = this.logs[partition] as Written[];
    if (action === "plain") {
      const { baseOffset } = await produce(client, { topic, partition, transactionalId: null }, NO_PRODUCER, -1, values);
      values.forEach((value, i) => log.push({ value, offset: baseOffset + i, who: -1, outcome: "plain" }));
      return;
    }
    const owner = this.owners[who] as Owner;
    const id = this.idOf(who);
    if (action === "initialize" || owner.producer === undefined) {
      owner.producer = await initialized(client, id);
      owner.sequences.fill(0);
      this.#end(who, "abort");
      if (action === "initialize") return;
    }
    const { producer } = owner;
    if (action === "write") {
      expect(await addPartitions(client, id, producer, topic, [partition])).toEqual(["NONE"]);
      const sequence = owner.sequences[partition] as number;
      const answer = await produce(client, { topic, partition, transactionalId: id }, producer, sequence, values);
      expect(answer.error).toBe("NONE");
      owner.sequences[partition] = sequence + count;
      owner.isOpen = true;
      values.forEach((value, i) => log.push({ value, offset: answer.baseOffset + i, who, outcome: "open" }));
    } else if (action === "offset") {
      if (this.owners.some((other) => other !== owner && other.pending !== undefined)) return;
      expect(await addOffsets(client, id, producer, `g-${topic}`)).toBe("NONE");
      expect(await commitOffset(client, id, producer, `g-${topic}`, topic, count)).toBe("NONE");
      owner.isOpen = true;
      owner.pending = count;
    } else if (owner.isOpen) {
      expect(await endTransaction(client, id, producer, action === "commit")).toBe("NONE");
      this.#end(who, action === "commit" ? "commit" : "abort");
    }
  }

  async check(client: RequestConnection, maxBytes: number): Promise<void> {
    for (const [partition, log] of this.logs.entries()) {
      expect(await readAll(client, this.topic, { isCommitted: true, partition, maxBytes })).toEqual(visible(log));
      expect(await readAll(client, this.topic, { isCommitted: false, partition, maxBytes })).toEqual(log.map((one) => one.value));
      const firstOpen = log.find((one) => one.outcome === "open");
      const end = await endOffset(client, this.topic, false, partition);
      expect(await endOffset(client, this.topic, true, partition)).toBe(firstOpen?.offset ?? end);
    }
    const isPending = this.owners.some(({ pending }) => pending !== undefined);
    expect(await committedOffset(client, `g-${this.topic}`, this.topic, true)).toBe(isPending ? "UNSTABLE_OFFSET_COMMIT" : this.committed);
    expect(await committedOffset(client, `g-${this.topic}`, this.topic, false)).toBe(this.committed);
  }
}

test("whatever transactional and plain producers do, readers see what the definition of read_committed says", async () => {
  let broker = await startBroker({ dataDir: folder });
  let client = await connectForRequests({ host: "127.0.0.1", port: broker.port });
  let runs = 0;
  const actions: Action[] = ["plain", "write", "write", "write", "offset", "commit", "abort", "initialize"];
  const step = fc.record<Step>({
    who: fc.integer({ min: 0, max: 2 }),
    action: fc.oneof({ arbitrary: fc.constantFrom(...actions), weight: 40 }, { arbitrary: fc.constant<Action>("restart"), weight: 1 }),
    partition: fc.integer({ min: 0, max: PARTITIONS - 1 }),
    count: fc.integer({ min: 1, max: 4 }),
  });
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 45 }), fc.constantFrom(1, 300, 1_000_000), async (steps, maxBytes) => {
        const run = new Run(`run-${runs++}`);
        await createTopic(client, run.topic, PARTITIONS, { "internal.segment.bytes": "600" });
        for (const one of steps) {
          if (one.action !== "restart") {
            await run.take(client, one);
            continue;
          }
          client.close();
          await broker.close();
          broker = await startBroker({ dataDir: folder });
          client = await connectForRequests({ host: "127.0.0.1", port: broker.port });
        }
        await run.check(client, maxBytes);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  } finally {
    client.close();
    await broker.close();
  }
});
