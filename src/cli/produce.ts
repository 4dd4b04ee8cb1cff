import type { Command } from "commander";
import { createInterface } from "node:readline";
import { KafkaError } from "../kafka/kafka-error.ts";
import type { KafkaRecord } from "../kafka/producer.ts";
import { wholeNumber } from "./backend-options.ts";
import { property, withClient, withKafka, type KafkaFlags } from "./kafka-address.ts";

interface ProduceFlags extends KafkaFlags {
  readonly topic?: string;
  readonly property?: Readonly<Record<string, string>>;
  readonly maxPartitionMemoryBytes: number;
  readonly json?: boolean;
}

/** `streamlab produce`: lines of the standard input into a topic, as kafka-console-producer.sh does (labs.md B8). */
export function addProduce(program: Command): void {
  const command = withKafka(program.command("produce"))
    .description("send the lines of the standard input to a topic")
    .option("--topic <name>", "where to")
    .option("--property <name=value>", "parse.key=true, key.separator=: (a tab if not given), null.marker=NULL; may be repeated", property)
    .option(
      "--max-partition-memory-bytes <n>",
      "bytes of a batch; lines without a key change the partition with each batch",
      wholeNumber(1),
      16_384,
    )
    .option("--json", "print the totals as JSON")
    .addHelpText("after", "\nExample:\n  seq 1 100 | streamlab produce --topic test_topic --max-partition-memory-bytes 1");
  command.action(async (flags: ProduceFlags) => {
    if (flags.topic === undefined) return command.help();
    await produce(flags, flags.topic);
  });
}

async function produce(flags: ProduceFlags, topic: string): Promise<void> {
  const parse = lineParser(flags.property ?? {});
  await withClient(flags, async (client) => {
    const [description] = await client.topics.describe([topic]);
    const partitions = description?.partitions.length ?? 1;
    const producer = await client.producer();
    const perPartition = new Map<number, number>();
    let batch: KafkaRecord[] = [];
    let bytes = 0;
    let batches = 0;
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      const partition = batches++ % partitions;
      const records = batch.map((record) => (record.key === null ? { ...record, partition } : record));
      batch = [];
      bytes = 0;
      for (const { partition: to, baseOffset } of await producer.send(topic, records)) perPartition.set(to, baseOffset);
    };
    let sent = 0;
    try {
      for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
        batch.push(parse(line, sent + 1));
        sent++;
        bytes += line.length;
        if (bytes >= flags.maxPartitionMemoryBytes || process.stdin.isTTY) await flush();
      }
    } finally {
      await flush();
    }
    if (flags.json) console.log(JSON.stringify({ topic, sent, batches, partitions: [...perPartition.keys()].sort((a, b) => a - b) }));
    else process.stderr.write(`Sent ${sent} messages to ${topic}.\n`);
  });
}

function lineParser(properties: Readonly<Record<string, string>>): (line: string, number: number) => KafkaRecord {
  const nullMarker = properties["null.marker"];
  const orNull = (text: string): string | null => (text === nullMarker ? null : text);
  if (properties["parse.key"] !== "true") return (line) => ({ key: null, value: orNull(line) });
  const separator = (properties["key.separator"] ?? "\t").replaceAll("\\t", "\t");
  return (line, number) => {
    const at = line.indexOf(separator);
    if (at < 0)
      throw new KafkaError("KAFKA_OPTION", {
        failed: `Cannot send line ${number}`,
        found: `no key separator ${JSON.stringify(separator)} in ${JSON.stringify(line.slice(0, 60))}`,
        remedy: "Put the separator between key and value, or name yours, as in --property key.separator=:",
      });
    return { key: orNull(line.slice(0, at)), value: orNull(line.slice(at + separator.length)) };
  };
}
