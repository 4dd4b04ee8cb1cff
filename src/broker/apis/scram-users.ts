import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { alterUserScramCredentialsApi } from "../../kafka-protocol/messages/alter-user-scram-credentials.ts";
import { describeUserScramCredentialsApi } from "../../kafka-protocol/messages/describe-user-scram-credentials.ts";
import { handlerOf, type ApiHandler } from "../api-handler.ts";
import { nameOfNumber } from "../security/acl.ts";
import {
  MAX_ITERATIONS,
  MIN_ITERATIONS,
  credentialOf,
  scramMechanisms,
  type ScramCredential,
  type ScramMechanism,
} from "../security/scram.ts";

const MECHANISMS = Object.keys(scramMechanisms) as ScramMechanism[];

/** DescribeUserScramCredentials (KIP-554): all users, or those that are named. */
export const describeUserScramCredentialsHandler: ApiHandler = handlerOf(describeUserScramCredentialsApi, [0, 0], (body, { broker }) => {
  const { users } = broker.security;
  const named = body.users?.map(({ name }) => name) ?? [];
  const wanted = named.length > 0 ? [...new Set(named)] : [...users.names()];
  const results = wanted.map((user) => {
    const refuse = (errorCode: number, errorMessage: string) => ({ user, errorCode, errorMessage, credentialInfos: [] });
    if (named.filter((name) => name === user).length > 1) {
      return refuse(
        errorCodes.DUPLICATE_RESOURCE,
        `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`,
      );
    }
    const credentialInfos = MECHANISMS.flatMap((mechanism) => {
      const credential = users.credential(user, mechanism);
      return credential ? [{ mechanism: scramMechanisms[mechanism], iterations: credential.iterations }] : [];
    });
    if (credentialInfos.length === 0) {
      return refuse(errorCodes.RESOURCE_NOT_FOUND, `Attempt to describe a user credential that does not exist: ${user}`);
    }
    return { user, errorCode: errorCodes.NONE, errorMessage: "", credentialInfos };
  });
  return { throttleTimeMs: 0, errorCode: errorCodes.NONE, errorMessage: "", results };
});

interface Fault {
  readonly errorCode: number;
  readonly errorMessage: string;
}

function faultOf(user: string, mechanism: ScramMechanism | undefined, iterations: number | undefined): Fault | undefined {
  if (user === "") return { errorCode: errorCodes.UNACCEPTABLE_CREDENTIAL, errorMessage: "Username must not be empty" };
  if (!mechanism) return { errorCode: errorCodes.UNSUPPORTED_SASL_MECHANISM, errorMessage: "Unknown SCRAM mechanism" };
  if (iterations === undefined) return undefined;
  if (iterations < MIN_ITERATIONS) return { errorCode: errorCodes.UNACCEPTABLE_CREDENTIAL, errorMessage: "Too few iterations" };
  if (iterations > MAX_ITERATIONS) return { errorCode: errorCodes.UNACCEPTABLE_CREDENTIAL, errorMessage: "Too many iterations" };
  return undefined;
}

interface Change {
  readonly user: string;
  readonly mechanism: ScramMechanism;
  readonly credential: ScramCredential | null;
}

/** AlterUserScramCredentials (KIP-554): one change of a user a request; the answer comes when it is stored. */
export const alterUserScramCredentialsHandler: ApiHandler = handlerOf(alterUserScramCredentialsApi, [0, 0], async (body, { broker }) => {
  const { users } = broker.security;
  const faults = new Map<string, Fault>();
  const changes: Change[] = [];
  const seen = new Set<string>();
  const all = [
    ...body.deletions.map((one) => ({ ...one, upsert: undefined })),
    ...body.upsertions.map((one) => ({ name: one.name, mechanism: one.mechanism, upsert: one })),
  ];
  for (const { name: user, mechanism: code, upsert } of all) {
    const mechanism = nameOfNumber(scramMechanisms, code);
    const fault = faultOf(user, mechanism, upsert?.iterations);
    if (fault) faults.set(user, faults.get(user) ?? fault);
    else if (seen.has(user)) {
      faults.set(
        user,
        faults.get(user) ?? {
          errorCode: errorCodes.DUPLICATE_RESOURCE,
          errorMessage: "A user credential cannot be altered twice in the same request",
        },
      );
    } else if (mechanism && upsert) {
      changes.push({ user, mechanism, credential: credentialOf(mechanism, upsert.saltedPassword, upsert.salt, upsert.iterations) });
    } else if (mechanism && users.credential(user, mechanism)) changes.push({ user, mechanism, credential: null });
    else {
      faults.set(
        user,
        faults.get(user) ?? {
          errorCode: errorCodes.RESOURCE_NOT_FOUND,
          errorMessage: "Attempt to delete a user credential that does not exist",
        },
      );
    }
    seen.add(user);
  }
  const accepted = changes.filter(({ user }) => !faults.has(user));
  if (accepted.length > 0) await users.change(accepted);
  const results = [...new Set(all.map(({ name }) => name))].map((user) => ({
    user,
    ...(faults.get(user) ?? { errorCode: errorCodes.NONE, errorMessage: null }),
  }));
  return { throttleTimeMs: 0, results };
});
