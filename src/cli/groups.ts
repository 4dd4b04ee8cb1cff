import { Option, type Command } from "commander";
import { errorName } from "../kafka-protocol/error-codes.ts";
import type { AdminLink } from "../kafka/admin/admin-link.ts";
import { deleteGroup, deleteOffsets, listGroups, type GroupListing } from "../kafka/admin/group-admin.ts";
import { choosePartitions } from "../kafka/admin/partition-choice.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import { messageOf } from "../base/errors.ts";
import { actionOf, withActions } from "./actions.ts";
import { columns } from "./columns.ts";
import { describeGroups, type DescribeFlags } from "./groups-describe.ts";
import { resetOffsets, withResetFlags, type ResetFlags } from "./groups-reset.ts";
import { repeated, withKafka, withLink, type KafkaFlags } from "./kafka-address.ts";

const ACTIONS = ["list", "describe", "reset-offsets", "delete", "delete-offsets"] as const;
type Action = (typeof ACTIONS)[number];

interface GroupsFlags extends KafkaFlags, DescribeFlags, ResetFlags {
  readonly group?: readonly string[];
  readonly allGroups?: boolean;
  readonly type?: string | boolean;
}

/** `streamlab groups`: what kafka-consumer-groups.sh does, under its flag names (labs.md B6, E4). */
export function addGroups(program: Command): void {
  const command = withActions(withKafka(program.command("groups")), ACTIONS, "kafka-consumer-groups.sh")
    .description("list, describe, reset and delete consumer groups of any Kafka")
    .argument("[groups...]", "the same as --group")
    .option("--group <id>", "the group; may be repeated", repeated)
    .option("--all-groups", "every consumer group")
    .option(
      "--topic <name[:partitions]>",
      "reset-offsets, delete-offsets: a topic, or partitions of it as in orders:0,2; may be repeated",
      repeated,
    )
    .option("--offsets", "describe: committed offsets, ends and lag (this is what it shows if nothing is said)")
    .option("--members", "describe: the members")
    .option("--state [states]", "describe: state and coordinator; list: with the state, or only those of these states")
    .option("--type [types]", "list: with the type, or only those of these types (classic, consumer)")
    .option("--verbose", "describe: leader epochs, assignments")
    .addOption(new Option("--timeout <ms>", "accepted, as Kafka's tool has it; ten seconds are what is waited here").hideHelp())
    .option("--json", "print JSON");
  withResetFlags(command).addHelpText(
    "after",
    "\nExamples:\n  streamlab groups describe my-group\n  streamlab groups reset-offsets my-group --topic sensor-data --to-earliest --execute",
  );
  command.action(async (word: string | undefined, named: readonly string[]) => {
    const flags: GroupsFlags = command.optsWithGlobals();
    const action = actionOf(command, ACTIONS, word, flags);
    const groups = [...new Set([...(flags.group ?? []), ...named])];
    const problem = wrongUse(action, groups, flags);
    if (problem !== undefined) command.error(`error: ${problem}`);
    await withLink(flags, (link) => run(link, action, groups, flags));
  });
}

/** What Kafka's tool refuses as well, before it asks the cluster. */
function wrongUse(action: Action, groups: readonly string[], flags: GroupsFlags): string | undefined {
  if (action === "list") return groups.length > 0 ? "groups list takes no group" : undefined;
  if (groups.length === 0 && !flags.allGroups) return `groups ${action} needs --group <id>, or --all-groups`;
  if (groups.length > 0 && flags.allGroups) return "choose one of --group and --all-groups";
  if (action === "describe") {
    const shown = [flags.offsets, flags.members, flags.state].filter((flag) => flag !== undefined).length;
    if (shown > 1) return "choose one of --offsets, --members and --state";
    if (typeof flags.state === "string") return `describe takes no value for --state ("${flags.state}")`;
  }
  if (action === "delete" && flags.topic) return "groups delete takes no topic; delete-offsets does";
  if (action === "delete-offsets" && (groups.length !== 1 || !flags.topic))
    return "groups delete-offsets needs one --group and at least one --topic";
  return undefined;
}

