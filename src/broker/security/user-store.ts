import path from "node:path";
import { openJournal } from "../journal.ts";
import { derivedCredential, isPasswordOf, scramMechanisms, type ScramCredential, type ScramMechanism } from "./scram.ts";

/** Someone who may log in, by every mechanism that the broker offers. */
export interface BrokerUser {
  readonly name: string;
  readonly password: string;
}

interface Change {
  readonly user: string;
  readonly mechanism: ScramMechanism;
  /** null: taken away. */
  readonly credential: ScramCredential | null;
}

/** The users' SCRAM credentials, on disk. A password is never stored; PLAIN is checked against the same salted keys. */
export interface UserStore {
  names(): Iterable<string>;
  credential(user: string, mechanism: ScramMechanism): ScramCredential | undefined;
  /** Resolves when the changes are stored; only then do they hold. */
  change(changes: readonly Change[]): Promise<void>;
  /** Makes users that are not there, and gives those a new credential that are there with another password. */
  ensure(users: readonly BrokerUser[]): Promise<void>;
  /** Whether the password is the user's, by whichever mechanism it was set for. */
  isPassword(user: string, password: string): Promise<boolean>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

const MECHANISMS = Object.keys(scramMechanisms) as ScramMechanism[];

/** Opens the store in `folder`; `sync` makes every change durable against a power cut. */
export async function openUserStore(folder: string, sync: boolean): Promise<UserStore> {
  const users = new Map<string, Map<ScramMechanism, ScramCredential>>();
  const apply = ({ user, mechanism, credential }: Change): void => {
    let own = users.get(user);
    if (!own) users.set(user, (own = new Map()));
    if (credential) own.set(mechanism, credential);
    else own.delete(mechanism);
    if (own.size === 0) users.delete(user);
  };
  const journal = await openJournal<Change>({
    file: path.join(folder, "users.journal"),
    sync,
    apply,
    *snapshot() {
      for (const [user, own] of users) for (const [mechanism, credential] of own) yield { user, mechanism, credential };
    },
  });
  const isPassword = async (user: string, password: string): Promise<boolean> => {
    const own = users.get(user) ?? new Map<ScramMechanism, ScramCredential>();
    const [mechanism] = own.keys();
    const first = mechanism ?? "SCRAM-SHA-256";
    if (await isPasswordOf(first, own.get(first), password)) return true;
    for (const [other, credential] of own) if (other !== first && (await isPasswordOf(other, credential, password))) return true;
    return false;
  };
  const change = (changes: readonly Change[]): Promise<void> => journal.append(changes);
  return {
    names: () => users.keys(),
    credential: (user, mechanism) => users.get(user)?.get(mechanism),
    change,
    isPassword,
    ensure: async (wanted) => {
      const changes: Change[] = [];
      for (const { name, password } of wanted) {
        for (const mechanism of MECHANISMS) {
          if (await isPasswordOf(mechanism, users.get(name)?.get(mechanism), password)) continue;
          changes.push({ user: name, mechanism, credential: derivedCredential(mechanism, password) });
        }
      }
      if (changes.length > 0) await change(changes);
    },
    flush: () => journal.flush(),
    close: () => journal.close(),
  };
}
