/** What an ACL is about, by Kafka's numbers. */
export const resourceTypes = { TOPIC: 2, GROUP: 3, CLUSTER: 4, TRANSACTIONAL_ID: 5, DELEGATION_TOKEN: 6, USER: 7 } as const;
export type ResourceType = keyof typeof resourceTypes;

/** What may be done, by Kafka's numbers. */
export const aclOperations = {
  ALL: 2,
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
  CREATE_TOKENS: 13,
  DESCRIBE_TOKENS: 14,
  TWO_PHASE_COMMIT: 15,
} as const;
export type AclOperation = keyof typeof aclOperations;

export const aclPermissions = { DENY: 2, ALLOW: 3 } as const;
export type AclPermission = keyof typeof aclPermissions;

/** A literal name, of which "*" stands for all, or the beginning of names. */
export const patternTypes = { LITERAL: 3, PREFIXED: 4 } as const;
export type PatternType = keyof typeof patternTypes;

/** Any in filters, and what a filter's pattern type may be beside: MATCH takes whatever would apply to the name. */
export const ANY = 1;
export const MATCH = 2;

/** The one name that the resource CLUSTER has. */
export const CLUSTER_NAME = "kafka-cluster";

/** One rule. Plain data: it is stored as it is. */
export interface Acl {
  readonly resourceType: ResourceType;
  readonly resourceName: string;
  readonly patternType: PatternType;
  /** "User:alice", or "User:*" for everyone. */
  readonly principal: string;
  /** An address, or "*". */
  readonly host: string;
  readonly operation: AclOperation;
  readonly permission: AclPermission;
}

/** Which rules are meant, in Kafka's numbers; null is any. */
export interface AclFilter {
  readonly resourceType: number;
  readonly resourceName: string | null;
  readonly patternType: number;
  readonly principal: string | null;
  readonly host: string | null;
  readonly operation: number;
  readonly permission: number;
}

/** Who asks: a principal and the address it comes from. */
export interface Caller {
  readonly principal: string;
  readonly host: string;
}

/** The name of a number in one of the tables above. */
export function nameOfNumber<Name extends string>(table: Readonly<Record<Name, number>>, code: number): Name | undefined {
  return (Object.keys(table) as Name[]).find((name) => table[name] === code);
}

export const sameAcl = (a: Acl, b: Acl): boolean => keyOfAcl(a) === keyOfAcl(b);

/** Equal for equal rules. */
export const keyOfAcl = (acl: Acl): string =>
  JSON.stringify([acl.resourceType, acl.resourceName, acl.patternType, acl.principal, acl.host, acl.operation, acl.permission]);

const is = (filter: number, code: number): boolean => filter === ANY || filter === code;

/** ResourcePatternFilter and AccessControlEntryFilter of Kafka in one. */
export function matchesFilter(acl: Acl, filter: AclFilter): boolean {
  return (
    is(filter.resourceType, resourceTypes[acl.resourceType]) &&
    matchesPattern(acl, filter) &&
    (filter.principal === null || filter.principal === acl.principal) &&
    (filter.host === null || filter.host === acl.host) &&
    is(filter.operation, aclOperations[acl.operation]) &&
    is(filter.permission, aclPermissions[acl.permission])
  );
}

function matchesPattern(acl: Acl, { patternType, resourceName }: AclFilter): boolean {
  const own = patternTypes[acl.patternType];
  if (patternType !== ANY && patternType !== MATCH && patternType !== own) return false;
  if (resourceName === null) return true;
  if (patternType !== MATCH) return acl.resourceName === resourceName;
  return appliesTo(acl, resourceName);
}

/** Whether a rule is about a resource of this name. */
export function appliesTo(acl: Acl, name: string): boolean {
  if (acl.patternType === "PREFIXED") return name.startsWith(acl.resourceName);
  return acl.resourceName === name || acl.resourceName === "*";
}

/** Who may do one of these may also do the other (KIP-11): allowing is passed on so, denying is not. */
const IMPLIED_BY: Readonly<Partial<Record<AclOperation, readonly AclOperation[]>>> = {
  DESCRIBE: ["READ", "WRITE", "DELETE", "ALTER"],
  DESCRIBE_CONFIGS: ["ALTER_CONFIGS"],
};

const isAbout = (acl: Acl, caller: Caller): boolean =>
  (acl.principal === caller.principal || acl.principal === "User:*") && (acl.host === caller.host || acl.host === "*");

/** What the rules say of an operation: denial wins; undefined where none of them is about the resource at all. */
export function verdict(
  acls: Iterable<Acl>,
  caller: Caller,
  operation: AclOperation,
  type: ResourceType,
  name: string,
): boolean | undefined {
  let known = false;
  let allowed = false;
  for (const acl of acls) {
    if (acl.resourceType !== type || !appliesTo(acl, name)) continue;
    known = true;
    if (!isAbout(acl, caller)) continue;
    const isSame = acl.operation === operation || acl.operation === "ALL";
    if (acl.permission === "DENY") {
      if (isSame) return false;
    } else if (isSame || IMPLIED_BY[operation]?.includes(acl.operation)) allowed = true;
  }
  return known ? allowed : undefined;
}

/**
 * Whether there may be a name that the caller may do this to (`authorizeByResourceType`): some rule allows it, and no rule that denies covers the
 * whole of it.
 */
export function someAllowed(acls: readonly Acl[], caller: Caller, operation: AclOperation, type: ResourceType): boolean {
  const mine = acls.filter(
    (acl) => acl.resourceType === type && isAbout(acl, caller) && (acl.operation === operation || acl.operation === "ALL"),
  );
  const denials = mine.filter(({ permission }) => permission === "DENY");
  const covers = (denial: Acl, acl: Acl): boolean => {
    if (denial.patternType === "PREFIXED") return acl.resourceName !== "*" && acl.resourceName.startsWith(denial.resourceName);
    return denial.resourceName === "*" || (acl.patternType === "LITERAL" && acl.resourceName === denial.resourceName);
  };
  return mine.some((acl) => acl.permission === "ALLOW" && !denials.some((denial) => covers(denial, acl)));
}
