import { Option, type Command } from "commander";
import { codeOf } from "../base/errors.ts";
import { systemClock } from "../base/clock.ts";
import type { Block, RecordBlock } from "../engine/sources/source.ts";
import { withAdminLink } from "../kafka/admin/admin-link.ts";
import { topicPattern } from "../kafka/admin/partition-choice.ts";
import { findTopics } from "../kafka/admin/topic-admin.ts";
import { connectKafka } from "../kafka/connect-kafka.ts";
import { kafkaFormat } from "../kafka/source.ts";
import type { ReceivedRecord } from "../kafka/consumer.ts";
import { KafkaError, unknownTopic } from "../kafka/kafka-error.ts";
import type { KafkaConnection } from "../kafka/kafkajs-adapter.ts";
import { wholeNumber } from "./backend-options.ts";
import { Interrupted } from "./failure.ts";
import { listenForInterruption } from "./interrupt.ts";
import { connectionOf, property, withKafka, type KafkaFlags } from "./kafka-address.ts";
import { recordFormat } from "./record-lines.ts";
import { sourceOptions } from "./source-connection.ts";

interface ConsumeFlags extends KafkaFlags {
  readonly topic?: string;
  readonly include?: string;
  readonly fromBeginning?: boolean;
  readonly partition?: number;
  readonly offset?: string;
  readonly maxMessages?: number;
  readonly timeoutMs?: number;
  readonly group?: string;
  readonly isolationLevel: string;
  readonly skipMessageOnError?: boolean;
  readonly property?: Readonly<Record<string, string>>;
  readonly formatterProperty?: Readonly<Record<string, string>>;
  readonly consumerProperty?: Readonly<Record<string, string>>;
  readonly commandProperty?: Readonly<Record<string, string>>;
  readonly whitelist?: string;
  readonly json?: boolean;
}

/** `streamlab consume`: what a topic holds, as kafka-console-consumer.sh shows it (labs.md B8, D7, E4). */
export function addConsume(program: Command): void {
  const command = withKafka(program.command("consume"))
    .description("print the messages of a topic, from now on or from the beginning")
    .argument("[topic]", "the same as --topic")
    .option("-t, --topic <name>", "which")
    .option("--include <pattern>", "instead: every topic whose name a regular expression matches")
    .option("--from-beginning", "everything that is there (else only what comes)")
    .option("--partition <n>", "only this partition", wholeNumber(0))
    .option("--offset <where>", "earliest, latest or an offset; with --partition")
    .option("--max-messages <n>", "end after so many", wholeNumber(1))
    .option("--timeout-ms <ms>", "end when nothing has come for so long", wholeNumber(1))
    .option("-g, --group <id>", "as a member of a consumer group, which shares the partitions and remembers its offsets")
    .addOption(
      new Option("--isolation-level <level>", "read_committed leaves out what transactions have not committed")
        .choices(["read_committed", "read_uncommitted"])
        .default("read_uncommitted"),
    )
    .option("--skip-message-on-error", "go on after a message that cannot be read")
    .option(
      "--property <name=value>",
      "print.key=true, print.value, print.timestamp, print.partition, print.offset, print.headers, key.separator=:, line.separator, null.literal; may be repeated",
      property,
    )
    .addOption(
      new Option("--formatter-property <name=value>", "the same, as Kafka's tool calls it since 4.2").argParser(property).hideHelp(),
    )
    .option(
      "--consumer-property <name=value>",
      "a setting of a Kafka consumer: group.id, auto.offset.reset, isolation.level, client.id",
      property,
    )
    .addOption(new Option("--command-property <name=value>", "the same, as Kafka's tool calls it since 4.2").argParser(property).hideHelp())
    .addOption(new Option("--whitelist <pattern>", "--include, as Kafka's tool called it before 3.0").hideHelp())
    .option("--json", "one JSON object per message")
    .addHelpText(
      "after",
      "\nExamples:\n  streamlab consume --topic sensor-data --from-beginning --max-messages 5\n  streamlab consume -b host:9091 -u user -g group -t results",
    );
  command.action(async (name: string | undefined, given: ConsumeFlags) => {
    const flags = withProperties(given);
    const topic = flags.topic ?? name;
    if (topic === undefined && flags.include === undefined) return command.help();
    const problem = wrongUse(flags, topic);
    if (problem !== undefined) command.error(`error: ${problem}`);
    await consume(flags, topic);
  });
}

