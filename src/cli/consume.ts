import type { Command } from "commander";
import { systemClock } from "../base/clock.ts";
import type { Block, RecordBlock } from "../engine/sources/source.ts";
import { kafkaFormat } from "../kafka/source.ts";
import type { ReceivedRecord } from "../kafka/consumer.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import { wholeNumber } from "./backend-options.ts";
import { Interrupted } from "./failure.ts";
import { listenForInterruption } from "./interrupt.ts";
import { brokersOf, property, shown, withClient, withKafka, type KafkaFlags } from "./kafka-address.ts";

interface ConsumeFlags extends KafkaFlags {
  readonly topic?: string;
  readonly fromBeginning?: boolean;
  readonly partition?: number;
  readonly offset?: string;
  readonly maxMessages?: number;
  readonly timeoutMs?: number;
  readonly group?: string;
  readonly property?: Readonly<Record<string, string>>;
  readonly json?: boolean;
}

/** `streamlab consume`: what a topic holds, as kafka-console-consumer.sh shows it (labs.md B8, D7, E4). */
export function addConsume(program: Command): void {
  const command = withKafka(program.command("consume"))
    .description("print the messages of a topic, from now on or from the beginning")
    .option("--topic <name>", "which")
    .option("--from-beginning", "everything that is there (else only what comes)")
    .option("--partition <n>", "only this partition", wholeNumber(0))
    .option("--offset <where>", "earliest, latest or an offset; with --partition")
    .option("--max-messages <n>", "end after so many", wholeNumber(1))
    .option("--timeout-ms <ms>", "end when nothing has come for so long", wholeNumber(1))
    .option("--group <id>", "as a member of a consumer group, which shares the partitions and remembers its offsets")
    .option(
      "--property <name=value>",
      "print.key=true, print.partition, print.offset, print.timestamp, print.value, key.separator=:",
      property,
    )
    .option("--json", "one JSON object per message")
    .addHelpText("after", "\nExample:\n  streamlab consume --topic sensor-data --from-beginning --max-messages 5");
  command.action(async (flags: ConsumeFlags) => {
    if (flags.topic === undefined) return command.help();
    await consume(flags, flags.topic);
  });
}

async function consume(flags: ConsumeFlags, topic: string): Promise<void> {
  const interruption = listenForInterruption();
  const stopping = new AbortController();
  const signal = AbortSignal.any([interruption.signal, stopping.signal]);
  const format = recordFormat(flags);
  let count = 0;
  let idle: NodeJS.Timeout | undefined;
  const restartIdle = (): void => {
    clearTimeout(idle);
    if (flags.timeoutMs !== undefined) idle = setTimeout(() => stopping.abort(), flags.timeoutMs);
  };
  const onRecords = async (records: readonly ReceivedRecord[]): Promise<void> => {
    const wanted = records.slice(0, (flags.maxMessages ?? Infinity) - count);
    count += wanted.length;
    restartIdle();
    if (wanted.length > 0) await write(wanted.map(format).join(""));
    if (count >= (flags.maxMessages ?? Infinity)) stopping.abort();
  };
  restartIdle();
  try {
    await (flags.group === undefined
      ? readAlone(flags, topic, signal, onRecords)
      : readInGroup(flags, topic, flags.group, signal, onRecords));
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    clearTimeout(idle);
    interruption.release();
  }
  process.stderr.write(`Processed a total of ${count} messages\n`);
  if (interruption.signal.aborted) throw new Interrupted("interrupted");
}

type OnRecords = (records: readonly ReceivedRecord[]) => Promise<void>;

