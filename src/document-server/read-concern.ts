import type { Document } from "bson";
import { CommandFailure } from "./failure.ts";

const LEVELS = new Set(["local", "available", "majority", "linearizable", "snapshot"]);

/** Throws for a read concern that is none, and for those that only a replica set can keep. On one node local, available and majority are the same. */
export function checkReadConcern({ readConcern }: Document): void {
  if (readConcern === undefined) return;
  if (typeof readConcern !== "object" || readConcern === null) throw new CommandFailure("FailedToParse", "readConcern must be an object");
  const { level, afterClusterTime, atClusterTime } = readConcern as Document;
  if (level !== undefined && !LEVELS.has(level as string))
    throw new CommandFailure("BadValue", `Enumeration value '${String(level)}' for field 'readConcern.level' is not a valid value.`);
  if (level === "snapshot" || level === "linearizable")
    throw new CommandFailure("NotAReplicaSet", `node needs to be a replica set member to use readConcern: ${level}`);
  if (afterClusterTime !== undefined || atClusterTime !== undefined)
    throw new CommandFailure("NotAReplicaSet", "node needs to be a replica set member to use read concern");
}
