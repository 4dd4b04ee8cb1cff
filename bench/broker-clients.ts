import { randomUUID } from "node:crypto";
import { execFile, spawn } from "node:child_process";
import { open, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { systemClock } from "../src/base/clock.ts";
import { StreamlabError } from "../src/base/errors.ts";
import { createRecordArrays, readRecords } from "../src/kafka-protocol/record-iteration.ts";
import type { KafkaClient } from "../src/kafka/connect-kafka.ts";
import { createKafkaJs } from "../src/kafka/kafkajs-adapter.ts";
import type { KafkaRecord } from "../src/kafka/producer.ts";
import { PartitionReader } from "../src/kafka/reader/partition-reader.ts";
import { Cluster } from "../src/kafka/wire/cluster.ts";
import { createRawClient } from "./broker-raw.ts";

/** What a client is measured with. */
export interface ClientSetting {
  readonly client: KafkaClient;
  readonly brokers: readonly string[];
  readonly folder: string;
  /** Sent again and again until there are enough. */
  readonly records: readonly KafkaRecord[];
  readonly partitions: number;
  readonly signal: AbortSignal;
}

/** Moves that many messages into, or out of, a topic. What it has to prepare it does before the promise's work begins to count. */
export type Move = (topic: string, messages: number) => Promise<{ run(): Promise<void>; close(): Promise<void> }>;

/** A client by the name that the table shows. */
export interface MeasuredClient {
  readonly name: string;
  /** Slow clients move fewer messages: their share of the number asked for. */
  readonly share: number;
  readonly produce: Move;
  readonly consume: Move;
}

const SENDS_UNDER_WAY = 4;
const SEND_RECORDS = 1000;
/** kafkajs sorts the messages of a call in a time that grows with the square of their number. */
const KAFKAJS_RECORDS = 500;

/** The broker with next to no client; our producer and reader; kafkajs; kcat where this machine has it. */
export async function measuredClients(setting: ClientSetting): Promise<MeasuredClient[]> {
  return [rawClient(setting), ownClient(setting), kafkajsClient(setting), ...((await hasKcat()) ? [kcatClient(setting)] : [])];
}

/** Cuts what is to be sent into calls, so many of them under way at a time. */
export async function sendAll(
  records: readonly KafkaRecord[],
  messages: number,
  callRecords: number,
  atATime: number,
  signal: AbortSignal,
  send: (records: readonly KafkaRecord[]) => Promise<unknown>,
): Promise<void> {
  const underWay = new Set<Promise<unknown>>();
  for (let sent = 0; sent < messages;) {
    signal.throwIfAborted();
    const from = sent % records.length;
    const call = records.slice(from, from + Math.min(callRecords, messages - sent));
    sent += call.length;
    const sending = send(call).finally(() => underWay.delete(sending));
    underWay.add(sending);
    if (underWay.size >= atATime) await Promise.race(underWay);
  }
  await Promise.all(underWay);
}

function rawClient({ brokers, records, partitions }: ClientSetting): MeasuredClient {
  const move = (work: (raw: Awaited<ReturnType<typeof createRawClient>>, topic: string, messages: number) => Promise<void>): Move => {
    return async (topic, messages) => {
      const raw = await createRawClient(brokers);
      return { run: () => work(raw, topic, messages), close: async () => raw.close() };
    };
  };
  return {
    name: "broker alone",
    share: 1,
    produce: move((raw, topic, messages) => raw.produce(topic, partitions, records.slice(0, SEND_RECORDS), messages)),
    consume: move((raw, topic, messages) => raw.fetch(topic, partitions, messages)),
  };
}

function ownClient({ client, brokers, records, partitions, signal }: ClientSetting): MeasuredClient {
  return {
    name: "streamlab",
    share: 1,
    produce: async (topic, messages) => {
      const producer = await client.producer();
      return {
        run: () => sendAll(records, messages, SEND_RECORDS, SENDS_UNDER_WAY, signal, (call) => producer.send(topic, call)),
        close: () => producer.close(),
      };
    },
    consume: async (topic, messages) => {
      const cluster = new Cluster({ brokers }, systemClock);
      const reader = new PartitionReader({ cluster, clock: systemClock });
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const arrays = createRecordArrays();
      return {
        run: async () => {
          for (const partition of all) reader.seek(topic, partition, 0);
          for (let count = 0; count < messages;) {
            await reader.wait(() => all.some((partition) => reader.peek(topic, partition) !== undefined), [], signal);
            for (const partition of all) {
              for (let fetched = reader.peek(topic, partition); fetched; fetched = reader.peek(topic, partition)) {
                for (const [start, stop] of fetched.parts)
                  for (const run of readRecords(fetched.bytes, start, stop, { fromOffset: fetched.from }, arrays))
                    count += run.arrays.count;
                reader.shift(topic, partition);
              }
            }
          }
        },
        close: async () => {
          reader.close();
          await cluster.close();
        },
      };
    },
  };
}

function kafkajsClient({ brokers, records, signal }: ClientSetting): MeasuredClient {
  return {
    name: "kafkajs",
    share: 0.3,
    produce: async (topic, messages) => {
      const producer = createKafkaJs({ brokers }).producer({ allowAutoTopicCreation: false });
      await producer.connect();
      return {
        run: () =>
          sendAll(records, messages, KAFKAJS_RECORDS, SENDS_UNDER_WAY, signal, (call) =>
            producer.send({ topic, acks: -1, messages: call.map(({ key, value }) => ({ key: key as string, value: value as string })) }),
          ),
        close: () => producer.disconnect(),
      };
    },
    consume: async (topic, messages) => {
      const consumer = createKafkaJs({ brokers }).consumer({ groupId: `bench-${randomUUID()}`, allowAutoTopicCreation: false });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      return {
        run: () =>
          new Promise<void>((resolve, reject) => {
            let count = 0;
            signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
            const eachBatch = ({ batch }: { batch: { messages: readonly unknown[] } }): Promise<void> => {
              count += batch.messages.length;
              if (count >= messages) resolve();
              return Promise.resolve();
            };
            consumer.run({ eachBatch, eachBatchAutoResolve: true }).catch(reject);
          }),
        close: () => consumer.disconnect(),
      };
    },
  };
}

async function hasKcat(): Promise<boolean> {
  return promisify(execFile)("kcat", ["-V"]).then(
    () => true,
    () => false,
  );
}

/** kcat in a process of its own for each topic; its start counts. It reads its messages from a file, one a line. */
function kcatClient({ brokers, folder, records, signal }: ClientSetting): MeasuredClient {
  const file = path.join(folder, "kcat-input.txt");
  const start = ["-b", brokers.join(","), "-q"];
  return {
    name: "kcat",
    share: 1,
    produce: async (topic, messages) => {
      const lines = records.map(({ key, value }) => `${String(key)}\t${String(value)}\n`);
      await writeFile(file, Array.from({ length: messages }, (_, i) => lines[i % lines.length]).join(""));
      return {
        run: () => kcat([...start, "-P", "-t", topic, "-K", "\\t", "-X", "acks=all", "-X", "linger.ms=5", "-l", file], signal),
        close: () => rm(file, { force: true }),
      };
    },
    consume: (topic, messages) =>
      Promise.resolve({
        run: () => kcat([...start, "-C", "-t", topic, "-o", "beginning", "-c", String(messages)], signal),
        close: () => Promise.resolve(),
      }),
  };
}

async function kcat(args: readonly string[], signal: AbortSignal): Promise<void> {
  const nowhere = await open("/dev/null", "w");
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn("kcat", args, { stdio: ["ignore", nowhere.fd, "pipe"], signal });
      let stderr = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-2000)));
      child.once("error", reject);
      child.once("exit", (code) => {
        if (code === 0) return resolve();
        const found = stderr.trim().split("\n").at(-1) || `exit ${code}`;
        reject(new StreamlabError("KCAT_FAILED", { failed: "Cannot measure kcat", found, remedy: "Try the same with kcat by hand." }));
      });
    });
  } finally {
    await nowhere.close();
  }
}
