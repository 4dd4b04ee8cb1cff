import { StreamlabError, type Problem } from "../base/errors.ts";

/** What can be wrong with bytes that claim to be Kafka's protocol. */
export type ProtocolErrorCode = "MALFORMED_MESSAGE" | "FRAME_TOO_LARGE" | "CORRUPT_BATCH" | "UNSUPPORTED_BATCH" | "INVALID_MESSAGE";

/** Bytes that cannot be read, or a message that cannot be written. Whoever owns the connection closes it. */
export class KafkaProtocolError extends StreamlabError {
  constructor(code: ProtocolErrorCode, problem: Problem) {
    super(code, problem);
  }
}

/** A message ended before its fields did, or a length in it makes no sense. */
export function malformed(found: string): KafkaProtocolError {
  return new KafkaProtocolError("MALFORMED_MESSAGE", {
    failed: "Cannot read a message of Kafka's protocol",
    found,
    remedy: "Check that the other side speaks Kafka's protocol on this port, without TLS where this side expects none.",
  });
}
