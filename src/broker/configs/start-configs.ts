import { BrokerError } from "../broker-error.ts";
import { brokerConfigKey } from "./broker-configs.ts";
import { configFault } from "./config-key.ts";

/** The configs that may be given at the start beside the defaults of topics, and the settings that they stand for. */
const SETTINGS = {
  "log.retention.check.interval.ms": "retentionCheckMs",
  "log.cleaner.backoff.ms": "cleanerBackoffMs",
  "log.cleaner.dedupe.buffer.size": "cleanerBufferBytes",
  "producer.id.expiration.check.interval.ms": "producerIdExpirationCheckMs",
  "producer.id.expiration.ms": "producerIdExpirationMs",
  "transaction.abort.timed.out.transaction.cleanup.interval.ms": "transactionCheckMs",
  "transaction.max.timeout.ms": "maxTransactionTimeoutMs",
  "transactional.id.expiration.ms": "transactionalIdExpirationMs",
} as const;

const LEAST_MS = 10;

type StartSettings = Partial<Record<(typeof SETTINGS)[keyof typeof SETTINGS], number>>;

const isSetting = (name: string): name is keyof typeof SETTINGS => Object.hasOwn(SETTINGS, name);

/**
 * Reads the configs that a broker is started with, by Kafka's names: intervals of its upkeep become settings, the rest stay as the defaults of
 * topics. Throws INVALID_OPTION for what it does not know or take.
 */
export function startConfigs(given: Readonly<Record<string, string>>): { settings: StartSettings; configs: Record<string, string> } {
  const settings: StartSettings = {};
  const configs: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const key = brokerConfigKey(name);
    const fault =
      key && (key.isDynamic || isSetting(name))
        ? configFault(key, value)
        : `the broker cannot be started with a value of its own for ${name}`;
    if (fault !== undefined) {
      throw new BrokerError("INVALID_OPTION", {
        failed: "Cannot start the Kafka-protocol development broker",
        found: fault,
        remedy: `Give configs of Kafka's broker that are defaults of topics (log.retention.ms …), or ${Object.keys(SETTINGS).join(", ")}.`,
      });
    }
    if (isSetting(name)) settings[SETTINGS[name]] = Math.max(LEAST_MS, Number(value));
    else configs[name] = value;
  }
  return { settings, configs };
}
