import type { BrokerSettings } from "../settings.ts";
import { brokerConfigKeys, type BrokerConfigKey } from "./broker-keys.ts";
import { configFault, configSource, shownValue } from "./config-key.ts";
import type { TopicConfigKey } from "./topic-keys.ts";

/** A value and where it comes from. */
export interface Sourced {
  readonly name: string;
  readonly value: string;
  readonly source: number;
}

/** Whose dynamic configs: this broker's, or those of every broker. */
export type DynamicScope = "broker" | "default";

type Configs = ReadonlyMap<string, string>;

const byName: ReadonlyMap<string, BrokerConfigKey> = new Map(brokerConfigKeys.map((key) => [key.name, key]));

/** The config of that name, or undefined where the broker has none. */
export const brokerConfigKey = (name: string): BrokerConfigKey | undefined => byName.get(name);

/** Why configs may not be set while the broker runs, in Kafka's words; undefined where they may. */
export function dynamicConfigsFault(configs: Configs): string | undefined {
  const refused = [...configs.keys()].filter((name) => !byName.get(name)?.isDynamic);
  if (refused.length > 0) return `Cannot update these configs dynamically: [${refused.join(", ")}]`;
  for (const [name, value] of configs) {
    const fault = configFault(byName.get(name) as BrokerConfigKey, value);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The configs of the broker: what it was started with, and what clients have set since. */
export class BrokerConfigs {
  readonly #settings: BrokerSettings;
  readonly #static: Configs;
  readonly #dynamic: Record<DynamicScope, Configs> = { broker: new Map(), default: new Map() };

  constructor(settings: BrokerSettings) {
    this.#settings = settings;
    this.#static = new Map(Object.entries(settings.configs));
  }

  dynamic(scope: DynamicScope): Configs {
    return this.#dynamic[scope];
  }

  setDynamic(scope: DynamicScope, configs: Configs): void {
    this.#dynamic[scope] = configs;
  }

  /** Every value that a config has somewhere, the one that holds first. */
  synonyms(name: string): Sourced[] {
    const key = byName.get(name);
    if (!key) return [];
    const found: Sourced[] = [];
    const add = (value: string | undefined | null, source: number): void => {
      if (value !== undefined && value !== null) found.push({ name, value: shownValue(key, value), source });
    };
    add(this.#dynamic.broker.get(name), configSource.DYNAMIC_BROKER);
    add(this.#dynamic.default.get(name), configSource.DYNAMIC_DEFAULT);
    const inUse = key.inUse === undefined ? this.#static.get(name) : String(key.inUse(this.#settings));
    if (inUse !== key.byDefault) add(inUse, configSource.STATIC);
    add(key.byDefault, configSource.DEFAULT);
    return found;
  }

  /** Every value that holds or would hold for a topic with `own` configs, the one that holds first; empty where Kafka names none. */
  topicSynonyms(key: TopicConfigKey, own: Configs): Sourced[] {
    const value = own.get(key.name);
    const inherited = key.brokerName === undefined ? [] : this.synonyms(key.brokerName);
    const set = value === undefined ? [] : [{ name: key.name, value: shownValue(key, value), source: configSource.TOPIC }];
    const found = [...set, ...inherited];
    if (key.fallback && inherited.length > 0) found.push({ ...key.fallback, source: configSource.DEFAULT });
    return found;
  }

  /** The value that holds for a topic with `own` configs. */
  topicValue(key: TopicConfigKey, own: Configs): string {
    const value = own.get(key.name);
    if (value !== undefined) return value;
    return (key.brokerName === undefined ? undefined : this.synonyms(key.brokerName)[0]?.value) ?? key.byDefault;
  }
}
