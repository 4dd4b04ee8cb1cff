import { messageOf, StreamlabError, type Problem } from "../base/errors.ts";
import { systemWords } from "../base/system-error.ts";

/** What can go wrong between a program and Kafka. */
export type KafkaErrorCode =
  | "KAFKA_UNREACHABLE"
  | "KAFKA_LOGIN"
  | "KAFKA_TLS"
  | "KAFKA_NOT_ALLOWED"
  | "KAFKA_TOPIC"
  | "KAFKA_GROUP"
  | "KAFKA_OPTION"
  | "KAFKA_DATA_LOSS"
  | "KAFKA_REQUEST"
  | "KAFKA_CLOSED";

export class KafkaError extends StreamlabError {
  constructor(code: KafkaErrorCode, problem: Problem) {
    super(code, problem);
  }
}

/** "Cannot reach Kafka at …", with what the system said. */
export function unreachable(brokers: readonly string[], cause: unknown): KafkaError {
  return new KafkaError("KAFKA_UNREACHABLE", {
    failed: `Cannot reach Kafka at ${brokers.join(", ")}`,
    found: systemWords(cause) ?? messageOf(cause).replace(/\.$/, ""),
    remedy: 'Start it with "streamlab up", or pass --kafka host:port.',
    cause,
  });
}

/** "Cannot log in to Kafka at …". */
export function loginRefused(brokers: readonly string[], found: string, cause?: unknown): KafkaError {
  return new KafkaError("KAFKA_LOGIN", {
    failed: `Cannot log in to Kafka at ${brokers.join(", ")}`,
    found,
    remedy: "Check user, password and mechanism, and that this listener is the one with SASL.",
    cause,
  });
}

/** "Cannot find the topic …". */
export function unknownTopic(topic: string): KafkaError {
  return new KafkaError("KAFKA_TOPIC", {
    failed: `Cannot find the topic "${topic}"`,
    found: "the cluster does not know it",
    remedy: `Create it with "streamlab topics create --topic ${topic}", or check its name with "streamlab topics list".`,
  });
}
