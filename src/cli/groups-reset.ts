import { InvalidArgumentError, type Command } from "commander";
import { readFileSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { AdminLink } from "../kafka/admin/admin-link.ts";
import { committedOffsets, describeGroup, setOffsets } from "../kafka/admin/group-admin.ts";
import { parseResetPlan, planReset, type ResetTarget } from "../kafka/admin/offset-reset.ts";
import { choosePartitions } from "../kafka/admin/partition-choice.ts";
import { parseIsoDuration, parseResetTime } from "../kafka/admin/reset-time.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import type { PartitionOffset, TopicPartition } from "../kafka/wire/cluster.ts";
import { columns } from "./columns.ts";

/** The flags of `groups reset-offsets`. */
export interface ResetFlags {
  readonly topic?: readonly string[];
  readonly allTopics?: boolean;
  readonly toEarliest?: boolean;
  readonly toLatest?: boolean;
  readonly toCurrent?: boolean;
  readonly toOffset?: number;
  readonly shiftBy?: number;
  readonly toDatetime?: string;
  readonly byDuration?: string;
  readonly fromFile?: string;
  readonly dryRun?: boolean;
  readonly execute?: boolean;
  readonly export?: boolean;
  readonly json?: boolean;
}

const TARGETS = ["toEarliest", "toLatest", "toCurrent", "toOffset", "shiftBy", "toDatetime", "byDuration", "fromFile"] as const;

/** Adds the flags of --reset-offsets. */
export function withResetFlags(command: Command): Command {
  return command
    .option("--all-topics", "reset-offsets: every topic that the group has committed")
    .option("--to-earliest", "reset-offsets: to the first messages that are there")
    .option("--to-latest", "reset-offsets: to the ends")
    .option("--to-current", "reset-offsets: to what is committed, moved into what is there")
    .option("--to-offset <n>", "reset-offsets: to this offset", integer)
    .option("--shift-by <n>", "reset-offsets: so many messages on, or back where it is negative", integer)
    .option("--to-datetime <time>", "reset-offsets: to the first messages of a time or later, as in 2026-11-21T12:30:00.000 (UTC)")
    .option("--by-duration <length>", "reset-offsets: to the first messages of the last …, as in PT10M")
    .option("--from-file <file>", "reset-offsets: to the offsets in a file that --export has written")
    .option("--dry-run", "reset-offsets: only show what would be (this is so if nothing is said)")
    .option("--execute", "reset-offsets: do it")
    .option("--export", "reset-offsets: print as CSV");
}

function integer(text: string): number {
  const value = Number(text);
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

/** Works out new offsets of groups without members, and commits them with --execute. `isSingle`: --export leaves the group's name out. */
export async function resetOffsets(link: AdminLink, groups: readonly string[], isSingle: boolean, flags: ResetFlags): Promise<void> {
  if (flags.dryRun && flags.execute) throw badReset("--dry-run and --execute are both there", "Leave one of them out.");
  const given = TARGETS.filter((name) => flags[name] !== undefined);
  if (given.length !== 1) {
    throw badReset(
      given.length === 0 ? "nothing says where to" : `${given.map(flagName).join(" and ")} are both there`,
      `Pass one of ${TARGETS.map(flagName).join(", ")}.`,
    );
  }
  if (flags.fromFile === undefined && !flags.allTopics && !flags.topic)
    throw badReset("nothing says which topics", "Pass --topic, or --all-topics.");
  if (!flags.execute && !flags.dryRun)
    process.stderr.write("WARN: Nothing is changed, because --execute is missing; --dry-run says so on purpose.\n");
  const plan = flags.fromFile === undefined ? undefined : parseResetPlan(readPlan(flags.fromFile), groups);
  const rows: (PartitionOffset & { readonly group: string })[] = [];
  for (const group of groups) {
    await requireInactive(link, group);
    const partitions = await partitionsOf(link, group, plan, flags);
    const { offsets, warnings } = await planReset(link, group, partitions, targetOf(flags, plan?.get(group) ?? []));
    for (const warning of warnings) process.stderr.write(`WARN ${warning}\n`);
    if (flags.execute) await setOffsets(link, group, offsets);
    rows.push(...offsets.map((one) => ({ group, ...one })));
  }
  print(rows, isSingle, flags);
}

function print(rows: readonly (PartitionOffset & { readonly group: string })[], isSingle: boolean, flags: ResetFlags): void {
  if (flags.json) console.log(JSON.stringify(rows));
  else if (flags.export) {
    for (const { group, topic, partition, offset } of rows) console.log([...(isSingle ? [] : [group]), topic, partition, offset].join(","));
  } else {
    const cells = rows.map(({ group, topic, partition, offset }) => [group, topic, String(partition), String(offset)]);
    console.log(`\n${columns([["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], ...cells], [15, 15, 10]).join("\n")}`);
  }
}

async function partitionsOf(
  link: AdminLink,
  group: string,
  plan: ReadonlyMap<string, readonly PartitionOffset[]> | undefined,
  flags: ResetFlags,
): Promise<readonly TopicPartition[]> {
  if (plan) {
    const planned = plan.get(group) ?? [];
    await choosePartitions(
      link,
      [...Map.groupBy(planned, ({ topic }) => topic)].map(
        ([topic, list]) => `${topic}:${list.map(({ partition }) => partition).join(",")}`,
      ),
    );
    return planned.map(({ topic, partition }) => ({ topic, partition }));
  }
  if (!flags.allTopics) return choosePartitions(link, flags.topic ?? []);
  return (await committedOffsets(link, group)).map(({ topic, partition }) => ({ topic, partition }));
}

/** A group that is not there yet is fine: its offsets make it. */
async function requireInactive(link: AdminLink, groupId: string): Promise<void> {
  const group = await describeGroup(link, groupId).catch((thrown: unknown) => {
    if (thrown instanceof KafkaError && thrown.code === "KAFKA_GROUP") return undefined;
    throw thrown;
  });
  if (group === undefined || group.state === "Empty" || group.state === "Dead") return;
  throw new KafkaError("KAFKA_GROUP", {
    failed: `Cannot reset the offsets of the group "${groupId}"`,
    found: `Assignments can only be reset if the group '${groupId}' is inactive, but the current state is ${group.state}`,
    remedy: "End its members first.",
  });
}

function targetOf(flags: ResetFlags, offsets: readonly PartitionOffset[]): ResetTarget {
  if (flags.toEarliest) return { to: "earliest" };
  if (flags.toLatest) return { to: "latest" };
  if (flags.toCurrent) return { to: "current" };
  if (flags.toOffset !== undefined) return { to: "offset", offset: flags.toOffset };
  if (flags.shiftBy !== undefined) return { to: "shift", by: flags.shiftBy };
  if (flags.toDatetime !== undefined) return { to: "time", timestampMs: parseResetTime(flags.toDatetime) };
  if (flags.byDuration !== undefined)
    return { to: "time", timestampMs: Math.floor(systemClock.nowMs()) - parseIsoDuration(flags.byDuration) };
  return { to: "plan", offsets };
}

function readPlan(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    throw badReset(`--from-file: ${messageOf(thrown)}`, "Name a file that is there and may be read.", thrown);
  }
}

const flagName = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function badReset(found: string, remedy: string, cause?: unknown): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot reset offsets", found, remedy, ...(cause === undefined ? {} : { cause }) });
}
