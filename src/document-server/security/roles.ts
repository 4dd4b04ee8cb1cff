import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";

/** A role as users have it: in a database. */
export type RoleName = { readonly role: string; readonly db: string };

/** What a role allows: actions on a database ("" for all but the server's own), or on the server as a whole. */
export type Privilege = {
  readonly resource: { readonly db: string; readonly collection: string } | { readonly cluster: true } | { readonly anyResource: true };
  readonly actions: readonly string[];
};

const READ = ["changeStream", "collStats", "dbHash", "dbStats", "find", "killCursors", "listCollections", "listIndexes", "planCacheRead"];
const WRITE = [
  "convertToCapped",
  "createCollection",
  "createIndex",
  "dropCollection",
  "dropIndex",
  "insert",
  "remove",
  "renameCollectionSameDB",
  "update",
];
const ADMIN = [
  "bypassDocumentValidation",
  "collMod",
  "collStats",
  "compact",
  "convertToCapped",
  "createCollection",
  "createIndex",
  "dbStats",
  "dropCollection",
  "dropDatabase",
  "dropIndex",
  "enableProfiler",
  "indexStats",
  "listCollections",
  "listIndexes",
  "planCacheRead",
  "planCacheWrite",
  "reIndex",
  "renameCollectionSameDB",
  "storageDetails",
  "validate",
];
const USERS = [
  "changeCustomData",
  "changePassword",
  "createRole",
  "createUser",
  "dropRole",
  "dropUser",
  "grantRole",
  "revokeRole",
  "setAuthenticationRestriction",
  "viewRole",
  "viewUser",
];
const MONITOR = [
  "connPoolStats",
  "getCmdLineOpts",
  "getLog",
  "getParameter",
  "hostInfo",
  "inprog",
  "listDatabases",
  "listSessions",
  "serverStatus",
  "top",
];
const HOST = [
  "closeAllDatabases",
  "cpuProfiler",
  "flushRouterConfig",
  "fsync",
  "killAnyCursor",
  "killAnySession",
  "killop",
  "logRotate",
  "resync",
  "setParameter",
  "shutdown",
];

/** MongoDB's built-in roles that have a meaning on one node (manual: "Built-In Roles"). */
const IN_DATABASE: Readonly<Record<string, readonly string[]>> = {
  read: READ,
  readWrite: [...READ, ...WRITE],
  dbAdmin: ADMIN,
  userAdmin: USERS,
  dbOwner: [...new Set([...READ, ...WRITE, ...ADMIN, ...USERS])],
};

const any = (...actions: readonly string[]): Privilege => ({ resource: { db: "", collection: "" }, actions });
const cluster = (...actions: readonly string[]): Privilege => ({ resource: { cluster: true }, actions });

/** Those of the database admin. */
const IN_ADMIN: Readonly<Record<string, readonly Privilege[]>> = {
  readAnyDatabase: [any(...READ), cluster("listDatabases")],
  readWriteAnyDatabase: [any(...READ, ...WRITE), cluster("listDatabases")],
  dbAdminAnyDatabase: [any(...ADMIN), cluster("listDatabases")],
  userAdminAnyDatabase: [any(...USERS), cluster("listDatabases", "invalidateUserCache")],
  clusterMonitor: [cluster(...MONITOR), any("collStats", "dbStats", "indexStats", "listCollections", "listIndexes", "useUUID")],
  hostManager: [cluster(...HOST), any("killCursors")],
  clusterManager: [cluster("applicationMessage", "listSessions")],
  clusterAdmin: [
    cluster(...MONITOR, ...HOST, "applicationMessage"),
    any("collStats", "dbStats", "indexStats", "listCollections", "listIndexes", "dropDatabase", "killCursors"),
  ],
  backup: [any("find", "collStats", "dbStats", "listCollections", "listIndexes"), cluster("listDatabases", "getParameter", "serverStatus")],
  restore: [any("insert", "createCollection", "createIndex", "collMod", "dropCollection", ...USERS), cluster("getParameter")],
  root: [{ resource: { anyResource: true }, actions: ["anyAction"] }],
};

/** Reads a role as commands name it: text for one of the database at hand, or {role, db}. Throws RoleNotFound. */
export function checkRole(given: unknown, database: string): RoleName {
  const asked = typeof given === "string" ? { role: given, db: database } : ((given ?? {}) as Document);
  const { role, db } = asked as Partial<RoleName>;
  if (typeof role !== "string" || typeof db !== "string")
    throw new CommandFailure("BadValue", "A role must be the name of a role, or a document with the fields 'role' and 'db'");
  if (!(role in IN_DATABASE) && !(db === "admin" && role in IN_ADMIN))
    throw new CommandFailure("RoleNotFound", `Could not find role: ${role}@${db}`);
  return { role, db };
}

export function privilegesOf({ role, db }: RoleName): readonly Privilege[] {
  const own = IN_DATABASE[role];
  if (own) return [{ resource: { db, collection: "" }, actions: own }];
  return db === "admin" ? (IN_ADMIN[role] ?? []) : [];
}

/** Every built-in role of a database. */
export function rolesOf(database: string): RoleName[] {
  return [...Object.keys(IN_DATABASE), ...(database === "admin" ? Object.keys(IN_ADMIN) : [])].map((role) => ({ role, db: database }));
}

/** Databases that roles for any database leave out. */
const OWN_DATABASES = new Set(["local", "config"]);

/** Whether the roles allow an action on a database, or without one on the server as a whole. */
export function isAllowed(roles: readonly RoleName[], action: string, database: string | undefined): boolean {
  return roles.flatMap(privilegesOf).some(({ resource, actions }) => {
    if ("anyResource" in resource) return true;
    if (!actions.includes(action)) return false;
    if ("cluster" in resource) return database === undefined;
    return database !== undefined && (resource.db === database || (resource.db === "" && !OWN_DATABASES.has(database)));
  });
}
