import type { AdminLink } from "../kafka/admin/admin-link.ts";
import { committedOffsets, describeGroup, type GroupDescription, type GroupMember } from "../kafka/admin/group-admin.ts";
import { offsetsAt } from "../kafka/admin/record-admin.ts";
import { LATEST, type TopicPartition } from "../kafka/wire/cluster.ts";
import { columns } from "./columns.ts";
import { shown } from "./kafka-address.ts";

/** What `groups describe` shows of a group. */
export interface DescribeFlags {
  readonly offsets?: boolean;
  readonly members?: boolean;
  readonly state?: string | boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** One partition of a group: what it has committed, where the log ends, how far it is behind, and who reads it. */
type OffsetRow = TopicPartition & {
  readonly offset: number | null;
  readonly leaderEpoch: number | null;
  readonly end: number | null;
  readonly lag: number | null;
  readonly member: GroupMember | null;
};

/** Prints groups in the columns of kafka-consumer-groups.sh --describe. Groups without members are named on stderr, as there. */
export async function describeGroups(link: AdminLink, groups: readonly string[], flags: DescribeFlags): Promise<void> {
  const all: unknown[] = [];
  for (const groupId of groups) {
    const group = await describeGroup(link, groupId);
    const rows = flags.members || flags.state !== undefined ? [] : await offsetRows(link, group);
    if (flags.json) {
      all.push({ ...group, ...(flags.members || flags.state !== undefined ? {} : { offsets: rows.map(plainRow) }) });
      continue;
    }
    if (group.state === "Empty") process.stderr.write(`\nConsumer group '${groupId}' has no active members.\n`);
    else if (group.state !== "Stable") process.stderr.write(`\nWarning: Consumer group '${groupId}' is rebalancing.\n`);
    const lines = flags.members
      ? memberLines(group, flags.verbose ?? false)
      : flags.state === undefined
        ? offsetLines(group, rows, flags.verbose ?? false)
        : stateLines(group, flags.verbose ?? false);
    if (lines.length > 0) console.log(`\n${lines.join("\n")}`);
  }
  if (flags.json) console.log(JSON.stringify(all));
}

async function offsetRows(link: AdminLink, group: GroupDescription): Promise<readonly OffsetRow[]> {
  const committed = new Map((await committedOffsets(link, group.groupId)).map((one) => [`${one.topic}-${one.partition}`, one]));
  const readers: { readonly partition: TopicPartition; readonly member: GroupMember | null }[] = [...group.members]
    .sort((a, b) => b.partitions.length - a.partitions.length)
    .flatMap((member) => member.partitions.map((partition) => ({ partition, member })));
  const assigned = new Set(readers.map(({ partition }) => `${partition.topic}-${partition.partition}`));
  for (const [key, partition] of committed) if (!assigned.has(key)) readers.push({ partition, member: null });
  const ends = await offsetsAt(
    link,
    readers.map(({ partition: { topic, partition } }) => ({ topic, partition })),
    LATEST,
  );
  return readers.map(({ partition: { topic, partition }, member }, i) => {
    const own = committed.get(`${topic}-${partition}`);
    const end = ends[i]?.errorCode === 0 ? ends[i].offset : null;
    return {
      topic,
      partition,
      offset: own?.offset ?? null,
      leaderEpoch: own !== undefined && own.leaderEpoch >= 0 ? own.leaderEpoch : null,
      end,
      lag: own === undefined || end === null ? null : end - own.offset,
      member,
    };
  });
}

function plainRow({ topic, partition, offset, end, lag, member }: OffsetRow): object {
  return { topic, partition, offset, end, lag, memberId: member?.memberId ?? null };
}

const dash = (value: number | string | null | undefined): string =>
  value === null || value === undefined || value === "" ? "-" : shown(String(value));

function offsetLines({ groupId }: GroupDescription, rows: readonly OffsetRow[], isVerbose: boolean): string[] {
  if (rows.length === 0) return [];
  const epoch = (cell: string): string[] => (isVerbose ? [cell] : []);
  const head = [
    "GROUP",
    "TOPIC",
    "PARTITION",
    ...epoch("LEADER-EPOCH"),
    "CURRENT-OFFSET",
    "LOG-END-OFFSET",
    "LAG",
    "CONSUMER-ID",
    "HOST",
    "CLIENT-ID",
  ];
  const cells = rows.map(({ topic, partition, leaderEpoch, offset, end, lag, member }) => [
    ...[groupId, topic, String(partition), ...epoch(dash(leaderEpoch)), dash(offset), dash(end), dash(lag)],
    ...[dash(member?.memberId), dash(member?.host), dash(member?.clientId)],
  ]);
  return columns([head, ...cells], [15, 15, 10, ...(isVerbose ? [15] : []), 15, 15, 15, 15, 15]);
}

function memberLines({ groupId, members }: GroupDescription, isVerbose: boolean): string[] {
  const hasInstances = members.some(({ instanceId }) => instanceId !== null);
  const instance = (cell: string): string[] => (hasInstances ? [cell] : []);
  const assignment = (...cells: string[]): string[] => (isVerbose ? cells : []);
  const head = ["GROUP", "CONSUMER-ID", ...instance("GROUP-INSTANCE-ID"), "HOST", "CLIENT-ID", "#PARTITIONS"];
  const verboseHead = assignment("CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT");
  const cells = members.map((member) => [
    ...[groupId, dash(member.memberId), ...instance(member.instanceId ?? ""), dash(member.host), dash(member.clientId)],
    ...[String(member.partitions.length), ...assignment("-", assignmentText(member.partitions), "-", "-")],
  ]);
  const widths = [15, 15, ...(hasInstances ? [17] : []), 15, 15, 15, ...(isVerbose ? [15, 20, 15, 20] : [])];
  return columns([[...head, ...verboseHead], ...cells], widths).map((line) => (isVerbose ? line : `${line} `));
}

/** `orders:0,1;payments:2`, as Kafka's tool writes an assignment. */
function assignmentText(partitions: readonly TopicPartition[]): string {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)];
  return topics.map(([topic, list]) => `${topic}:${list.map(({ partition }) => partition).join(",")}`).join(";") || "-";
}

function stateLines({ groupId, coordinator, assignor, state, members }: GroupDescription, isVerbose: boolean): string[] {
  const { host, port, id } = coordinator;
  const epochs = (...cells: string[]): string[] => (isVerbose ? cells : []);
  const head = [
    "GROUP",
    "COORDINATOR (ID)",
    "ASSIGNMENT-STRATEGY",
    "STATE",
    ...epochs("GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"),
    "#MEMBERS",
  ];
  const cells = [groupId, `${host}:${port}  (${id})`, dash(assignor), state, ...epochs("-", "-"), String(members.length)];
  return columns([head, cells], [15, 25, 20, 20, ...(isVerbose ? [15, 25] : [])]);
}
