import type { Document } from "bson";
import { CommandFailure } from "./failure.ts";

/** The commands of the Stable API, version 1 (manual: "Stable API"). */
const VERSION_1_COMMANDS = new Set([
  "abortTransaction",
  "aggregate",
  "bulkWrite",
  "collMod",
  "commitTransaction",
  "count",
  "create",
  "createIndexes",
  "delete",
  "drop",
  "dropDatabase",
  "dropIndexes",
  "endSessions",
  "explain",
  "find",
  "findAndModify",
  "getMore",
  "hello",
  "insert",
  "killCursors",
  "killSessions",
  "listCollections",
  "listDatabases",
  "listIndexes",
  "ping",
  "refreshSessions",
  "update",
]);

/** Stages that the Stable API leaves out. */
const OUTSIDE_STAGES = new Set([
  "$currentOp",
  "$indexStats",
  "$listLocalSessions",
  "$listSessions",
  "$planCacheStats",
  "$search",
  "$searchMeta",
]);

/** Throws for a version that does not exist, for apiStrict without one, and under apiStrict for what the version does not hold. */
export function checkApiVersion(name: string, body: Document): void {
  const { apiVersion, apiStrict, apiDeprecationErrors } = body;
  if (apiVersion === undefined) {
    if (apiStrict === undefined && apiDeprecationErrors === undefined) return;
    throw new CommandFailure("InvalidOptions", "Provided apiStrict or apiDeprecationErrors without passing apiVersion");
  }
  if (typeof apiVersion !== "string")
    throw new CommandFailure("TypeMismatch", `BSON field 'apiVersion' is the wrong type '${typeof apiVersion}', expected type 'string'`);
  if (apiVersion !== "1") throw new CommandFailure("APIVersionError", 'API version must be "1"');
  if (apiStrict !== true) return;
  if (!VERSION_1_COMMANDS.has(name))
    throw new CommandFailure(
      "APIStrictError",
      `Provided apiStrict:true, but the command ${name} is not in API Version 1. Information on supported commands and migrations in API Version 1 can be found in the manual's page on the Stable API.`,
    );
  const pipeline = name === "aggregate" && Array.isArray(body.pipeline) ? (body.pipeline as Document[]) : [];
  for (const stage of pipeline) {
    const outside = Object.keys(stage ?? {}).find((one) => OUTSIDE_STAGES.has(one));
    if (outside) throw new CommandFailure("APIStrictError", `stage ${outside} is not allowed with 'apiStrict: true' in API Version 1`);
  }
}
