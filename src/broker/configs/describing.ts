import { brokerConfigKeys } from "./broker-keys.ts";
import type { BrokerConfigs, DynamicScope, Sourced } from "./broker-configs.ts";
import { configSource, configTypeCode, shownValue, type ConfigKey } from "./config-key.ts";
import { topicConfigKeys } from "./topic-keys.ts";

/** A config as DescribeConfigs and CreateTopics answer it. */
export interface DescribedConfig {
  readonly name: string;
  readonly value: string | null;
  readonly readOnly: boolean;
  readonly configSource: number;
  readonly isSensitive: boolean;
  readonly synonyms: readonly Sourced[];
  readonly configType: number;
  readonly documentation: string;
}

function described(key: ConfigKey, value: string | null, readOnly: boolean, synonyms: readonly Sourced[]): DescribedConfig {
  return {
    name: key.name,
    value,
    readOnly,
    configSource: synonyms[0]?.source ?? configSource.DEFAULT,
    isSensitive: false,
    synonyms,
    configType: configTypeCode[key.type],
    documentation: key.documentation,
  };
}

const shownTopicKeys = topicConfigKeys.filter((key) => !key.isInternal);

/** The configs of a topic with `own` configs, in the order of their names. */
export function describeTopicConfigs(broker: BrokerConfigs, own: ReadonlyMap<string, string>): DescribedConfig[] {
  return shownTopicKeys.map((key) => {
    const synonyms = broker.topicSynonyms(key, own);
    return described(key, shownValue(key, broker.topicValue(key, own)), false, synonyms);
  });
}

/** The configs of the broker itself. */
export function describeBrokerConfigs(broker: BrokerConfigs): DescribedConfig[] {
  return brokerConfigKeys.map((key) => {
    const synonyms = broker.synonyms(key.name);
    return described(key, synonyms[0]?.value ?? null, !key.isDynamic, synonyms);
  });
}

/** The configs that were set for all brokers while they ran. */
export function describeDynamicConfigs(broker: BrokerConfigs, scope: DynamicScope): DescribedConfig[] {
  const own = broker.dynamic(scope);
  const source = scope === "broker" ? configSource.DYNAMIC_BROKER : configSource.DYNAMIC_DEFAULT;
  return brokerConfigKeys
    .filter(({ name }) => own.has(name))
    .map((key) => {
      const value = shownValue(key, own.get(key.name) ?? "");
      return described(key, value, false, [{ name: key.name, value, source }]);
    });
}