/** The flags with what --consumer-property says; a flag of its own wins. @throws KafkaError KAFKA_OPTION for a setting that means nothing here */
function withProperties(flags: ConsumeFlags): ConsumeFlags {
  const {
    "group.id": group,
    "auto.offset.reset": reset,
    "isolation.level": isolation,
    "client.id": clientId,
    ...others
  } = {
    ...flags.consumerProperty,
    ...flags.commandProperty,
  };
  const unknown = Object.keys(others)[0];
  const isBad = (value: string | undefined, ...choice: string[]): boolean => value !== undefined && !choice.includes(value);
  if (unknown !== undefined || isBad(reset, "earliest", "latest") || isBad(isolation, "read_committed", "read_uncommitted")) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: "Cannot set the consumer up",
      found: `--consumer-property ${unknown ?? `auto.offset.reset=${reset}, isolation.level=${isolation}`}`,
      remedy: "There are group.id, auto.offset.reset, isolation.level and client.id; what logs in belongs into --command-config.",
    });
  }
  return {
    ...flags,
    ...(group !== undefined && flags.group === undefined ? { group } : {}),
    ...(reset === "earliest" && flags.offset === undefined ? { fromBeginning: true } : {}),
    ...(isolation === undefined ? {} : { isolationLevel: isolation }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(flags.include === undefined && flags.whitelist !== undefined ? { include: flags.whitelist } : {}),
  };
}

function wrongUse(flags: ConsumeFlags, topic: string | undefined): string | undefined {
  if (topic !== undefined && flags.include !== undefined) return "choose one of --topic and --include";
  if (flags.partition !== undefined && topic === undefined) return "--partition needs --topic";
  if (flags.group !== undefined && (flags.partition ?? flags.offset) !== undefined)
    return "--group leaves no choice of --partition or --offset";
  if (flags.offset !== undefined && flags.fromBeginning) return "choose one of --offset and --from-beginning";
  return undefined;
}

async function consume(flags: ConsumeFlags, topic: string | undefined): Promise<void> {
  const format = recordFormat({ ...flags.property, ...flags.formatterProperty }, flags.json ?? false, process.stdout.isTTY === true);
  const connection = await connectionOf(flags);
  const interruption = listenForInterruption();
  const stopping = new AbortController();
  const signal = AbortSignal.any([interruption.signal, stopping.signal]);
  const limit = flags.maxMessages ?? Infinity;
  let count = 0;
  let isIdle = false;
  let idle: NodeJS.Timeout | undefined;
  const restartIdle = (): void => {
    clearTimeout(idle);
    if (flags.timeoutMs === undefined) return;
    idle = setTimeout(() => {
      isIdle = true;
      stopping.abort();
    }, flags.timeoutMs);
  };
  const onRecords = async (records: readonly ReceivedRecord[]): Promise<number> => {
    if (signal.aborted) return 0;
    const wanted = records.slice(0, limit - count);
    restartIdle();
    if (wanted.length > 0) await write(Buffer.concat(wanted.map(format)));
    count += wanted.length;
    if (count >= limit) stopping.abort();
    return wanted.length;
  };
  const reading: Reading = { flags, topic, connection, signal, onRecords, onReady: restartIdle };
  try {
    await (flags.group === undefined ? readAlone(reading) : readInGroup(reading, flags.group));
  } catch (thrown) {
    if (codeOf(thrown) === "EPIPE") return;
    if (!signal.aborted) throw thrown;
  } finally {
    clearTimeout(idle);
    interruption.release();
  }
  if (isIdle) process.stderr.write(`TimeoutException: no message came for ${flags.timeoutMs} ms\n`);
  process.stderr.write(`Processed a total of ${count} messages\n`);
  if (interruption.signal.aborted) throw new Interrupted("interrupted");
}

