import { type Session, createSession } from "../engine/api/session.ts";
import { kafkaFormat } from "../kafka/source.ts";
import { mongodbFormat } from "../mongo/sink.ts";

/** A session that reads and writes Kafka and writes MongoDB, beside the engine's own formats. */
export function createLabSession(): Session {
  return createSession({ formats: [kafkaFormat, mongodbFormat] });
}
