import path from "node:path";
import { format, resolveConfig } from "prettier";
import { projectRoot } from "../../src/base/project.ts";
import { apiTableOf } from "../../src/kafka-protocol/apis.ts";
import { declaredDifferences } from "./declared-differences.ts";
import { commonVersions, rangesOf, SAME, versionsIn, type ConformanceRecord } from "./record.ts";
import { themes } from "./scenario/themes.ts";

/** Where the page lies. */
export const PAGE: string = path.join(projectRoot, "docs", "kafka-compatibility.md");

const CLIENTS = { raw: "frames", kafkajs: "kafkajs", kcat: "kcat", java: "Java's tools" } as const;

/** Names of Kafka's APIs that have no table here (org.apache.kafka.common.protocol.ApiKeys). */
const OTHER_APIS: Readonly<Record<number, string>> = {
  27: "WriteTxnMarkers",
  34: "AlterReplicaLogDirs",
  38: "CreateDelegationToken",
  39: "RenewDelegationToken",
  40: "ExpireDelegationToken",
  41: "DescribeDelegationToken",
  43: "ElectLeaders",
  45: "AlterPartitionReassignments",
  46: "ListPartitionReassignments",
  48: "DescribeClientQuotas",
  49: "AlterClientQuotas",
  55: "DescribeQuorum",
  57: "UpdateFeatures",
  61: "DescribeProducers",
  64: "UnregisterBroker",
  65: "DescribeTransactions",
  66: "ListTransactions",
  68: "ConsumerGroupHeartbeat",
  69: "ConsumerGroupDescribe",
  71: "GetTelemetrySubscriptions",
  72: "PushTelemetry",
  74: "ListConfigResources",
  75: "DescribeTopicPartitions",
  76: "ShareGroupHeartbeat",
  77: "ShareGroupDescribe",
  78: "ShareFetch",
  79: "ShareAcknowledge",
  80: "AddRaftVoter",
  81: "RemoveRaftVoter",
  83: "InitializeShareGroupState",
  84: "ReadShareGroupState",
  85: "WriteShareGroupState",
  86: "DeleteShareGroupState",
  87: "ReadShareGroupStateSummary",
  88: "StreamsGroupHeartbeat",
  89: "StreamsGroupDescribe",
  90: "DescribeShareGroupOffsets",
  91: "AlterShareGroupOffsets",
  92: "DeleteShareGroupOffsets",
};

/** What Kafka calls an API. */
export const apiName = (key: number): string => apiTableOf(key)?.name ?? OTHER_APIS[key] ?? `API ${key}`;