/** Without a group: our own reader, no offsets kept anywhere. */
async function readAlone(flags: ConsumeFlags, topic: string, signal: AbortSignal, onRecords: OnRecords): Promise<void> {
  const brokers = (await brokersOf(flags)).join(",");
  const what = flags.partition === undefined ? { subscribe: topic } : { assign: JSON.stringify({ [topic]: [flags.partition] }) };
  const options = { brokers, ...what, startingOffsets: startingOffsets(flags, topic), failOnDataLoss: "false", groupId: "" };
  const source = await kafkaFormat.openSource?.({ options, clock: systemClock });
  if (!source) return;
  try {
    let from = await source.initial(signal);
    while (!signal.aborted) {
      await source.changed(from, signal);
      const to = await source.latest(from, signal);
      for await (const block of source.read(from, to, signal)) {
        await onRecords(recordsOf(block));
        if (signal.aborted) break;
      }
      from = to;
    }
  } finally {
    await source.close();
  }
}

function startingOffsets(flags: ConsumeFlags, topic: string): string {
  const { offset, partition, fromBeginning } = flags;
  if (offset === undefined) return fromBeginning ? "earliest" : "latest";
  if (offset === "earliest" || offset === "latest") return offset;
  if (partition !== undefined && /^\d+$/.test(offset)) return JSON.stringify({ [topic]: { [partition]: Number(offset) } });
  throw new KafkaError("KAFKA_OPTION", {
    failed: "Cannot tell where to start",
    found: `--offset ${offset}${partition === undefined ? " without --partition" : ""}`,
    remedy: "Pass earliest, latest, or a number together with --partition.",
  });
}

async function readInGroup(flags: ConsumeFlags, topic: string, groupId: string, signal: AbortSignal, onRecords: OnRecords): Promise<void> {
  await withClient(flags, async (client) => {
    const consumer = await client.consumer({ groupId, topics: [topic], fromBeginning: flags.fromBeginning ?? false });
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
      consumer.run(onRecords, reject).catch(reject);
    });
  });
}

function recordsOf(block: Block): ReceivedRecord[] {
  if (block.kind !== "records") return [];
  return Array.from({ length: block.count }, (_, i) => ({
    topic: block.topic,
    partition: block.partition,
    offset: block.offsets[i] as number,
    timestampMs: block.timestampsMs[i] as number,
    key: bytesAt(block, i * 4),
    value: bytesAt(block, i * 4 + 2),
  }));
}

function bytesAt(block: RecordBlock, slot: number): Buffer | null {
  const start = block.positions[slot] as number;
  return start < 0 ? null : Buffer.from(block.buffer.subarray(start, block.positions[slot + 1]));
}

/** One message as a line: with its place by default, in the console consumer's columns where --property asks for some, or as JSON. */
function recordFormat(flags: ConsumeFlags): (record: ReceivedRecord) => string {
  const visible = process.stdout.isTTY ? shown : (text: string) => text;
  const text = (bytes: Buffer | null): string => visible(bytes === null ? "null" : bytes.toString("utf8"));
  if (flags.json) {
    return ({ topic, partition, offset, timestampMs, key, value }) =>
      `${JSON.stringify({ topic, partition, offset, timestamp: timestampMs, key: key?.toString("utf8") ?? null, value: value?.toString("utf8") ?? null })}\n`;
  }
  const properties = flags.property ?? {};
  if (!Object.keys(properties).some((name) => name.startsWith("print."))) {
    return (record) => `${record.topic}:${record.partition}:${record.offset}: key=${text(record.key)} value=${text(record.value)}\n`;
  }
  const on = (name: string, byDefault: boolean = false): boolean => (properties[`print.${name}`] ?? String(byDefault)) === "true";
  const separator = (properties["key.separator"] ?? "\t").replaceAll("\\t", "\t");
  return (record) => {
    const columns = [];
    if (on("timestamp")) columns.push(`CreateTime:${record.timestampMs}`);
    if (on("partition")) columns.push(`Partition:${record.partition}`);
    if (on("offset")) columns.push(`Offset:${record.offset}`);
    if (on("key")) columns.push(text(record.key));
    if (on("value", true)) columns.push(text(record.value));
    return `${columns.join(separator)}\n`;
  };
}

const write = (text: string): Promise<void> => new Promise((resolve) => process.stdout.write(text, () => resolve()));
