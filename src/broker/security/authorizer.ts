import path from "node:path";
import { openJournal } from "../journal.ts";
import { BrokerError } from "../broker-error.ts";
import {
  CLUSTER_NAME,
  aclOperations,
  keyOfAcl,
  matchesFilter,
  someAllowed,
  verdict,
  type Acl,
  type AclFilter,
  type AclOperation,
  type Caller,
  type ResourceType,
} from "./acl.ts";

/** What authorizers are told at the start. */
export interface AuthorizerOptions {
  /** Who may do everything: "User:admin". */
  readonly superUsers?: readonly string[];
  /** `allow.everyone.if.no.acl.found`; false by default. */
  readonly allowEveryoneIfNoAclFound?: boolean;
  /** Rules that are there from the start, beside those that were made before. */
  readonly acls?: readonly Acl[];
}

/** Who may do what; the rules are on disk. */
export interface Authorizer {
  allows(caller: Caller, operation: AclOperation, type: ResourceType, name: string): boolean;
  /** Whether there may be a resource of the type that the caller may do this to. */
  allowsSome(caller: Caller, operation: AclOperation, type: ResourceType): boolean;
  list(filter: AclFilter): Acl[];
  /** Resolves when the rules are stored; only then do they hold. Those that are there already change nothing. */
  add(acls: readonly Acl[]): Promise<void>;
  remove(acls: readonly Acl[]): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

type Entry = { readonly add: Acl } | { readonly remove: Acl };

/** Opens the rules in `folder`; `sync` makes every change durable against a power cut. */
export async function openAuthorizer(folder: string, sync: boolean, options: AuthorizerOptions): Promise<Authorizer> {
  const superUsers = new Set(options.superUsers ?? []);
  const acls = new Map<string, Acl>();
  const journal = await openJournal<Entry>({
    file: path.join(folder, "acls.journal"),
    sync,
    apply: (entry) => {
      if ("add" in entry) acls.set(keyOfAcl(entry.add), entry.add);
      else acls.delete(keyOfAcl(entry.remove));
    },
    *snapshot() {
      for (const acl of acls.values()) yield { add: acl };
    },
  });
  const add = async (wanted: readonly Acl[]): Promise<void> => {
    const missing = wanted.filter((acl) => !acls.has(keyOfAcl(acl)));
    if (missing.length > 0) await journal.append(missing.map((acl) => ({ add: acl })));
  };
  await add(options.acls ?? []);
  const open = options.allowEveryoneIfNoAclFound ?? false;
  return {
    allows: (caller, operation, type, name) =>
      superUsers.has(caller.principal) || (verdict(acls.values(), caller, operation, type, name) ?? open),
    allowsSome: (caller, operation, type) =>
      superUsers.has(caller.principal) ||
      someAllowed([...acls.values()], caller, operation, type) ||
      (open && verdict(acls.values(), caller, operation, type, "") !== false),
    list: (filter) => [...acls.values()].filter((acl) => matchesFilter(acl, filter)),
    add,
    remove: async (gone) => {
      const there = gone.filter((acl) => acls.has(keyOfAcl(acl)));
      if (there.length > 0) await journal.append(there.map((acl) => ({ remove: acl })));
    },
    flush: () => journal.flush(),
    close: () => journal.close(),
  };
}

/** What one client may do; everything where the broker has no authorizer. */
export interface Access {
  allows(operation: AclOperation, type: ResourceType, name: string): boolean;
  allowsOnCluster(operation: AclOperation): boolean;
  allowsSome(operation: AclOperation, type: ResourceType): boolean;
}

/** The view that one caller has of the rules. */
export function accessOf(authorizer: Authorizer | undefined, caller: Caller): Access {
  if (!authorizer) return { allows: () => true, allowsOnCluster: () => true, allowsSome: () => true };
  return {
    allows: (operation, type, name) => authorizer.allows(caller, operation, type, name),
    allowsOnCluster: (operation) => authorizer.allows(caller, operation, "CLUSTER", CLUSTER_NAME),
    allowsSome: (operation, type) => authorizer.allowsSome(caller, operation, type),
  };
}

/** The operations that make sense on a resource, as Kafka lists them (AclEntry). */
const SUPPORTED: Readonly<Partial<Record<ResourceType, readonly AclOperation[]>>> = {
  TOPIC: ["READ", "WRITE", "CREATE", "DESCRIBE", "DELETE", "ALTER", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"],
  GROUP: ["READ", "DESCRIBE", "DELETE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"],
  CLUSTER: ["CREATE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE", "ALTER", "DESCRIBE"],
};

/** The operations that are allowed on a resource, as the bit field in which Kafka answers (KIP-430). */
export function authorizedOperations(access: Access, type: "TOPIC" | "GROUP" | "CLUSTER", name: string): number {
  let bits = 0;
  for (const operation of SUPPORTED[type] ?? []) if (access.allows(operation, type, name)) bits |= 1 << aclOperations[operation];
  return bits;
}

const RIGHTS: Readonly<Record<string, readonly [type: ResourceType, operations: readonly AclOperation[]]>> = {
  read: ["TOPIC", ["READ", "DESCRIBE"]],
  write: ["TOPIC", ["WRITE", "DESCRIBE", "CREATE"]],
  group: ["GROUP", ["READ", "DESCRIBE"]],
};

/**
 * Rules in one line for people: `alice read results`, `alice write transactions`, `bob group lab-*`; a `*` at the end of a name makes it a prefix.
 * Throws INVALID_OPTION.
 */
export function parseRight(line: string): Acl[] {
  const [user = "", right = "", name = "", ...rest] = line.trim().split(/\s+/);
  const [resourceType, operations] = RIGHTS[right] ?? [];
  if (!resourceType || !operations || name === "" || rest.length > 0) {
    throw new BrokerError("INVALID_OPTION", {
      failed: "Cannot read a permission of the broker",
      found: `"${line}"`,
      remedy: 'Write user, right and name: "alice read results", "alice write transactions", "alice group lab-*".',
    });
  }
  const isPrefix = name.endsWith("*") && name !== "*";
  return operations.map((operation) => ({
    resourceType,
    resourceName: isPrefix ? name.slice(0, -1) : name,
    patternType: isPrefix ? ("PREFIXED" as const) : ("LITERAL" as const),
    principal: `User:${user}`,
    host: "*",
    operation,
    permission: "ALLOW" as const,
  }));
}
