import { type Command, Option } from "commander";
import { property, withClient, withKafka, type KafkaFlags } from "./kafka-address.ts";
import { wholeNumber } from "./backend-options.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import type { TopicAdmin, TopicDescription } from "../kafka/topics.ts";

const ACTIONS = ["list", "create", "describe", "alter", "delete"] as const;
type Action = (typeof ACTIONS)[number];

interface TopicsFlags extends KafkaFlags, Partial<Record<Action, boolean>> {
  readonly topic?: string;
  readonly partitions?: number;
  readonly replicationFactor?: number;
  readonly config?: Readonly<Record<string, string>>;
  readonly ifNotExists?: boolean;
  readonly ifExists?: boolean;
  readonly json?: boolean;
}

/** `streamlab topics`: what kafka-topics.sh does, under its flag names (labs.md A3, B8, D1). */
export function addTopics(program: Command): void {
  const command = withKafka(program.command("topics"))
    .description("list, create, describe, alter and delete topics of any Kafka")
    .argument("[action]", ACTIONS.join(", "))
    .argument("[name]", "the topic")
    .option("--topic <name>", "the topic; several for describe and delete, separated by commas")
    .option("--partitions <n>", "how many partitions (create: 3 if not given)", wholeNumber(1))
    .option("--replication-factor <n>", "how many copies (create: 1 if not given)", wholeNumber(1))
    .option("--config <name=value>", "a setting, as in retention.ms=60000; may be repeated", property)
    .option("--if-not-exists", "create: a topic that is there already is no failure")
    .option("--if-exists", "alter, delete: a topic that is not there is no failure")
    .option("--json", "print JSON");
  for (const action of ACTIONS) command.addOption(new Option(`--${action}`, `the action ${action}, as kafka-topics.sh has it`).hideHelp());
  command
    .addHelpText("after", "\nExample:\n  streamlab topics create --topic sensor-data --partitions 3 --replication-factor 1")
    .action((word: string | undefined, name: string | undefined, flags: TopicsFlags) => runTopics(command, word, name, flags));
}

async function runTopics(command: Command, word: string | undefined, name: string | undefined, flags: TopicsFlags): Promise<void> {
  const action = ACTIONS.find((one) => one === word || flags[one]);
  if (word === undefined && action === undefined) return command.help();
  if (action === undefined) return command.error(`error: unknown action "${word}"; choose from ${ACTIONS.join(", ")}`);
  const topics = (flags.topic ?? name ?? "").split(",").filter((topic) => topic !== "");
  if (topics.length === 0 && action !== "list" && action !== "describe") command.error(`error: topics ${action} needs --topic <name>`);
  await withClient(flags, async (client) => {
    const print = flags.json ? (value: unknown) => console.log(JSON.stringify(value)) : undefined;
    if (action === "list") await list(client.topics, print);
    else if (action === "describe") await describe(client.topics, topics, print);
    else if (action === "delete") await remove(client.topics, topics, flags, print);
    else for (const topic of topics) await (action === "create" ? create : alter)(client.topics, topic, flags, print);
  });
}

type Print = ((value: unknown) => void) | undefined;

async function list(admin: TopicAdmin, print: Print): Promise<void> {
  const names = await admin.list();
  if (print) print(names);
  else for (const name of names) console.log(name);
}

async function create(admin: TopicAdmin, topic: string, flags: TopicsFlags, print: Print): Promise<void> {
  const { partitions = 3, replicationFactor = 1, config = {} } = flags;
  const created = await admin.create({ topic, partitions, replicationFactor, config });
  if (!created && !flags.ifNotExists) {
    throw new KafkaError("KAFKA_TOPIC", {
      failed: `Cannot create the topic "${topic}"`,
      found: "it is there already",
      remedy: "Pass --if-not-exists if that is all right, or delete it first.",
    });
  }
  if (print) print({ topic, created, partitions, replicationFactor });
  else console.log(created ? `Created topic ${topic}.` : `Topic ${topic} is there already.`);
}

async function describe(admin: TopicAdmin, topics: readonly string[], print: Print): Promise<void> {
  const described = await admin.describe(topics.length > 0 ? topics : undefined);
  const full: (TopicDescription & { readonly config: Readonly<Record<string, string>> })[] = [];
  for (const topic of described) full.push({ ...topic, config: await admin.config(topic.topic).catch(() => ({})) });
  if (print) return print(full);
  for (const { topic, partitions, config } of full) {
    const settings = Object.entries(config).map(([name, value]) => `${name}=${value}`);
    const copies = partitions[0]?.replicas.length ?? 0;
    console.log(`Topic: ${topic}\tPartitionCount: ${partitions.length}\tReplicationFactor: ${copies}\tConfigs: ${settings.join(",")}`);
    for (const { partition, leader, replicas, isr } of partitions) {
      console.log(`\tTopic: ${topic}\tPartition: ${partition}\tLeader: ${leader}\tReplicas: ${replicas.join(",")}\tIsr: ${isr.join(",")}`);
    }
  }
}

async function alter(admin: TopicAdmin, topic: string, flags: TopicsFlags, print: Print): Promise<void> {
  if (flags.ifExists && !(await admin.list()).includes(topic)) return;
  if (flags.partitions !== undefined) await admin.addPartitions(topic, flags.partitions);
  if (flags.config !== undefined) await admin.alterConfig(topic, flags.config);
  if (flags.partitions === undefined && flags.config === undefined) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: `Cannot alter the topic "${topic}"`,
      found: "nothing to change was given",
      remedy: "Pass --partitions with a larger number, or --config name=value.",
    });
  }
  if (print) print({ topic, partitions: flags.partitions, config: flags.config });
  else console.log(`Altered topic ${topic}.`);
}

async function remove(admin: TopicAdmin, topics: readonly string[], flags: TopicsFlags, print: Print): Promise<void> {
  const there = flags.ifExists ? new Set(await admin.list()) : undefined;
  const wanted = there ? topics.filter((topic) => there.has(topic)) : topics;
  if (wanted.length > 0) await admin.delete(wanted);
  if (print) print({ deleted: wanted });
  else for (const topic of wanted) console.log(`Deleted topic ${topic}.`);
}
