import { errorName } from "../../../src/kafka-protocol/error-codes.ts";
import { ZERO_UUID } from "../../../src/kafka-protocol/schema.ts";
import type { Target } from "./place.ts";

/** What transcripts are made of. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };

/** By these names the elements of a list are put in order: the protocol promises none. */
const IDENTITIES = [
  "name",
  "topic",
  "topicName",
  "groupId",
  "resourceName",
  "apiKey",
  "partitionIndex",
  "partition",
  "index",
  "nodeId",
  "brokerId",
  "user",
  "mechanism",
  "topicId",
];

/** Names of numbers that differ from run to run, and what stands for those that are set (≥ 0). */
const NUMBERS: Readonly<Record<string, string>> = {
  producerId: "producer id",
  logAppendTimeMs: "time",
  port: "port",
  partitionSize: "bytes",
  totalBytes: "bytes",
  usableBytes: "bytes",
  sessionLifetimeMs: "time",
  finalizedFeaturesEpoch: "epoch",
};

const PATTERNS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\/\S*streamlab-conformance-\S*?(?=["'\s,]|$)/g, "folder"],
  [/(?<=TopicId: )[\w-]{22}/g, "topic id"],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "guid"],
  [/(?:localhost|127\.0\.0\.1|\[::1\]|::1)[: ]\d{4,5}/g, "address"],
  [/(?<=should be within )\[-?\d+, \d+\]/g, "time"],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.:,]\d{3}(?:Z|[+-]\d\d:?\d\d)?/g, "time"],
];

function identityOf(element: unknown): string {
  if (typeof element !== "object" || element === null) return "";
  const fields = element as Record<string, unknown>;
  return IDENTITIES.filter((name) => fields[name] !== undefined)
    .map((name) => (typeof fields[name] === "number" ? String(fields[name]).padStart(9, "0") : `«${String(fields[name])}»`))
    .join(" ");
}

/**
 * A transcript without what differs from run to run: ids, addresses, times become names, the same one for the same value within a step. Lists of
 * things with names are sorted.
 */
export function normalise(transcript: unknown, target: Target): Plain {
  const named = new Map<string, string>();
  const counts = new Map<string, number>();
  const symbol = (kind: string, value: string): string => {
    const known = named.get(`${kind} ${value}`);
    if (known !== undefined) return known;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const made = `<${kind} ${count}>`;
    named.set(`${kind} ${value}`, made);
    return made;
  };
  const textOf = (text: string): string =>
    PATTERNS.reduce(
      (done, [pattern, kind]) => done.replace(pattern, (found) => symbol(kind, ["address", "time", "folder"].includes(kind) ? "" : found)),
      text,
    );
  const plain = (value: unknown, name: string): Plain => {
    if (value === null || value === undefined) return null;
    if (typeof value === "boolean") return value;
    if (typeof value === "number") {
      if (/errorCode$/i.test(name)) return errorName(value);
      const kind = NUMBERS[name];
      return kind !== undefined && value >= 0 ? symbol(kind, kind === "producer id" || kind === "epoch" ? String(value) : "") : value;
    }
    if (typeof value === "bigint") return String(value);
    if (typeof value === "string") {
      if (name === "topicId" || name === "TopicId") return value === ZERO_UUID ? "<no id>" : symbol("topic id", value);
      if (name === "clusterId") return "<cluster>";
      if (name === "host" && value === target.host) return "<host>";
      return textOf(value);
    }
    if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("base64")}`;
    if (Array.isArray(value)) {
      const elements = value.map((one) => ({ one: one as unknown, identity: identityOf(one) }));
      if (elements.every(({ identity }) => identity !== ""))
        elements.sort((a, b) => (a.identity < b.identity ? -1 : a.identity > b.identity ? 1 : 0));
      return elements.map(({ one }) => plain(one, name));
    }
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one, key)]));
  };
  return plain(transcript, "");
}

/** The lines of a tool's output without those of its logger, which no user reads the same way twice. */
export function withoutLog(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|^\[?\d+ms?\]|^\[main\]|^\d+ \[|^\tat |^%\d\|/.test(line));
}
