import type { Command } from "commander";
import type { AdminLink } from "../kafka/admin/admin-link.ts";
import { alterConfigs } from "../kafka/admin/config-admin.ts";
import { topicPattern } from "../kafka/admin/partition-choice.ts";
import { addPartitions, createTopic, deleteTopic, findTopics, type ClusterTopic } from "../kafka/admin/topic-admin.ts";
import { KafkaError, unknownTopic } from "../kafka/kafka-error.ts";
import { actionOf, withActions } from "./actions.ts";
import { wholeNumber } from "./backend-options.ts";
import { property, repeated, withKafka, withLink, type KafkaFlags } from "./kafka-address.ts";
import { describeTopics, type DescribeFlags } from "./topics-describe.ts";

const ACTIONS = ["list", "create", "describe", "alter", "delete"] as const;
type Action = (typeof ACTIONS)[number];

interface TopicsFlags extends KafkaFlags, DescribeFlags {
  readonly topic?: string;
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly replicaAssignment?: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly deleteConfig?: readonly string[];
  readonly ifNotExists?: boolean;
  readonly ifExists?: boolean;
  readonly excludeInternal?: boolean;
}

/** `streamlab topics`: what kafka-topics.sh does, under its flag names (labs.md A3, B8, D1). */
export function addTopics(program: Command): void {
  const command = withActions(withKafka(program.command("topics")), ACTIONS, "kafka-topics.sh")
    .description("list, create, describe, alter and delete topics of any Kafka")
    .argument("[name]", "the same as --topic")
    .option("--topic <name>", "the topic; for list, describe, alter and delete also a regular expression, or several separated by commas")
    .option("--partitions <n>", "how many partitions (create: as the cluster is set up if not given)", wholeNumber(1))
    .option("--replication-factor <n>", "how many copies (create: as the cluster is set up if not given)", wholeNumber(1))
    .option("--replica-assignment <list>", "create: the nodes of each partition's copies, as in 1:2,2:3")
    .option("--config <name=value>", "create, alter: a setting, as in retention.ms=60000; may be repeated", property)
    .option("--delete-config <name>", "alter: takes a setting back; may be repeated", repeated)
    .option("--if-not-exists", "create: a topic that is there already is no failure")
    .option("--if-exists", "describe, alter, delete: a topic that is not there is no failure")
    .option("--exclude-internal", "list, describe: without Kafka's own topics")
    .option("--under-replicated-partitions", "describe: partitions with copies that are behind")
    .option("--unavailable-partitions", "describe: partitions without a leader")
    .option("--under-min-isr-partitions", "describe: partitions with fewer copies in step than min.insync.replicas")
    .option("--at-min-isr-partitions", "describe: partitions with just as many")
    .option("--topics-with-overrides", "describe: topics with settings of their own, without their partitions")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  streamlab topics create --topic sensor-data --partitions 3 --replication-factor 1");
  command.action(async (word: string | undefined, name: string | undefined, flags: TopicsFlags) => {
    const action = actionOf(command, ACTIONS, word, flags);
    const topic = flags.topic ?? name;
    if (topic === undefined && action !== "list" && action !== "describe") command.error(`error: topics ${action} needs --topic <name>`);
    if (action === "create" && flags.replicaAssignment !== undefined && (flags.partitions ?? flags.replicationFactor) !== undefined)
      command.error("error: --replica-assignment says both numbers; leave --partitions and --replication-factor out");
    await withLink(flags, (link) => run(link, action, topic, flags));
  });
}

async function run(link: AdminLink, action: Action, topic: string | undefined, flags: TopicsFlags): Promise<void> {
  const print = flags.json ? (value: unknown) => console.log(JSON.stringify(value)) : undefined;
  if (action === "create") return create(link, topic ?? "", flags, print);
  const found = await choose(link, topic, action, flags);
  if (action === "list") {
    const names = found.map((one) => one.topic);
    if (print) print(names);
    else for (const name of names) console.log(name);
  } else if (action === "describe") await describeTopics(link, found, flags, print);
  else if (action === "alter") for (const one of found) await alter(link, one, flags, print);
  else {
    for (const one of found) {
      await deleteTopic(link, one.topic);
      if (!print) console.log(`Deleted topic ${one.topic}.`);
    }
    print?.({ deleted: found.map((one) => one.topic) });
  }
}

type Print = ((value: unknown) => void) | undefined;

/** The topics that a name or pattern means. One that matches nothing is a failure, but for list and --if-exists. */
async function choose(link: AdminLink, pattern: string | undefined, action: Action, flags: TopicsFlags): Promise<readonly ClusterTopic[]> {
  const matches = topicPattern(pattern ?? ".*");
  const isWanted = ({ topic, isInternal }: ClusterTopic): boolean => matches(topic) && !(isInternal && flags.excludeInternal);
  const found = (await findTopics(link, null)).filter(isWanted);
  if (found.length === 0 && pattern !== undefined && action !== "list" && !flags.ifExists) throw unknownTopic(pattern);
  return found;
}

async function create(link: AdminLink, topic: string, flags: TopicsFlags, print: Print): Promise<void> {
  const { partitions = -1, replicationFactor = -1, config = {}, replicaAssignment } = flags;
  const assignment = replicaAssignment === undefined ? undefined : parseAssignment(replicaAssignment);
  if (/[.]/.test(topic) && topic.includes("_"))
    process.stderr.write(
      "WARNING: names with a period and names with an underscore can collide in metrics; it is best to use only one of the two.\n",
    );
  const created = await createTopic(link, { topic, partitions, replicationFactor, config, ...(assignment ? { assignment } : {}) });
  if (!created && !flags.ifNotExists) {
    throw new KafkaError("KAFKA_TOPIC", {
      failed: `Cannot create the topic "${topic}"`,
      found: "it is there already",
      remedy: "Pass --if-not-exists if that is all right, or delete it first.",
    });
  }
  const [made] = await findTopics(link, [topic]);
  if (print) print({ topic, created, partitions: made?.partitions.length, replicationFactor: made?.partitions[0]?.replicas.length });
  else console.log(created ? `Created topic ${topic}.` : `Topic ${topic} is there already.`);
}

function parseAssignment(text: string): number[][] {
  const partitions = text.split(",").map((nodes) => nodes.split(":"));
  if (partitions.every((nodes) => nodes.length === partitions[0]?.length && nodes.every((node) => /^\d+$/.test(node))))
    return partitions.map((nodes) => nodes.map(Number));
  throw new KafkaError("KAFKA_OPTION", {
    failed: "Cannot tell where the copies are to lie",
    found: `--replica-assignment ${text}`,
    remedy: "Name the nodes of each partition, the same number for all, as in 1:2,2:3.",
  });
}

async function alter(link: AdminLink, { topic }: ClusterTopic, flags: TopicsFlags, print: Print): Promise<void> {
  const { partitions, config, deleteConfig } = flags;
  if (partitions === undefined && config === undefined && deleteConfig === undefined) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: `Cannot alter the topic "${topic}"`,
      found: "nothing to change was given",
      remedy: "Pass --partitions with a larger number, --config name=value, or --delete-config name.",
    });
  }
  if (partitions !== undefined) await addPartitions(link, topic, partitions);
  if (config !== undefined || deleteConfig !== undefined)
    await alterConfigs(link, { type: "topic", name: topic }, config ?? {}, deleteConfig);
  if (print) print({ topic, partitions, config });
  else console.log(`Altered topic ${topic}.`);
}
