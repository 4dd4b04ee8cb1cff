import type { Command } from "commander";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { messageOf } from "../base/errors.ts";
import { errorName } from "../kafka-protocol/error-codes.ts";
import { deleteRecords } from "../kafka/admin/record-admin.ts";
import { choosePartitions } from "../kafka/admin/partition-choice.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import type { PartitionOffset } from "../kafka/wire/cluster.ts";
import { wholeNumber } from "./backend-options.ts";
import { withKafka, withLink, type KafkaFlags } from "./kafka-address.ts";

interface DeleteRecordsFlags extends KafkaFlags {
  readonly offsetJsonFile?: string;
  readonly topic?: string;
  readonly before?: number;
  readonly json?: boolean;
}

/** `streamlab delete-records`: what kafka-delete-records.sh does; afterwards earliest is no longer 0 (labs.md B6). */
export function addDeleteRecords(program: Command): void {
  const command = withKafka(program.command("delete-records"))
    .description("delete the messages of partitions before an offset")
    .option(
      "--offset-json-file <file>",
      'as in {"partitions":[{"topic":"orders","partition":0,"offset":3}],"version":1}; -1 stands for all',
    )
    .option("--topic <name[:partitions]>", "instead of a file: a topic, or partitions of it as in orders:0,2")
    .option("--before <offset>", "with --topic: delete what lies before; everything if not given", wholeNumber(0))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  streamlab delete-records --topic sensor-data:0 --before 100");
  command.action(async (flags: DeleteRecordsFlags) => {
    const { topic, offsetJsonFile } = flags;
    if (topic === undefined && offsetJsonFile === undefined) return command.help();
    if (topic !== undefined && offsetJsonFile !== undefined) command.error("error: choose one of --topic and --offset-json-file");
    await withLink(flags, async (link) => {
      const wanted = offsetJsonFile === undefined ? [] : readOffsets(offsetJsonFile);
      const chosen = topic === undefined ? [] : await choosePartitions(link, [topic]);
      const before = [...wanted, ...chosen.map((one) => ({ ...one, offset: flags.before ?? -1 }))];
      print(await deleteRecords(link, before), flags.json ?? false);
    });
  });
}

type Deleted = { readonly topic: string; readonly partition: number; readonly lowWatermark?: number; readonly error?: string };

function print(results: readonly (PartitionOffset & { readonly errorCode: number })[], isJson: boolean): void {
  const rows = results.map(({ topic, partition, offset, errorCode }): Deleted => ({
    topic,
    partition,
    ...(errorCode === 0 ? { lowWatermark: offset } : { error: errorName(errorCode) }),
  }));
  if (isJson) console.log(JSON.stringify(rows));
  else {
    console.log("Executing records delete operation\nRecords delete operation completed:");
    for (const { topic, partition, lowWatermark, error } of rows)
      console.log(`partition: ${topic}-${partition}\t${error === undefined ? `low_watermark: ${lowWatermark}` : `error: ${error}`}`);
  }
  const bad = rows.filter(({ error }) => error !== undefined);
  if (bad.length === 0) return;
  throw new KafkaError("KAFKA_REQUEST", {
    failed: `Cannot delete messages of ${bad.length} of ${rows.length} partitions`,
    found: bad.map(({ topic, partition, error }) => `${topic}-${partition}: ${error}`).join(", "),
    remedy: 'Ask for the range with "streamlab offsets --time -2" and "--time -1".',
  });
}

const fileSchema = z.object({
  partitions: z.array(z.object({ topic: z.string(), partition: z.int().min(0), offset: z.int().min(-1) })).min(1),
  version: z.literal(1).optional(),
});

function readOffsets(file: string): readonly PartitionOffset[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, "utf8"))).partitions;
  } catch (thrown) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: `Cannot read ${file}`,
      found: thrown instanceof z.ZodError ? z.prettifyError(thrown).replaceAll("\n", " ") : messageOf(thrown),
      remedy: 'Write {"partitions":[{"topic":"orders","partition":0,"offset":3}],"version":1}.',
      cause: thrown,
    });
  }
}
