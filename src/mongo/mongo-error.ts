import { MongoServerError } from "mongodb";
import { messageOf, StreamlabError, type Problem } from "../base/errors.ts";
import { systemWords } from "../base/system-error.ts";

/** What can go wrong between a program and MongoDB. */
export type MongoFailureCode = "MONGO_UNREACHABLE" | "MONGO_LOGIN" | "MONGO_OPTION" | "MONGO_WRITE";

export class MongoError extends StreamlabError {
  constructor(code: MongoFailureCode, problem: Problem) {
    super(code, problem);
  }
}

/** A URI as it may be shown: hosts only, no user, password or options. */
export function hostsOf(uri: string): string {
  return uri
    .replace(/^mongodb(\+srv)?:\/\//, "")
    .replace(/^[^/?]*@/, "")
    .replace(/[/?].*$/s, "");
}

/** "Cannot reach MongoDB at …", with what the system said. */
export function unreachable(uri: string, cause: unknown): MongoError {
  const found = systemWords(cause) ?? (/timed out/i.test(messageOf(cause)) ? "no answer in time" : messageOf(cause).replace(/\.$/, ""));
  return new MongoError("MONGO_UNREACHABLE", {
    failed: `Cannot reach MongoDB at ${hostsOf(uri)}`,
    found,
    remedy: 'Start it with "streamlab up", or pass --mongo mongodb://host:port.',
    cause,
  });
}

/** Codes 13 and 18: the server knows neither the user nor what it may do. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof MongoServerError && (thrown.code === 13 || thrown.code === 18);
}

export function loginRefused(uri: string, cause: unknown): MongoError {
  return new MongoError("MONGO_LOGIN", {
    failed: `Cannot log in to MongoDB at ${hostsOf(uri)}`,
    found: messageOf(cause).replace(/\.$/, ""),
    remedy: "Check user, password and authSource in the address, and what that user may write.",
    cause,
  });
}
