import type { Document } from "mongodb";

/** One file of the unified test format, as far as this runner reads it (specification "unified-test-format", schema version 1.x). */
export type TestFile = {
  readonly description: string;
  readonly schemaVersion: string;
  readonly runOnRequirements?: readonly RunOnRequirement[];
  readonly createEntities?: readonly Document[];
  readonly initialData?: readonly CollectionData[];
  readonly tests: readonly TestCase[];
};

export type TestCase = {
  readonly description: string;
  readonly runOnRequirements?: readonly RunOnRequirement[];
  readonly skipReason?: string;
  readonly operations: readonly Operation[];
  readonly expectEvents?: readonly ExpectedEvents[];
  readonly expectLogMessages?: unknown;
  readonly expectTracingMessages?: unknown;
  readonly outcome?: readonly CollectionData[];
};

export type Operation = {
  readonly name: string;
  readonly object: string;
  readonly arguments?: Document;
  readonly ignoreResultAndError?: boolean;
  readonly expectError?: ExpectedError;
  readonly expectResult?: unknown;
  readonly saveResultAsEntity?: string;
};

export type CollectionData = {
  readonly collectionName: string;
  readonly databaseName: string;
  readonly createOptions?: Document;
  readonly documents: readonly Document[];
};

export type ExpectedError = {
  readonly isError?: boolean;
  readonly isClientError?: boolean;
  readonly isTimeoutError?: boolean;
  readonly errorContains?: string;
  readonly errorCode?: number;
  readonly errorCodeName?: string;
  readonly errorLabelsContain?: readonly string[];
  readonly errorLabelsOmit?: readonly string[];
  readonly errorResponse?: Document;
  readonly writeErrors?: Document;
  readonly writeConcernErrors?: readonly Document[];
  readonly expectResult?: unknown;
};

export type ExpectedEvents = {
  readonly client: string;
  readonly eventType?: "command" | "cmap" | "sdam";
  readonly events: readonly Document[];
  readonly ignoreExtraEvents?: boolean;
};

export type RunOnRequirement = {
  readonly minServerVersion?: string;
  readonly maxServerVersion?: string;
  readonly topologies?: readonly string[];
  readonly auth?: boolean;
  readonly authMechanism?: string;
  readonly serverParameters?: Document;
  readonly serverless?: "require" | "forbid" | "allow";
  readonly csfle?: boolean | Document;
};

/** What the server under test is, for runOnRequirements. */
export type Deployment = {
  /** As buildInfo tells it, `[8, 0, 0]`. */
  readonly version: readonly number[];
  readonly topology: "single" | "replicaset" | "sharded" | "load-balanced";
  readonly hasAuth: boolean;
  readonly parameters: Document;
};

function versionOf(text: string): number[] {
  return text.split(".").map(Number);
}

function compareVersions(left: readonly number[], right: readonly number[]): number {
  for (let i = 0; i < 3; i++) {
    const order = (left[i] ?? 0) - (right[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** Why a list of requirements does not hold (none of its entries does), or undefined when it does. */
export function unmetRequirement(requirements: readonly RunOnRequirement[] | undefined, deployment: Deployment): string | undefined {
  if (requirements === undefined) return undefined;
  const reasons = requirements.map((one) => {
    if (one.topologies && !one.topologies.includes(deployment.topology)) return `asks for ${one.topologies.join(" or ")}`;
    if (one.minServerVersion && compareVersions(deployment.version, versionOf(one.minServerVersion)) < 0)
      return `asks for ${one.minServerVersion} or later`;
    if (one.maxServerVersion && compareVersions(deployment.version, maxVersion(one.maxServerVersion)) > 0)
      return `asks for ${one.maxServerVersion} or earlier`;
    if (one.auth !== undefined && one.auth !== deployment.hasAuth) return one.auth ? "asks for logins" : "asks for no logins";
    if (one.serverless === "require") return "asks for serverless";
    if (one.csfle !== undefined && one.csfle !== false) return "asks for client-side encryption";
    for (const [name, value] of Object.entries(one.serverParameters ?? {}))
      if (deployment.parameters[name] !== value) return `asks for the server parameter ${name}`;
    return undefined;
  });
  return reasons.includes(undefined) ? undefined : reasons.join("; ");
}

/** `7.0` as an upper bound takes every 7.0.x; `7.0.99` what it says. */
function maxVersion(text: string): number[] {
  const parts = versionOf(text);
  return parts.length < 3 ? [...parts, Number.MAX_SAFE_INTEGER] : parts;
}
