import { StreamlabError } from "../../base/errors.ts";
import { readFilePrivate } from "../../base/private-file.ts";
import { BrokerError } from "../broker-error.ts";
import { parseRight } from "./authorizer.ts";
import type { BrokerTls } from "./certificate.ts";
import { saslMechanisms, type SaslMechanism } from "./login.ts";
import type { SecurityOptions } from "./security.ts";

/** The environment variable that holds what the file would. */
export const SECURITY_VARIABLE = "STREAMLAB_BROKER_SECURITY";

const WHAT = "Cannot read the security of the broker";

/**
 * Users, permissions and certificates of a broker that is a process of its own: from a file that only its owner may read, or from the environment,
 * since neither is seen in a list of processes. JSON:
 * `{"users": {"alice": "secret"}, "superUsers": ["User:admin"], "allowEveryoneIfNoAclFound": false, "permissions": ["alice write transactions"],
 * "mechanisms": ["SCRAM-SHA-512"], "tls": {"certFile": "…", "keyFile": "…", "clientCaFile": "…", "clientAuth": "required"}}`. There is an authorizer
 * as soon as `superUsers` or `permissions` is there. Throws INVALID_OPTION.
 */
export async function securityFrom(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<SecurityOptions> {
  const text = file === undefined ? environment[SECURITY_VARIABLE] : await readFilePrivate(file, "secrets", unreadable);
  if (text === undefined || text === "") return {};
  try {
    return optionsOf(JSON.parse(text) as unknown);
  } catch (thrown) {
    if (thrown instanceof StreamlabError) throw thrown;
    throw refused("it is no JSON");
  }
}

const unreadable = (found: string, remedy: string, cause?: unknown): BrokerError =>
  new BrokerError("INVALID_OPTION", { failed: WHAT, found, remedy, ...(cause === undefined ? {} : { cause }) });

const refused = (found: string): BrokerError =>
  new BrokerError("INVALID_OPTION", {
    failed: WHAT,
    found,
    remedy: 'Write JSON such as {"users": {"alice": "secret"}, "superUsers": ["User:admin"], "permissions": ["alice write transactions"]}.',
  });

function optionsOf(json: unknown): SecurityOptions {
  const { users, superUsers, allowEveryoneIfNoAclFound, permissions, mechanisms, tls, ...rest } = objectOf(json, "it");
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw refused(`"${unknown}" is unknown`);
  const hasAuthorizer = superUsers !== undefined || permissions !== undefined || allowEveryoneIfNoAclFound !== undefined;
  return {
    ...(users === undefined ? {} : { users: usersOf(users) }),
    ...(mechanisms === undefined ? {} : { mechanisms: textsOf(mechanisms, "mechanisms").map(mechanismOf) }),
    ...(tls === undefined ? {} : { tls: tlsOf(tls) }),
    ...(hasAuthorizer
      ? {
          authorizer: {
            superUsers: textsOf(superUsers ?? [], "superUsers"),
            allowEveryoneIfNoAclFound: allowEveryoneIfNoAclFound === true,
            acls: textsOf(permissions ?? [], "permissions").flatMap(parseRight),
          },
        }
      : {}),
  };
}

function objectOf(json: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Readonly<Record<string, unknown>>;
  throw refused(`${name} is no object`);
}

function textsOf(json: unknown, name: string): readonly string[] {
  if (Array.isArray(json) && json.every((one) => typeof one === "string")) return json;
  throw refused(`"${name}" is no list of texts`);
}

function usersOf(json: unknown): { name: string; password: string }[] {
  return Object.entries(objectOf(json, '"users"')).map(([name, password]) => {
    if (name !== "" && typeof password === "string" && password !== "") return { name, password };
    throw refused(`the user "${name}" has no password`);
  });
}

function mechanismOf(text: string): SaslMechanism {
  const known = saslMechanisms.find((one) => one === text);
  if (known) return known;
  throw refused(`"${text}" is none of ${saslMechanisms.join(", ")}`);
}

function tlsOf(json: unknown): BrokerTls {
  const tls = objectOf(json, '"tls"');
  for (const [name, value] of Object.entries(tls)) {
    if (!["certFile", "keyFile", "clientCaFile", "clientAuth"].includes(name)) throw refused(`"tls.${name}" is unknown`);
    if (typeof value !== "string") throw refused(`"tls.${name}" is no text`);
  }
  if (!["none", "requested", "required", undefined].includes(tls.clientAuth as string | undefined)) {
    throw refused(`"tls.clientAuth" is none of none, requested, required`);
  }
  return tls as BrokerTls;
}
