import { MongoClient, type MongoClientOptions } from "mongodb";
import { messageOf } from "../base/errors.ts";
import { hostsOf, isRefusal, loginRefused, MongoError, unreachable } from "./mongo-error.ts";

export interface ConnectMongoOptions {
  /** Shown in the server's log. */
  readonly appName?: string;
  /** How long to look for a server, at the start and whenever one was lost; 3 000 when not given. */
  readonly selectionTimeoutMs?: number;
  /** How long one answer may take; 30 000 when not given. A server that accepts but never answers is noticed by this. */
  readonly socketTimeoutMs?: number;
  readonly maxPoolSize?: number;
}

/**
 * A connected driver. It stays connected for its life: after the server was away the next operation finds it again.
 * @throws MongoError MONGO_UNREACHABLE, MONGO_LOGIN, or MONGO_OPTION for an address that is none
 */
export async function connectMongo(uri: string, options: ConnectMongoOptions = {}): Promise<MongoClient> {
  const client = newClient(uri, options);
  try {
    await client.connect();
    await client.db("admin").command({ ping: 1 });
    return client;
  } catch (thrown) {
    await client.close();
    throw isRefusal(thrown) ? loginRefused(uri, thrown) : unreachable(uri, thrown);
  }
}

function newClient(uri: string, options: ConnectMongoOptions): MongoClient {
  const settings: MongoClientOptions = {
    appName: options.appName ?? "streamlab",
    serverSelectionTimeoutMS: options.selectionTimeoutMs ?? 3_000,
    connectTimeoutMS: options.selectionTimeoutMs ?? 3_000,
    socketTimeoutMS: options.socketTimeoutMs ?? 30_000,
    heartbeatFrequencyMS: 2_000,
    maxPoolSize: options.maxPoolSize ?? 8,
  };
  try {
    return new MongoClient(uri, settings);
  } catch (thrown) {
    throw new MongoError("MONGO_OPTION", {
      failed: `Cannot read the MongoDB address "${hostsOf(uri)}"`,
      found: messageOf(thrown).replace(/\.$/, ""),
      remedy: "Pass one as in mongodb://127.0.0.1:27017.",
      cause: thrown,
    });
  }
}
