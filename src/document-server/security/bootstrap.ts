import { readFilePrivate } from "../../base/private-file.ts";
import { DocumentServerError } from "../failure.ts";
import type { ServerTls } from "./certificate.ts";
import type { ConfiguredUser } from "./users.ts";

/** The environment variable that holds what the file would. */
export const SECURITY_VARIABLE = "STREAMLAB_MONGO_SECURITY";

/** What a server that is a process of its own is told about logins and TLS. */
export type SecuritySettings = { readonly users?: readonly ConfiguredUser[]; readonly auth?: boolean; readonly tls?: ServerTls };

const WHAT = "Cannot read the security of the document server";

/**
 * Users and certificates: from a file that only its owner may read, or from the environment, since neither is seen in a list of processes. JSON:
 * `{"users": [{"user": "lab", "pwd": "secret", "db": "admin", "roles": ["readWriteAnyDatabase"]}], "auth": true, "tls": {"certFile": "…", "keyFile": "…"}}`;
 * `"tls": {}` serves a certificate of the server's own making. Throws INVALID_OPTION.
 */
export async function securityFrom(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<SecuritySettings> {
  const text = file === undefined ? environment[SECURITY_VARIABLE] : await readFilePrivate(file, "passwords", unreadable);
  if (text === undefined || text === "") return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refused("it is no JSON");
  }
  return settingsOf(json);
}

const unreadable = (found: string, remedy: string, cause?: unknown): DocumentServerError =>
  new DocumentServerError("INVALID_OPTION", { failed: WHAT, found, remedy, ...(cause === undefined ? {} : { cause }) });

const refused = (found: string): DocumentServerError =>
  new DocumentServerError("INVALID_OPTION", {
    failed: WHAT,
    found,
    remedy: 'Write JSON such as {"users": [{"user": "lab", "pwd": "secret", "roles": ["readWriteAnyDatabase"]}]}.',
  });

function settingsOf(json: unknown): SecuritySettings {
  if (!isObject(json)) throw refused("it is no object");
  const { users, auth, tls, ...rest } = json;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw refused(`"${unknown}" is unknown`);
  if (auth !== undefined && typeof auth !== "boolean") throw refused('"auth" is neither true nor false');
  if (users !== undefined && !Array.isArray(users)) throw refused('"users" is no list');
  return {
    ...(users === undefined ? {} : { users: (users as unknown[]).map(userOf) }),
    ...(auth === undefined ? {} : { auth }),
    ...(tls === undefined ? {} : { tls: tlsOf(tls) }),
  };
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function userOf(json: unknown): ConfiguredUser {
  if (!isObject(json) || typeof json.user !== "string" || json.user === "") throw refused("a user without a name");
  const { user, pwd, db, roles } = json;
  if (typeof pwd !== "string" || pwd === "") throw refused(`the user "${user}" has no password`);
  if (db !== undefined && typeof db !== "string") throw refused(`the database of the user "${user}" is no text`);
  if (roles !== undefined && !Array.isArray(roles)) throw refused(`the roles of the user "${user}" are no list`);
  return {
    user,
    pwd,
    ...(db === undefined ? {} : { db }),
    ...(roles === undefined ? {} : { roles: roles as NonNullable<ConfiguredUser["roles"]> }),
  };
}

function tlsOf(json: unknown): ServerTls {
  if (!isObject(json)) throw refused('"tls" is no object');
  const { certFile, keyFile, ...rest } = json;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw refused(`"tls.${unknown}" is unknown`);
  if (certFile === undefined && keyFile === undefined) return {};
  if (typeof certFile !== "string" || typeof keyFile !== "string") throw refused('"tls" needs both "certFile" and "keyFile", or neither');
  return { certFile, keyFile };
}
