/** Kafka's config types, as DescribeConfigs v3 numbers them. */
export type ConfigType = "boolean" | "string" | "int" | "long" | "list";

export const configTypeCode: Readonly<Record<ConfigType, number>> = { boolean: 1, string: 2, int: 3, long: 5, list: 7 };

export interface ConfigKey {
  readonly name: string;
  readonly type: ConfigType;
  readonly byDefault: string;
  /** Why a value may not be set, or undefined where it may. */
  readonly fault: (value: string) => string | undefined;
  readonly documentation: string;
}

const whole =
  (least: number, most: number) =>
  (value: string): string | undefined => {
    const number = Number(value);
    if (/^[+-]?\d+$/.test(value.trim()) && number >= least && number <= most) return undefined;
    return `Invalid value ${value}: it must be a whole number from ${least} to ${most}`;
  };

const oneOf =
  (...allowed: readonly string[]) =>
  (value: string): string | undefined =>
    allowed.includes(value) ? undefined : `Invalid value ${value}: this broker knows ${allowed.join(", ")}`;

const LONG = Number.MAX_SAFE_INTEGER;
const INT = 2 ** 31 - 1;

/** The configs of a topic that the broker acts on; it refuses every other. Names, types and defaults are Kafka's but for the segment size. */
export const topicConfigKeys: readonly ConfigKey[] = [
  {
    name: "cleanup.policy",
    type: "list",
    byDefault: "delete",
    fault: oneOf("delete"),
    documentation: "What happens to old segments. The development broker deletes; it does not compact.",
  },
  {
    name: "compression.type",
    type: "string",
    byDefault: "producer",
    fault: oneOf("producer"),
    documentation: "Batches are stored as the producer compressed them.",
  },
  {
    name: "max.message.bytes",
    type: "int",
    byDefault: "1048588",
    fault: whole(0, INT),
    documentation: "The largest record batch that is taken, in bytes.",
  },
  {
    name: "message.timestamp.type",
    type: "string",
    byDefault: "CreateTime",
    fault: oneOf("CreateTime", "LogAppendTime"),
    documentation: "Whether a record bears the time its producer gave or the time it was appended.",
  },
  {
    name: "min.insync.replicas",
    type: "int",
    byDefault: "1",
    fault: whole(1, INT),
    documentation: "Replicas that must hold a write with acks=all. This broker is one replica: with more, such writes are refused.",
  },
  {
    name: "retention.bytes",
    type: "long",
    byDefault: "-1",
    fault: whole(-1, LONG),
    documentation: "Old segments of a partition go when it would still hold so many bytes. -1: no limit.",
  },
  {
    name: "retention.ms",
    type: "long",
    byDefault: "604800000",
    fault: whole(-1, LONG),
    documentation: "Segments go when their latest record is so old. -1: never.",
  },
  {
    name: "segment.bytes",
    type: "int",
    byDefault: "134217728",
    fault: whole(14, INT),
    documentation: "The size at which a segment is closed and the next one begun.",
  },
];

const byName: ReadonlyMap<string, ConfigKey> = new Map(topicConfigKeys.map((key) => [key.name, key]));

/** Why a config may not be set on a topic, or undefined where it may. */
export function topicConfigFault(name: string, value: string | null): string | undefined {
  const key = byName.get(name);
  if (!key) return `Unknown topic config name: ${name}`;
  if (value === null) return `Null value not supported for topic configs: ${name}`;
  const fault = key.fault(value);
  return fault === undefined ? undefined : `${fault} (for configuration ${name})`;
}

/** The value that holds for a topic with these settings of its own. */
export function configValue(own: ReadonlyMap<string, string>, name: string): string {
  return own.get(name) ?? byName.get(name)?.byDefault ?? "";
}

/** The same as a number. */
export const configNumber = (own: ReadonlyMap<string, string>, name: string): number => Number(configValue(own, name));
