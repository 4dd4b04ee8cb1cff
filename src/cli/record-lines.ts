import type { ReceivedRecord } from "../kafka/consumer.ts";
import { KafkaError } from "../kafka/kafka-error.ts";
import { shown } from "./kafka-address.ts";

type Properties = Readonly<Record<string, string>>;

const KNOWN: readonly string[] = [
  ...["print.timestamp", "print.partition", "print.offset", "print.epoch", "print.headers", "print.key", "print.value"],
  ...["key.separator", "line.separator", "headers.separator", "null.literal"],
];

/** How messages are written: as a line with its place, in the console consumer's columns, or as JSON. */
export type RecordFormat = (record: ReceivedRecord) => Uint8Array;

/**
 * The format that flags ask for. Without properties `topic:partition:offset: key=… value=…` (labs.md E4); with some, the columns of
 * kafka-console-consumer's default formatter: timestamp, partition, offset, epoch, headers, key, value. Keys and values go out as the bytes that
 * they are, but for a terminal, which control characters could steer.
 * @throws KafkaError KAFKA_OPTION for a property that there is not
 */
export function recordFormat(properties: Properties, isJson: boolean, isTerminal: boolean): RecordFormat {
  const unknown = Object.keys(properties).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    throw new KafkaError("KAFKA_OPTION", {
      failed: "Cannot format messages",
      found: `the property ${unknown}`,
      remedy: `There are ${KNOWN.join(", ")}.`,
    });
  }
  if (isJson) return (record) => Buffer.from(`${JSON.stringify(plain(record))}\n`);
  const visible = (bytes: Uint8Array): Uint8Array => (isTerminal ? Buffer.from(shown(Buffer.from(bytes).toString("utf8"))) : bytes);
  const nullLiteral = Buffer.from(properties["null.literal"] ?? "null");
  const bytes = (value: Buffer | null): Uint8Array => (value === null ? nullLiteral : visible(value));
  if (Object.keys(properties).length === 0) {
    return ({ topic, partition, offset, key, value }) =>
      Buffer.concat([
        Buffer.from(`${topic}:${partition}:${offset}: key=`),
        bytes(key),
        Buffer.from(" value="),
        bytes(value),
        Buffer.from("\n"),
      ]);
  }
  const isOn = (name: string, byDefault: boolean = false): boolean =>
    (properties[`print.${name}`] ?? String(byDefault)).trim().toLowerCase() === "true";
  const columns: ((record: ReceivedRecord) => Uint8Array)[] = [];
  const column = (name: string, text: (record: ReceivedRecord) => Uint8Array | string, byDefault: boolean = false): void => {
    if (isOn(name, byDefault)) columns.push((record) => Buffer.from(text(record)));
  };
  const headersSeparator = unescaped(properties["headers.separator"] ?? ",");
  column("timestamp", ({ timestampMs, timestampType }) =>
    timestampMs < 0 ? "NO_TIMESTAMP" : `${timestampType === 1 ? "LogAppendTime" : "CreateTime"}:${timestampMs}`,
  );
  column("partition", ({ partition }) => `Partition:${partition}`);
  column("offset", ({ offset }) => `Offset:${offset}`);
  column("epoch", () => "Epoch:NOT_PRESENT");
  column("headers", ({ headers }) =>
    headers.length === 0
      ? "NO_HEADERS"
      : joined(
          headers.map(([name, value]) => Buffer.concat([Buffer.from(`${name}:`), bytes(value)])),
          headersSeparator,
        ),
  );
  column("key", ({ key }) => bytes(key));
  column("value", ({ value }) => bytes(value), true);
  const keySeparator = unescaped(properties["key.separator"] ?? "\t");
  const lineSeparator = Buffer.from(unescaped(properties["line.separator"] ?? "\n"));
  return (record) =>
    Buffer.concat([
      joined(
        columns.map((one) => one(record)),
        keySeparator,
      ),
      lineSeparator,
    ]);
}

function joined(parts: readonly Uint8Array[], separator: string): Buffer {
  const between = Buffer.from(separator);
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [between, part])));
}

/** A shell hands `\t` and `\n` over as two characters each. */
function unescaped(text: string): string {
  return text.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
}

function plain({ topic, partition, offset, timestampMs, key, value, headers }: ReceivedRecord): object {
  const text = (bytes: Buffer | null): string | null => bytes?.toString("utf8") ?? null;
  return {
    ...{ topic, partition, offset, timestamp: timestampMs, key: text(key), value: text(value) },
    ...(headers.length > 0 ? { headers: headers.map(([name, bytes]) => [name, text(bytes)]) } : {}),
  };
}