async function run(link: AdminLink, action: Action, groups: readonly string[], flags: GroupsFlags): Promise<void> {
  if (action === "list") return list(await listGroups(link), flags);
  const chosen = flags.allGroups ? (await listGroups(link)).map(({ groupId }) => groupId) : groups;
  if (action === "describe") await describeGroups(link, chosen, flags);
  else if (action === "reset-offsets") await resetOffsets(link, chosen, groups.length === 1, flags);
  else if (action === "delete") await remove(link, chosen, flags.json ?? false);
  else await forget(link, chosen[0] ?? "", flags.topic ?? [], flags.json ?? false);
}

function list(groups: readonly GroupListing[], flags: GroupsFlags): void {
  const matches = (flag: string | boolean | undefined, value: string): boolean =>
    typeof flag !== "string" || flag.split(",").some((one) => one.trim().toLowerCase() === value.toLowerCase());
  const listed = groups.filter(({ state, type }) => matches(flags.state, state) && matches(flags.type, type));
  if (flags.json) return console.log(JSON.stringify(listed));
  if (flags.state === undefined && flags.type === undefined) {
    for (const { groupId } of listed) console.log(groupId);
    return;
  }
  const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
  const row = (name: string, type: string, state: string): string[] => [
    name,
    ...(flags.type === undefined ? [] : [type]),
    ...(flags.state === undefined ? [] : [state]),
  ];
  const longest = Math.max(15, ...listed.map(({ groupId }) => groupId.length));
  const rows = [row("GROUP", "TYPE", "STATE"), ...listed.map(({ groupId, type, state }) => row(groupId, capital(type), state))];
  for (const line of columns(rows, [longest + 10, 20, 20])) console.log(line);
}

async function remove(link: AdminLink, groups: readonly string[], isJson: boolean): Promise<void> {
  const deleted: string[] = [];
  const failures: { readonly group: string; readonly why: string }[] = [];
  for (const group of groups) {
    try {
      await deleteGroup(link, group);
      deleted.push(group);
    } catch (thrown) {
      if (groups.length === 1 || !(thrown instanceof KafkaError)) throw thrown;
      failures.push({ group, why: messageOf(thrown) });
    }
  }
  const quoted = deleted.map((group) => `'${group}'`).join(", ");
  if (isJson) console.log(JSON.stringify({ deleted, failures }));
  else if (failures.length === 0) console.log(`Deletion of requested consumer groups (${quoted}) was successful.`);
  else if (deleted.length > 0) console.log(`These consumer groups were deleted successfully: ${quoted}`);
  if (failures.length === 0) return;
  throw new KafkaError("KAFKA_GROUP", {
    failed: `Cannot delete ${failures.length} of ${groups.length} groups`,
    found: failures.map(({ why }) => why.replace(/\.$/, "")).join("; "),
    remedy: "The others are deleted.",
  });
}

async function forget(link: AdminLink, group: string, topics: readonly string[], isJson: boolean): Promise<void> {
  const results = await deleteOffsets(link, group, await choosePartitions(link, topics));
  const status = (code: number): string => (code === 0 ? "Successful" : `Error: ${errorName(code)}`);
  const bad = results.filter(({ errorCode }) => errorCode !== 0);
  if (isJson)
    console.log(JSON.stringify(results.map(({ topic, partition, errorCode }) => ({ topic, partition, status: status(errorCode) }))));
  else {
    if (bad.length === 0) console.log(`Request succeeded for deleting offsets from group ${group}.`);
    const rows = results.map(({ topic, partition, errorCode }) => [topic, String(partition), status(errorCode)]);
    console.log(`\n${columns([["TOPIC", "PARTITION", "STATUS"], ...rows], [15, 10, 15]).join("\n")}`);
  }
  if (bad.length === 0) return;
  throw new KafkaError("KAFKA_GROUP", {
    failed: `Cannot delete ${bad.length} of ${results.length} offsets of the group "${group}"`,
    found: [...new Set(bad.map(({ errorCode }) => errorName(errorCode)))].join(", "),
    remedy: "Offsets of a topic that members read stay until the members have ended.",
  });
}
