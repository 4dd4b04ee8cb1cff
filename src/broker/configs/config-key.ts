/** Kafka's config types, as DescribeConfigs v3 numbers them. */
export type ConfigType = "boolean" | "string" | "int" | "short" | "long" | "double" | "list";

export const configTypeCode: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
};

/** Where a value comes from, as DescribeConfigs numbers it; the lower wins. */
export const configSource = { TOPIC: 1, DYNAMIC_BROKER: 2, DYNAMIC_DEFAULT: 3, STATIC: 4, DEFAULT: 5, LOGGER: 6 } as const;

/** One config: its name, type and rule. */
export interface ConfigKey {
  readonly name: string;
  readonly type: ConfigType;
  readonly byDefault: string | null;
  readonly documentation: string;
  /** Least and most of a number. */
  readonly least?: number;
  readonly most?: number;
  /** The only values of a text, or of the elements of a list. */
  readonly oneOf?: readonly string[];
  /** A rule of its own: why a value may not be set, or undefined. */
  readonly rule?: (value: string) => string | undefined;
}

const WIDTH: Readonly<Partial<Record<ConfigType, readonly [least: bigint, most: bigint]>>> = {
  short: [-(2n ** 15n), 2n ** 15n - 1n],
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  long: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** The elements of a list config: trimmed, each once. */
export const listElements = (value: string): string[] => [
  ...new Set(
    value
      .split(",")
      .map((one) => one.trim())
      .filter((one) => one !== ""),
  ),
];

function numberFault(key: ConfigKey, text: string): string | undefined {
  const range = WIDTH[key.type];
  const isNumber = range ? /^[+-]?\d+$/.test(text) : text !== "" && Number.isFinite(Number(text));
  if (!isNumber) return `Not a number of type ${key.type.toUpperCase()}`;
  if (range) {
    const whole = BigInt(text.replace(/^\+/, ""));
    if (whole < range[0] || whole > range[1]) return `Not a number of type ${key.type.toUpperCase()}`;
  }
  const value = Number(text);
  if (key.least !== undefined && value < key.least) return `Value must be at least ${key.least}`;
  if (key.most !== undefined && value > key.most) return `Value must be no more than ${key.most}`;
  return undefined;
}

function typeFault(key: ConfigKey, value: string): string | undefined {
  const text = value.trim();
  if (key.type === "boolean") return /^(true|false)$/i.test(text) ? undefined : "Expected value to be either true or false";
  if (key.type === "string" || key.type === "list") {
    const { oneOf } = key;
    const given = key.type === "list" ? listElements(value) : [text];
    return oneOf && given.some((one) => !oneOf.includes(one)) ? `String must be one of: ${oneOf.join(", ")}` : undefined;
  }
  return numberFault(key, text);
}

/** Why a config may not have a value, in Kafka's words; undefined where it may. */
export function configFault(key: ConfigKey, value: string): string | undefined {
  const fault = typeFault(key, value);
  if (fault !== undefined) {
    const shown = key.type === "double" && fault.startsWith("Value") ? shownValue(key, value) : value;
    return `Invalid value ${shown} for configuration ${key.name}: ${fault}`;
  }
  const broken = key.rule?.(value.trim());
  if (broken === undefined) return undefined;
  if (key.type !== "list") return `Invalid value ${value} for configuration ${key.name}: ${broken}`;
  return `Invalid value [${listElements(value).join(", ")}] for configuration ${key.name}: ${key.name} ${broken}`;
}

/** A value as Kafka shows it: without blanks around, numbers without a plus, list elements once, doubles with a fraction. */
export function shownValue(key: ConfigKey, value: string): string {
  const text = value.trim();
  if (key.type === "boolean") return text.toLowerCase();
  if (key.type === "list") return listElements(text).join(",");
  if (key.type === "string") return text;
  if (key.type !== "double") return String(BigInt(text.replace(/^\+/, "")));
  return Number.isInteger(Number(text)) ? Number(text).toFixed(1) : String(Number(text));
}