const dash = (versions: readonly number[]): string => (versions.length === 0 ? "–" : rangesOf(versions).replaceAll("-", "–"));
const all = ([least, most]: readonly [number, number]): number[] => Array.from({ length: most - least + 1 }, (_, i) => least + i);
const row = (...cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

/** State → versions of an API, over all frames of all themes; "same" only where no frame of the version says otherwise. */
function statesOf(record: ConformanceRecord, api: string): Map<string, number[]> {
  const byVersion = new Map<number, Set<string>>();
  for (const clients of Object.values(record.steps)) {
    for (const [title, states] of Object.entries(clients.raw ?? {})) {
      if (!title.startsWith(`${api}: `) || !/^\d/.test(states)) continue;
      for (const part of states.split("; ")) {
        const [, ranges = "", name = ""] = /^([\d, -]+?) (\D.*)$/.exec(part) ?? [];
        for (const version of versionsIn(ranges)) byVersion.set(version, (byVersion.get(version) ?? new Set<string>()).add(name));
      }
    }
  }
  const states = new Map<string, number[]>();
  for (const [version, names] of [...byVersion].sort(([a], [b]) => a - b)) {
    const others = [...names].filter((name) => name !== SAME).sort();
    const state = others.length === 0 ? SAME : others.join(", ");
    states.set(state, [...(states.get(state) ?? []), version]);
  }
  return states;
}

function apiRows(record: ConformanceRecord): string[] {
  return record.served.embedded.map(({ key, versions }) => {
    const name = apiName(key);
    const common = commonVersions(record.served, key);
    const theirs = record.served.kafka.find((api) => api.key === key);
    const sent = (client: string): string => dash(record.sent[client]?.[key] ?? []);
    const answers = [...statesOf(record, name)].map(([state, asked]) => {
      const shown = dash(asked.filter((version) => common.includes(version)));
      return state === SAME ? `${shown} same answers` : `${shown} same answers but for: ${state}`;
    });
    return row(
      String(key),
      name,
      dash(all(versions)),
      theirs ? dash(all(theirs.versions)) : "–",
      sent("kafkajs"),
      sent("kcat"),
      sent("java"),
      common.length === 0 ? "only here" : answers.join("; "),
    );
  });
}

interface Count {
  same: number;
  declared: number;
}

function countOf(steps: Readonly<Record<string, string>> | undefined): Count {
  const count: Count = { same: 0, declared: 0 };
  for (const states of Object.values(steps ?? {})) {
    for (const part of states.split("; ")) {
      const found = /^(\d[\d, -]*) (\D.*)$/.exec(part);
      const times = found ? versionsIn(found[1] ?? "").length : 1;
      if ((found ? found[2] : part) === SAME) count.same += times;
      else count.declared += times;
    }
  }
  return count;
}

const shownCount = ({ same, declared }: Count): string =>
  same + declared === 0 ? "–" : declared === 0 ? String(same) : `${same} + ${declared} declared`;

function themeRows(record: ConformanceRecord): string[] {
  const total: Record<string, Count> = {};
  const rows = themes
    .filter(({ name }) => record.steps[name])
    .map(({ name, title }) => {
      const counts = Object.keys(CLIENTS).map((client) => {
        const count = countOf(record.steps[name]?.[client]);
        const sum = (total[client] ??= { same: 0, declared: 0 });
        sum.same += count.same;
        sum.declared += count.declared;
        return shownCount(count);
      });
      return row(title, ...counts);
    });
  return [...rows, row("**all**", ...Object.keys(CLIENTS).map((client) => shownCount(total[client] ?? { same: 0, declared: 0 })))];
}

function stepsWith(record: ConformanceRecord, name: string): number {
  let steps = 0;
  for (const clients of Object.values(record.steps))
    for (const titles of Object.values(clients))
      for (const states of Object.values(titles))
        for (const part of states.split("; ")) {
          const found = /^(\d[\d, -]*) (\D.*)$/.exec(part);
          if ((found?.[2] ?? part).split(" + ").includes(name)) steps += found ? versionsIn(found[1] ?? "").length : 1;
        }
  return steps;
}

/** The page that a record makes. */
export async function pageOf(record: ConformanceRecord): Promise<string> {
  const ours = new Set(record.served.embedded.map(({ key }) => key));
  const missing = record.served.kafka.filter(({ key }) => !ours.has(key)).map(({ key }) => `${apiName(key)} (${key})`);
  const text = [
    "# What the embedded broker has in common with Apache Kafka",
    "",
    "One scenario is run against the Kafka-protocol development broker and against Apache Kafka, through clients that others wrote and frame by frame. What both",
    "say, error codes and messages included, is compared word for word, but for ids, addresses and times. This page is written from that run by",
    "`npm run conformance:page`, never by hand; CI runs the scenario again and holds it against this page.",
    "",
    `It ran on ${Object.entries(record.ranOn)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}, one node each.`,
    "",
    "The embedded broker is one node on loopback: no replication, no failover. It is not Apache Kafka, and its speed is not Kafka's.",
    "",
    "## Steps",
    "",
    "Steps that gave the same at both brokers, by client; those with a declared difference are counted apart.",
    "",
    row("", ...Object.values(CLIENTS)),
    row("---", ...Object.values(CLIENTS).map(() => "---")),
    ...themeRows(record),
    "",
    "## APIs and versions",
    "",
    "What each broker serves, what the clients sent in this run without a login, and how the answers compare in the versions that both serve. Versions that only this",
    "broker serves are there for older clients; Kafka 4 has dropped them (KIP-896).",
    "",
    row("key", "API", "here", `Kafka ${record.ranOn["Apache Kafka"] ?? ""}`, "kafkajs", "kcat", "Java's tools", "answers"),
    row(..."--------".split("").map(() => "---")),
    ...apiRows(record),
    "",
    `Not served: ${missing.join(", ")}.`,
    "",
    "## Declared differences",
    "",
    "Each of them occurs in the run; one that does not any more fails the test, as does a difference that is not here.",
    "",
    row("difference", "steps", "why"),
    row("---", "---", "---"),
    ...declaredDifferences.map(({ name, reason }) => row(name, String(stepsWith(record, name)), reason)),
    "",
  ].join("\n");
  return format(text, { ...(await resolveConfig(PAGE)), parser: "markdown" });
}
