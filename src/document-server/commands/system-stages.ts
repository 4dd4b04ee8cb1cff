import { createHash } from "node:crypto";
import { Binary, Long, type Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { describeIndex, keyPattern } from "../storage/index-spec.ts";
import type { CommandContext } from "./command.ts";
import { collectionStats, countsOf } from "./stats.ts";
import { operationsShown } from "./operations.ts";

/** Stages that stand first in a pipeline and tell of the server, not of documents. */
const ON_COLLECTION = new Set(["$indexStats", "$collStats", "$planCacheStats"]);
const ON_DATABASE = new Set(["$currentOp", "$listLocalSessions", "$listSessions"]);

export function isSystemStage(name: string): boolean {
  return ON_COLLECTION.has(name) || ON_DATABASE.has(name);
}

/** The documents of a pipeline's first stage where it is one that tells of the server; undefined for any other. */
export function systemStage(context: CommandContext, name: string, stage: Document | undefined): Document[] | undefined {
  const kind = Object.keys(stage ?? {})[0] ?? "";
  if (ON_DATABASE.has(kind)) {
    if (kind !== "$listSessions" && name !== "$cmd.aggregate")
      throw new CommandFailure("InvalidNamespace", `${kind} must be run against the 'admin' database with {aggregate: 1}`);
    if (kind === "$currentOp") return operationsShown(context.state);
    return kind === "$listLocalSessions" ? ownSession(context) : [];
  }
  return ON_COLLECTION.has(kind) ? onCollection(context, name, kind, (stage as Document)[kind] as Document) : undefined;
}

/** Sessions need no state here: the one that is known is the one that asks. */
function ownSession({ body, state }: CommandContext): Document[] {
  const id = (body.lsid as Document | undefined)?.id as unknown;
  return id === undefined ? [] : [{ _id: { id, uid: NO_USER }, lastUse: new Date(state.clock.nowMs()) }];
}

/** SHA-256 of nothing: the user of a session without a login. */
const NO_USER = new Binary(createHash("sha256").digest());

function onCollection(context: CommandContext, name: string, kind: string, asked: Document): Document[] {
  const { state, database } = context;
  const collection = state.catalog.find(database, name);
  const host = `${state.address.host}:${state.address.port}`;
  if (kind === "$planCacheStats") return [];
  if (kind === "$indexStats")
    return [...(collection ? [collection.idIndex, ...collection.indexes] : [])].map((index) => ({
      name: index.spec.name,
      key: keyPattern(index.spec),
      host,
      accesses: { ops: Long.fromNumber(index.uses), since: new Date(index.sinceMs) },
      spec: describeIndex(index.spec),
    }));
  if (!collection && (asked.count !== undefined || asked.storageStats !== undefined))
    throw new CommandFailure(
      "NamespaceNotFound",
      `Unable to retrieve storageStats in $collStats stage :: caused by :: Collection [${database}.${name}] not found.`,
    );
  return [
    {
      ns: `${database}.${name}`,
      host,
      localTime: new Date(state.clock.nowMs()),
      ...(asked.latencyStats === undefined ? {} : { latencyStats: {} }),
      ...(asked.storageStats === undefined || !collection
        ? {}
        : { storageStats: collectionStats(collection, Number((asked.storageStats as Document | null)?.scale ?? 1)) }),
      ...(asked.count === undefined || !collection ? {} : { count: countsOf(collection).count }),
    },
  ];
}
