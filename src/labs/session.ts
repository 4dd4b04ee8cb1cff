import { type Session, type SessionOptions, createSession as createEngineSession } from "../engine/api/session.ts";
import { kafkaFormat } from "../kafka/source.ts";
import { mongodbFormat } from "../mongo/sink.ts";

/** A session that knows `kafka` and `mongodb` beside the engine's own formats and those that are given. */
export function createSession(options: SessionOptions = {}): Session {
  return createEngineSession({ ...options, formats: [kafkaFormat, mongodbFormat, ...(options.formats ?? [])] });
}
