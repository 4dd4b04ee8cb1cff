import type { Document } from "bson";
import { shown, textOf } from "../bson/shown.ts";
import type { ConnectionState } from "../connection-state.ts";
import { CommandFailure } from "../failure.ts";
import { isAllowed, type RoleName } from "./roles.ts";
import type { Users } from "./users.ts";

/** What a command needs: an action on a database, or, without one, on the server as a whole. */
type Need = { readonly action: string; readonly database?: string };

/** Commands that need no login: the handshake, and what tells nothing. */
const OPEN = new Set([
  "hello",
  "isMaster",
  "ismaster",
  "ping",
  "buildInfo",
  "buildinfo",
  "saslStart",
  "saslContinue",
  "authenticate",
  "getnonce",
  "logout",
  "connectionStatus",
  "whatsmyuri",
  "endSessions",
  "listCommands",
]);

/** Commands for whoever has logged in; what they reach belongs to the user that made it, or they look for themselves. */
const OWN = new Set([
  "getMore",
  "killCursors",
  "startSession",
  "refreshSessions",
  "killSessions",
  "commitTransaction",
  "abortTransaction",
  "listDatabases",
]);

/** Commands on a database or collection, by the action that they need there. */
const IN_DATABASE: Readonly<Record<string, string>> = {
  find: "find",
  count: "find",
  distinct: "find",
  insert: "insert",
  delete: "remove",
  create: "createCollection",
  drop: "dropCollection",
  dropDatabase: "dropDatabase",
  collMod: "collMod",
  createIndexes: "createIndex",
  dropIndexes: "dropIndex",
  deleteIndexes: "dropIndex",
  listIndexes: "listIndexes",
  listCollections: "listCollections",
  collStats: "collStats",
  collstats: "collStats",
  dataSize: "find",
  dbStats: "dbStats",
  dbstats: "dbStats",
  dbHash: "dbHash",
  validate: "validate",
  compact: "compact",
  convertToCapped: "convertToCapped",
  reIndex: "reIndex",
  profile: "enableProfiler",
  createUser: "createUser",
  dropUser: "dropUser",
  dropAllUsersFromDatabase: "dropUser",
  grantRolesToUser: "grantRole",
  revokeRolesFromUser: "revokeRole",
  rolesInfo: "viewRole",
};

const ON_SERVER: Readonly<Record<string, string>> = {
  serverStatus: "serverStatus",
  getParameter: "getParameter",
  setParameter: "setParameter",
  getCmdLineOpts: "getCmdLineOpts",
  getLog: "getLog",
  hostInfo: "hostInfo",
  getFreeMonitoringStatus: "getParameter",
  currentOp: "inprog",
  killOp: "killop",
  top: "top",
  connPoolStats: "connPoolStats",
  shutdown: "shutdown",
  fsync: "fsync",
  atlasVersion: "getParameter",
};

/** Who may do what: every command passes here before it runs. */
export class Access {
  /** Whether commands need a login at all. */
  readonly isRequired: boolean;
  readonly #users: Users;

  constructor(isRequired: boolean, users: Users) {
    this.isRequired = isRequired;
    this.#users = users;
  }

