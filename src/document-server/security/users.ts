import { randomUUID } from "node:crypto";
import { Binary, deserialize, serialize, type Document } from "bson";
import { CommandFailure } from "../failure.ts";
import type { DocumentFile } from "../storage/document-file.ts";
import { checkRole, type RoleName } from "./roles.ts";
import { credentialOf, digestedPassword, isPasswordOf, MECHANISMS, type Credential, type Mechanism } from "./scram.ts";

/** A user as it is kept: keys, never a password. */
export type User = {
  readonly database: string;
  readonly name: string;
  readonly uuid: Binary;
  readonly credentials: Partial<Record<Mechanism, Credential>>;
  readonly roles: readonly RoleName[];
  readonly customData: Document | undefined;
};

/** Who has logged in on a connection; what that user may do is looked up at each command. */
export type LoggedIn = { readonly id: string; readonly database: string; readonly name: string };

/** A user that a server is started with. */
export type ConfiguredUser = {
  readonly user: string;
  readonly pwd: string;
  /** The database that holds the user, as the client's authSource; "admin" when not given. */
  readonly db?: string;
  /** "root" when not given. A name counts in the user's own database. */
  readonly roles?: readonly (string | RoleName)[];
};

/** A user's name with its database; the same name in two databases is two users. */
export function userId(database: string, name: string): string {
  return `${database}.${name}`;
}

/** The keys of a password, by every mechanism asked for. */
export async function credentialsOf(
  name: string,
  password: string,
  mechanisms: readonly Mechanism[] = MECHANISMS,
  isDigested: boolean = false,
): Promise<Partial<Record<Mechanism, Credential>>> {
  const made: Partial<Record<Mechanism, Credential>> = {};
  for (const mechanism of mechanisms) {
    if (mechanism === "SCRAM-SHA-256" && isDigested)
      throw new CommandFailure("BadValue", "Use of SCRAM-SHA-256 requires undigested passwords");
    try {
      made[mechanism] = await credentialOf(
        mechanism,
        mechanism === "SCRAM-SHA-1" && !isDigested ? digestedPassword(name, password) : password,
      );
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown;
      throw new CommandFailure("BadValue", "Error preflighting normalization: U_STRINGPREP_PROHIBITED_ERROR");
    }
  }
  return made;
}

/** The users of a server: a table of its file, held in memory besides. Changes are made inside write jobs. */
export class Users {
  readonly #file: DocumentFile;
  #users = new Map<string, User>();

  constructor(file: DocumentFile) {
    this.#file = file;
    file.exec("CREATE TABLE IF NOT EXISTS catalog_user (id TEXT PRIMARY KEY, doc BLOB NOT NULL)");
    file.onRollback(() => this.#read());
    this.#read();
  }

  #read(): void {
    const rows = this.#file.prepare("SELECT id, doc FROM catalog_user ORDER BY id").all();
    this.#users = new Map(rows.map((row) => [String(row.id), deserialize(row.doc as Uint8Array, { promoteBuffers: false }) as User]));
  }

  get size(): number {
    return this.#users.size;
  }

  find(id: string): User | undefined {
    return this.#users.get(id);
  }

  all(): User[] {
    return [...this.#users.values()];
  }

  put(user: User): void {
    const id = userId(user.database, user.name);
    this.#file
      .prepare("INSERT INTO catalog_user (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc")
      .run(id, serialize(user, { ignoreUndefined: true }));
    this.#users.set(id, user);
  }

  remove(id: string): boolean {
    this.#file.prepare("DELETE FROM catalog_user WHERE id = ?").run(id);
    return this.#users.delete(id);
  }

  /** Makes the users that a server is started with, or gives them the password and roles that they are to have now. */
  async configure(configured: readonly ConfiguredUser[]): Promise<void> {
    for (const { user: name, pwd, db = "admin", roles = ["root"] } of configured) {
      const known = this.find(userId(db, name));
      const granted = roles.map((role) => checkRole(role, db));
      const sha256 = known?.credentials["SCRAM-SHA-256"];
      const isKnown = sha256 !== undefined && (await isPasswordOf("SCRAM-SHA-256", sha256, pwd));
      const credentials = isKnown ? known?.credentials : undefined;
      const user = newUser(db, name, credentials ?? (await credentialsOf(name, pwd)), granted, known?.customData, known?.uuid);
      await this.#file.write(() => this.put(user), { sync: true });
    }
  }
}

export function newUser(
  database: string,
  name: string,
  credentials: User["credentials"],
  roles: readonly RoleName[],
  customData?: Document,
  uuid: Binary = new Binary(Buffer.from(randomUUID().replaceAll("-", ""), "hex"), Binary.SUBTYPE_UUID),
): User {
  return { database, name, uuid, credentials, roles, customData };
}
