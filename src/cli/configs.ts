import type { Command } from "commander";
import { readFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import type { AdminLink } from "../kafka/admin/admin-link.ts";
import { alterConfigs, describeConfigs, type ConfigEntry, type ConfigResource, type ConfigSource } from "../kafka/admin/config-admin.ts";
import { findTopics } from "../kafka/admin/topic-admin.ts";
import { parseProperties } from "../kafka/client-properties.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import { actionOf, withActions } from "./actions.ts";
import { withKafka, withLink, type KafkaFlags } from "./kafka-address.ts";

const ACTIONS = ["describe", "alter"] as const;

interface ConfigsFlags extends KafkaFlags {
  readonly entityType?: string;
  readonly entityName?: string;
  readonly entityDefault?: boolean;
  readonly topic?: string;
  readonly broker?: string;
  readonly brokerDefaults?: boolean;
  readonly all?: boolean;
  readonly addConfig?: string;
  readonly addConfigFile?: string;
  readonly deleteConfig?: string;
  readonly json?: boolean;
}

/** `streamlab configs`: what kafka-configs.sh does for topics and brokers, under its flag names. */
export function addConfigs(program: Command): void {
  const command = withActions(withKafka(program.command("configs")), ACTIONS, "kafka-configs.sh")
    .description("settings of topics and brokers: what holds, where it comes from, and changing it")
    .argument("[topic]", "the same as --topic")
    .option("--topic <name>", "a topic's settings")
    .option("--broker <id>", "a broker's settings")
    .option("--broker-defaults", "what all brokers share")
    .option("--entity-type <type>", "topics or brokers, as kafka-configs.sh has it")
    .option("--entity-name <name>", "which of them; all of them if not given")
    .option("--entity-default", "with --entity-type brokers: what all brokers share")
    .option("--all", "describe: also what is only a default")
    .option("--add-config <list>", "alter: name=value, several separated by commas, lists as in cleanup.policy=[compact,delete]")
    .option("--add-config-file <file>", "alter: the same from a .properties file")
    .option("--delete-config <names>", "alter: takes settings back")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  streamlab configs alter --topic sensor-data --add-config retention.ms=60000");
  command.action(async (word: string | undefined, topic: string | undefined, flags: ConfigsFlags) => {
    const action = actionOf(command, ACTIONS, word, flags);
    await withLink(flags, async (link) => {
      const resources = await resourcesOf(link, topic === undefined ? flags : { ...flags, topic });
      if (action === "describe") await describe(link, resources, flags);
      else await alter(link, resources, flags);
    });
  });
}

async function resourcesOf(link: AdminLink, flags: ConfigsFlags): Promise<readonly ConfigResource[]> {
  if (flags.topic !== undefined) return [{ type: "topic", name: flags.topic }];
  if (flags.broker !== undefined) return [{ type: "broker", name: flags.broker }];
  if (flags.brokerDefaults) return [{ type: "broker", name: "" }];
  const { entityType, entityName, entityDefault } = flags;
  if (entityType === "topics") {
    if (entityName !== undefined) return [{ type: "topic", name: entityName }];
    return (await findTopics(link, null)).map(({ topic }) => ({ type: "topic", name: topic }));
  }
  if (entityType === "brokers") {
    if (entityName !== undefined) return [{ type: "broker", name: entityName }];
    if (entityDefault) return [{ type: "broker", name: "" }];
    return [
      ...(await link.cluster.nodes()).map(({ id }): ConfigResource => ({ type: "broker", name: String(id) })),
      { type: "broker", name: "" },
    ];
  }
  throw badConfigs(
    entityType === undefined ? "nothing says whose" : `--entity-type ${entityType}`,
    "Pass --topic <name>, --broker <id>, --broker-defaults, or --entity-type topics or brokers.",
  );
}

async function describe(link: AdminLink, resources: readonly ConfigResource[], flags: ConfigsFlags): Promise<void> {
  const all: unknown[] = [];
  for (const resource of resources) {
    const own = ownSource(resource);
    const entries = await describeConfigs(link, resource);
    const listed = entries
      .filter(({ source, synonyms }) => flags.all || source === own || synonyms.some((synonym) => synonym.source === own))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    if (flags.json) {
      all.push({ ...resource, configs: listed });
      continue;
    }
    console.log(`${flags.all ? "All" : "Dynamic"} configs for ${titleOf(resource)} are:`);
    for (const entry of listed) console.log(`  ${entryText(entry)}`);
  }
  if (flags.json) console.log(JSON.stringify(all));
}

function ownSource({ type, name }: ConfigResource): ConfigSource {
  return type === "topic" ? "DYNAMIC_TOPIC_CONFIG" : name === "" ? "DYNAMIC_DEFAULT_BROKER_CONFIG" : "DYNAMIC_BROKER_CONFIG";
}

function titleOf({ type, name }: ConfigResource): string {
  return type === "topic" ? `topic ${name}` : name === "" ? "the default broker" : `broker ${name}`;
}

function entryText({ name, value, isSensitive, synonyms }: ConfigEntry): string {
  const list = synonyms.map((synonym) => `${synonym.source}:${synonym.name}=${synonym.value ?? "null"}`).join(", ");
  return `${name}=${value ?? "null"} sensitive=${isSensitive} synonyms={${list}}`;
}

async function alter(link: AdminLink, resources: readonly ConfigResource[], flags: ConfigsFlags): Promise<void> {
  const [resource] = resources;
  if (resource === undefined || resources.length !== 1)
    throw badConfigs("no single topic or broker is named", "Name one; --entity-name does it.");
  const set = { ...(flags.addConfigFile === undefined ? {} : readFile(flags.addConfigFile)), ...parseConfigs(flags.addConfig ?? "") };
  const remove = (flags.deleteConfig ?? "").split(",").filter((name) => name !== "");
  if (Object.keys(set).length === 0 && remove.length === 0)
    throw badConfigs("nothing to change was given", "Pass --add-config name=value, --add-config-file or --delete-config.");
  await alterConfigs(link, resource, set, remove);
  if (flags.json) console.log(JSON.stringify({ ...resource, set, remove }));
  else console.log(`Completed updating config for ${titleOf(resource)}.`);
}

/** `a=1,b=[x,y]`: commas inside brackets belong to the value. */
function parseConfigs(text: string): Record<string, string> {
  const configs: Record<string, string> = {};
  for (const part of text.split(/,(?![^[]*\])/).filter((one) => one.trim() !== "")) {
    const equals = part.indexOf("=");
    if (equals <= 0) throw badConfigs(`--add-config ${text}`, "Write name=value, several separated by commas, lists in square brackets.");
    configs[part.slice(0, equals).trim()] = part
      .slice(equals + 1)
      .trim()
      .replace(/^\[(.*)\]$/, "$1");
  }
  return configs;
}

function readFile(file: string): Record<string, string> {
  try {
    return Object.fromEntries(parseProperties(readFileSync(file, "utf8")));
  } catch (thrown) {
    throw badConfigs(`--add-config-file: ${messageOf(thrown)}`, "Name a file that is there and may be read.");
  }
}

function badConfigs(found: string, remedy: string): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot tell which settings are meant", found, remedy });
}