  /** Throws Unauthorized (13) where the connection's users may not run the command. */
  check(connection: ConnectionState, name: string, database: string, body: Document): void {
    if (!this.isRequired || OPEN.has(name)) return;
    if (connection.users.length === 0) {
      if (this.#isFirstUser(connection, name, database)) return;
      throw new CommandFailure("Unauthorized", `Command ${name} requires authentication`);
    }
    if (OWN.has(name)) return;
    const roles = this.rolesOf(connection);
    for (const need of needsOf(name, database, body, connection))
      if (!isAllowed(roles, need.action, need.database))
        throw new CommandFailure("Unauthorized", `not authorized on ${database} to execute command ${shown(withoutSecrets(body))}`);
  }

  /** Whether the connection's users may do something; true for everybody where no login is needed. */
  allows(connection: ConnectionState, action: string, database: string | undefined): boolean {
    return !this.isRequired || isAllowed(this.rolesOf(connection), action, database);
  }

  /** The roles of all users of a connection, as they are now. */
  rolesOf(connection: ConnectionState): RoleName[] {
    return connection.users.flatMap(({ id }) => [...(this.#users.find(id)?.roles ?? [])]);
  }

  /** The localhost exception: as long as there is no user, one may be made from this machine, in the database admin. */
  #isFirstUser(connection: ConnectionState, name: string, database: string): boolean {
    return connection.isLoopback && this.#users.size === 0 && name === "createUser" && database === "admin";
  }
}

function needsOf(name: string, database: string, body: Document, connection: ConnectionState): readonly Need[] {
  const inDatabase = IN_DATABASE[name];
  if (inDatabase) {
    if (name === "listCollections" && body.authorizedCollections === true && body.nameOnly === true) return [];
    return [{ action: inDatabase, database }];
  }
  const onServer = ON_SERVER[name];
  if (onServer) return name === "currentOp" && body.$ownOps === true ? [] : [{ action: onServer }];
  switch (name) {
    case "update":
      return ["update", ...(hasUpsert(body.updates) ? ["insert"] : [])].map((action) => ({ action, database }));
    case "bulkWrite":
      return bulkNeeds(body);
    case "findAndModify":
    case "findandmodify":
      return ["find", body.remove === true ? "remove" : "update", ...(body.upsert === true ? ["insert"] : [])].map((action) => ({
        action,
        database,
      }));
    case "aggregate":
      return pipelineNeeds(Array.isArray(body.pipeline) ? (body.pipeline as Document[]) : [], database);
    case "explain": {
      const inner = (body.explain ?? {}) as Document;
      return needsOf(Object.keys(inner)[0] ?? "", database, inner, connection);
    }
    case "renameCollection":
      return [body.renameCollection, body.to].flatMap((namespace) => {
        const own = textOf(namespace).split(".")[0] ?? "";
        const actions =
          namespace === body.to ? ["insert", "createIndex", ...(body.dropTarget ? ["dropCollection"] : [])] : ["find", "dropCollection"];
        return actions.map((action) => ({ action, database: own }));
      });
    case "usersInfo":
      return isOneself(body.usersInfo, database, connection)
        ? []
        : [{ action: "viewUser", database: body.usersInfo && (body.usersInfo as Document).forAllDBs ? "admin" : database }];
    case "updateUser": {
      const isOwn = connection.users.some((user) => user.name === body.updateUser && user.database === database);
      const changes: readonly (readonly [string, string])[] = [
        ["pwd", "changePassword"],
        ["customData", "changeCustomData"],
        ["roles", "grantRole"],
      ];
      return changes
        .filter(([field]) => body[field] !== undefined && !(isOwn && field === "pwd"))
        .map(([, action]) => ({ action, database }));
    }
    default:
      return [{ action: "internal" }];
  }
}

/** The operations of update may come in a section of their own, unread here: they count as upserts then only if a field of them could say so. */
function hasUpsert(updates: unknown): boolean {
  return !Array.isArray(updates) || (updates as Document[]).some((update) => update?.upsert === true);
}

function bulkNeeds(body: Document): Need[] {
  const namespaces = Array.isArray(body.nsInfo) ? (body.nsInfo as Document[]) : [];
  return namespaces.flatMap(({ ns }) =>
    ["insert", "update", "remove"].map((action) => ({ action, database: String(ns).split(".")[0] ?? "" })),
  );
}

function pipelineNeeds(pipeline: readonly Document[], database: string): Need[] {
  const first = Object.keys(pipeline[0] ?? {})[0];
  const reading: Need =
    first === "$currentOp"
      ? { action: "inprog" }
      : first === "$indexStats" || first === "$collStats"
        ? { action: first === "$collStats" ? "collStats" : "indexStats", database }
        : { action: "find", database };
  const needs: Need[] = first === "$documents" || first === "$listLocalSessions" ? [] : [reading];
  for (const stage of pipeline) {
    const out = stage?.$out as unknown;
    const merge = stage?.$merge as unknown;
    const target = (out ?? (merge as Document | undefined)?.into ?? merge) as unknown;
    const into = (target as Document | undefined)?.db;
    if (out !== undefined)
      for (const action of ["insert", "remove"]) needs.push({ action, database: typeof into === "string" ? into : database });
    if (merge !== undefined)
      for (const action of ["insert", "update"]) needs.push({ action, database: typeof into === "string" ? into : database });
    for (const inner of [stage?.$lookup, stage?.$unionWith] as (Document | undefined)[])
      if (Array.isArray(inner?.pipeline)) needs.push(...pipelineNeeds(inner.pipeline as Document[], database));
    for (const branch of Object.values((stage?.$facet ?? {}) as Document)) needs.push(...pipelineNeeds(branch as Document[], database));
  }
  return needs;
}

function isOneself(asked: unknown, database: string, connection: ConnectionState): boolean {
  const named = typeof asked === "string" ? { user: asked, db: database } : (asked as Document | null);
  return connection.users.some((user) => user.name === named?.user && user.database === named?.db);
}

/** A command without what must not be shown. */
export function withoutSecrets(body: Document): Document {
  const { $db: _, lsid: __, $clusterTime: ___, ...rest } = body;
  return { ...rest, ...("pwd" in rest ? { pwd: "xxx" } : {}), ...("payload" in rest ? { payload: "xxx" } : {}) };
}
