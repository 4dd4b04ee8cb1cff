import { codeOf, messageOf, StreamlabError, type Problem } from "../base/errors.ts";

/** What can go wrong between a program and Kafka. */
export type KafkaErrorCode =
  | "KAFKA_UNREACHABLE"
  | "KAFKA_LOGIN"
  | "KAFKA_NOT_ALLOWED"
  | "KAFKA_TOPIC"
  | "KAFKA_OPTION"
  | "KAFKA_DATA_LOSS"
  | "KAFKA_REQUEST"
  | "KAFKA_CLOSED";

export class KafkaError extends StreamlabError {
  constructor(code: KafkaErrorCode, problem: Problem) {
    super(code, problem);
  }
}

const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the host's name cannot be looked up",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "no route to the host",
  ECONNRESET: "the other side closed the connection",
};

/** "Cannot reach Kafka at …", with what the system said. */
export function unreachable(brokers: readonly string[], cause: unknown): KafkaError {
  const code = systemCode(cause);
  return new KafkaError("KAFKA_UNREACHABLE", {
    failed: `Cannot reach Kafka at ${brokers.join(", ")}`,
    found: (code && SYSTEM[code]) ?? code ?? messageOf(cause).replace(/\.$/, ""),
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

/** The code of the system's error at the root of a chain of causes. */
export function systemCode(thrown: unknown): string | undefined {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth++) {
    const code = codeOf(error);
    if (code !== undefined && code in SYSTEM) return code;
    const named = Object.keys(SYSTEM).find((name) => (error as Error).message.includes(name));
    if (named) return named;
  }
  return undefined;
}