interface Reading {
  readonly flags: ConsumeFlags;
  readonly topic: string | undefined;
  readonly connection: KafkaConnection;
  readonly signal: AbortSignal;
  /** Prints messages, and says how many of them. */
  readonly onRecords: (records: readonly ReceivedRecord[]) => Promise<number>;
  /** From now on messages can come: the idle time begins. */
  readonly onReady: () => void;
}

/** Without a group: our own reader, no offsets kept anywhere. */
async function readAlone({ flags, topic, connection, signal, onRecords, onReady }: Reading): Promise<void> {
  const options = {
    ...sourceOptions(connection),
    ...(topic === undefined
      ? { subscribePattern: `^(?:${flags.include ?? ""})$` }
      : flags.partition === undefined
        ? { subscribe: topic }
        : { assign: JSON.stringify({ [topic]: [flags.partition] }) }),
    startingOffsets: startingOffsets(flags, topic ?? ""),
    "kafka.isolation.level": flags.isolationLevel,
    includeHeaders: "true",
    failOnDataLoss: "false",
    groupId: "",
  };
  const source = await kafkaFormat.openSource?.({ options, clock: systemClock });
  if (!source) return;
  try {
    let from = await source.initial(signal);
    onReady();
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

async function readInGroup({ flags, topic, connection, signal, onRecords, onReady }: Reading, groupId: string): Promise<void> {
  const topics = topic === undefined ? await topicsLike(connection, flags.include ?? "") : [topic];
  const client = await connectKafka(connection);
  try {
    const readCommitted = flags.isolationLevel === "read_committed";
    const consumer = await client.consumer({ groupId, topics, fromBeginning: flags.fromBeginning ?? false, readCommitted });
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
      const guarded = async (records: readonly ReceivedRecord[]): Promise<number> => {
        try {
          return await onRecords(records);
        } catch (thrown) {
          reject(thrown as Error);
          return 0;
        }
      };
      consumer.run(guarded, reject).then(onReady).catch(reject);
    });
  } finally {
    await client.close();
  }
}

async function topicsLike(connection: KafkaConnection, pattern: string): Promise<string[]> {
  const matches = topicPattern(pattern);
  const topics = await withAdminLink(connection, (link) => findTopics(link, null));
  const found = topics.filter(({ topic, isInternal }) => !isInternal && matches(topic)).map(({ topic }) => topic);
  if (found.length === 0) throw unknownTopic(pattern);
  return found;
}

function recordsOf(block: Block): ReceivedRecord[] {
  if (block.kind !== "records") return [];
  return Array.from({ length: block.count }, (_, i) => ({
    topic: block.topic,
    partition: block.partition,
    offset: block.offsets[i] as number,
    timestampMs: block.timestampsMs[i] as number,
    timestampType: block.timestampType,
    key: bytesAt(block, i * 4),
    value: bytesAt(block, i * 4 + 2),
    headers: (block.headers?.[i] ?? []).map(([name, value]): readonly [string, Buffer | null] => [
      name,
      value === null ? null : Buffer.from(value),
    ]),
  }));
}

function bytesAt(block: RecordBlock, slot: number): Buffer | null {
  const start = block.positions[slot] as number;
  return start < 0 ? null : Buffer.from(block.buffer.subarray(start, block.positions[slot + 1]));
}

/** Resolves when the reader of the output has taken it; rejects with EPIPE where that has gone (`| head`). */
function write(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())));
}
