import { mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { MEMORY_FOLDER } from "../journal.ts";
import { openAuthorizer, type Authorizer, type AuthorizerOptions } from "./authorizer.ts";
import type { BrokerTls, ServerCertificate } from "./certificate.ts";
import { checkListener, usesTls, type ListenerOptions } from "./listener.ts";
import { saslMechanisms, type SaslMechanism } from "./login.ts";
import { openUserStore, type BrokerUser, type UserStore } from "./user-store.ts";

/** Who may come in, and who may do what. */
export interface SecurityOptions {
  /** Users that are there from the start, beside those that were made before. Never on a command line. */
  readonly users?: readonly BrokerUser[];
  /** The mechanisms that SASL listeners offer (`sasl.enabled.mechanisms`); all by default. */
  readonly mechanisms?: readonly SaslMechanism[];
  readonly tls?: BrokerTls;
  /** Who may do what; by default everyone everything. */
  readonly authorizer?: AuthorizerOptions;
}

/** Users, rules and mechanisms of a running broker. */
export interface Security {
  readonly users: UserStore;
  /** undefined: everyone may do everything. */
  readonly authorizer: Authorizer | undefined;
  readonly mechanisms: readonly SaslMechanism[];
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Opens what is kept in the folder `security` of the broker's data, which nobody but its owner may read. */
export async function openSecurity(dataDir: string, sync: boolean, options: SecurityOptions): Promise<Security> {
  const folder = securityFolder(dataDir);
  if (!folder.startsWith(MEMORY_FOLDER)) await mkdir(folder, { recursive: true, mode: 0o700 });
  const users = await openUserStore(folder, sync);
  let authorizer: Authorizer | undefined;
  const close = async (): Promise<void> => {
    await users.close();
    await authorizer?.close();
  };
  try {
    await users.ensure(options.users ?? []);
    if (options.authorizer) authorizer = await openAuthorizer(folder, sync, options.authorizer);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    users,
    authorizer,
    mechanisms: options.mechanisms ?? saslMechanisms,
    flush: async () => {
      await users.flush();
      await authorizer?.flush();
    },
    close,
  };
}

/** The certificate of a broker's listeners. */
export interface ListenersCertificate extends ServerCertificate {
  /** Removes what was only there for as long as the broker is. */
  forget(): Promise<void>;
}

/**
 * Checks the listeners, and gives the certificate that those with TLS need. Without a data folder a certificate of the broker's own making lies in
 * a temporary one. Throws INVALID_OPTION, CANNOT_LISTEN.
 */
export async function certificateFor(
  listeners: readonly ListenerOptions[],
  tls: BrokerTls,
  dataDir: string | undefined,
): Promise<ListenersCertificate | undefined> {
  for (const listener of listeners) checkListener(listener);
  const secure = listeners.filter(({ protocol }) => usesTls(protocol));
  if (secure.length === 0) return undefined;
  const hosts = secure.flatMap(({ host, advertised }) => [host, advertised?.host]);
  const named = hosts.filter((host): host is string => host !== undefined && host !== "0.0.0.0" && host !== "::");
  const { serverCertificate } = await import("./certificate.ts");
  const temporary = dataDir === undefined ? await mkdtemp(path.join(os.tmpdir(), "streamlab-broker-")) : undefined;
  const forget = async (): Promise<void> => {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  };
  try {
    return { ...(await serverCertificate(tls, securityFolder(dataDir ?? temporary ?? ""), named)), forget };
  } catch (thrown) {
    await forget();
    throw thrown;
  }
}

const securityFolder = (dataDir: string): string => path.join(dataDir, "security");
