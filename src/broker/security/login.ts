import { errorCodes } from "../../kafka-protocol/error-codes.ts";
import { apiTableOf } from "../../kafka-protocol/apis.ts";
import { encodeResponse, readRequest, readRequestHeader } from "../../kafka-protocol/frame.ts";
import { apiVersionsApi } from "../../kafka-protocol/messages/api-versions.ts";
import { saslAuthenticateApi } from "../../kafka-protocol/messages/sasl-authenticate.ts";
import { saslHandshakeApi } from "../../kafka-protocol/messages/sasl-handshake.ts";
import { createReader } from "../../kafka-protocol/reader.ts";
import type { RequestOf, ResponseDraft } from "../../kafka-protocol/schema.ts";
import { LoginRefusal, scramExchange } from "./scram.ts";
import type { UserStore } from "./user-store.ts";

/** The mechanisms that the broker offers, in the order in which it names them. */
export const saslMechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
export type SaslMechanism = (typeof saslMechanisms)[number];

/** Who is logged in on a connection. */
export interface Session {
  /** "User:alice" */
  readonly principal: string;
  readonly mechanism: SaslMechanism;
  /** On the monotonic clock; a request after it ends the connection (KIP-368). Infinity where sessions do not end. */
  readonly expiresAtMs: number;
}

/** What one frame of a login leads to. */
export interface LoginStep {
  /** What the client is told, ready for the socket; none where there is nothing to say. */
  readonly reply?: readonly Uint8Array[];
  readonly session?: Session;
  /** Why the connection ends after the reply, for the log. */
  readonly refused?: string;
}

/** The frames before a connection is authenticated, one after the other. */
export interface Login {
  take(frame: Buffer): Promise<LoginStep>;
}

export interface LoginOptions {
  readonly users: UserStore;
  readonly mechanisms: readonly SaslMechanism[];
  /** `connections.max.reauth.ms`; 0: sessions do not end. */
  readonly maxReauthMs: number;
  /** The present session where this is a re-authentication: user and mechanism must stay the same. */
  readonly again?: Session | undefined;
  /** Answers ApiVersions, the one API that is served before a login. */
  readonly apiVersions: (version: number, body: RequestOf<typeof apiVersionsApi> | undefined) => ResponseDraft<typeof apiVersionsApi>;
}

/** Takes words of the client; `user` when it is done. Throws LoginRefusal. */
type Exchange = (words: Buffer) => Promise<{ readonly answer: Buffer; readonly user?: string }>;

/** PLAIN (RFC 4616): authorization id, user, password, each behind a zero byte. */
function plainExchange(users: UserStore): Exchange {
  return async (words) => {
    const parts = words.toString("utf8").split("\0");
    if (parts.length !== 3) throw new LoginRefusal(`Invalid SASL/PLAIN response: expected 3 tokens, got ${parts.length}`, true);
    const [authzid = "", user = "", password = ""] = parts;
    if (user === "") throw new LoginRefusal("Authentication failed: username not specified", true);
    if (password === "") throw new LoginRefusal("Authentication failed: password not specified", true);
    if (!(await users.isPassword(user, password))) throw new LoginRefusal("Authentication failed: Invalid username or password", true);
    if (authzid !== "" && authzid !== user) {
      throw new LoginRefusal("Authentication failed: Client requested an authorization id that is different from username", true);
    }
    return { answer: Buffer.alloc(0), user };
  };
}

function exchangeOf(mechanism: SaslMechanism, users: UserStore): Exchange {
  if (mechanism === "PLAIN") return plainExchange(users);
  const scram = scramExchange(mechanism, (user) => users.credential(user, mechanism));
  return (words) => Promise.resolve().then(() => scram.next(words));
}

/** A token of an old client (SaslHandshake v0), which has a length and nothing else around it. */
function bareToken(token: Buffer): Uint8Array[] {
  const length = Buffer.alloc(4);
  length.writeInt32BE(token.length, 0);
  return [length, token];
}

/**
 * A login as Kafka's SaslServerAuthenticator has it: ApiVersions once if the client likes, SaslHandshake, then tokens, in SaslAuthenticate
 * requests or bare (after SaslHandshake v0). Everything else ends the connection without an answer.
 */
export function createLogin(options: LoginOptions): Login {
  const { users, again } = options;
  let state: "first" | "handshake" | "tokens" = "first";
  let isWrapped = true;
  let mechanism: SaslMechanism = "PLAIN";
  let exchange: Exchange = () => Promise.reject(new LoginRefusal("no mechanism", false));

  const done = (user: string): { session: Session; lifetimeMs: number } => {
    const principal = `User:${user}`;
    if (again && again.principal !== principal) {
      throw new LoginRefusal(`Cannot change principals during re-authentication from ${again.principal}: ${principal}`, true);
    }
    const { maxReauthMs } = options;
    const expiresAtMs = maxReauthMs > 0 ? performance.now() + maxReauthMs : Infinity;
    return { session: { principal, mechanism, expiresAtMs }, lifetimeMs: Math.max(0, maxReauthMs) };
  };

  const handshake = (frame: Buffer): LoginStep => {
    const reader = createReader(frame);
    const { apiKey, apiVersion, correlationId } = readRequestHeader(reader);
    if (apiKey === apiVersionsApi.key && state === "first" && !again) {
      const isKnown = apiVersion >= 0 && apiVersion <= apiVersionsApi.versions[1];
      const answer = options.apiVersions(apiVersion, isKnown ? readRequest(apiVersionsApi, apiVersion, reader).body : undefined);
      if (answer.errorCode === errorCodes.NONE) state = "handshake";
      return { reply: encodeResponse(apiVersionsApi, isKnown ? apiVersion : 0, correlationId, answer) };
    }
    if (apiKey !== saslHandshakeApi.key || apiVersion < 0 || apiVersion > saslHandshakeApi.versions[1]) {
      return { refused: `Unexpected Kafka request of type ${apiTableOf(apiKey)?.name ?? apiKey} during SASL handshake.` };
    }
    const asked = readRequest(saslHandshakeApi, apiVersion, reader).body.mechanism;
    const known = options.mechanisms.find((one) => one === asked);
    const answer = (errorCode: number): Uint8Array[] =>
      encodeResponse(saslHandshakeApi, apiVersion, correlationId, { errorCode, mechanisms: options.mechanisms });
    if (!known) return { reply: answer(errorCodes.UNSUPPORTED_SASL_MECHANISM), refused: `Unsupported SASL mechanism ${asked}` };
    if (again && again.mechanism !== known) {
      return {
        reply: answer(errorCodes.ILLEGAL_SASL_STATE),
        refused: `SASL mechanism '${known}' requested by client is not supported for re-authentication of mechanism '${again.mechanism}'`,
      };
    }
    state = "tokens";
    isWrapped = apiVersion >= 1;
    mechanism = known;
    exchange = exchangeOf(known, users);
    return { reply: answer(errorCodes.NONE) };
  };

  const reasonOf = (thrown: unknown): { told: string; logged: string } => {
    const logged = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof LoginRefusal && thrown.told) return { told: logged, logged };
    const when = again ? "re-authentication" : "authentication";
    return { told: `Authentication failed during ${when} due to invalid credentials with SASL mechanism ${mechanism}`, logged };
  };

  const bare = async (frame: Buffer): Promise<LoginStep> => {
    try {
      const { answer, user } = await exchange(frame);
      return { reply: bareToken(answer), ...(user === undefined ? {} : { session: done(user).session }) };
    } catch (thrown) {
      return { refused: reasonOf(thrown).logged };
    }
  };

  const wrapped = async (frame: Buffer): Promise<LoginStep> => {
    const reader = createReader(frame);
    const { apiKey, apiVersion, correlationId } = readRequestHeader(reader);
    if (apiKey !== saslAuthenticateApi.key) {
      const refused = `Unexpected Kafka request of type ${apiTableOf(apiKey)?.name ?? apiKey} during SASL authentication.`;
      const errorCode = errorCodes.ILLEGAL_SASL_STATE;
      if (apiKey === apiVersionsApi.key && apiVersion >= 0 && apiVersion <= apiVersionsApi.versions[1]) {
        return { refused, reply: encodeResponse(apiVersionsApi, apiVersion, correlationId, { errorCode, apiKeys: [] }) };
      }
      if (apiKey === saslHandshakeApi.key && apiVersion >= 0 && apiVersion <= saslHandshakeApi.versions[1]) {
        return { refused, reply: encodeResponse(saslHandshakeApi, apiVersion, correlationId, { errorCode, mechanisms: [] }) };
      }
      return { refused };
    }
    if (apiVersion < 0 || apiVersion > saslAuthenticateApi.versions[1]) {
      return { refused: `Version ${apiVersion} is not supported for apiKey SASL_AUTHENTICATE` };
    }
    const { authBytes } = readRequest(saslAuthenticateApi, apiVersion, reader).body;
    const reply = (draft: ResponseDraft<typeof saslAuthenticateApi>): Uint8Array[] =>
      encodeResponse(saslAuthenticateApi, apiVersion, correlationId, draft);
    try {
      const { answer, user } = await exchange(authBytes);
      if (user === undefined) return { reply: reply({ errorCode: errorCodes.NONE, errorMessage: "", authBytes: answer }) };
      const { session, lifetimeMs } = done(user);
      return {
        session,
        reply: reply({ errorCode: errorCodes.NONE, errorMessage: "", authBytes: answer, sessionLifetimeMs: lifetimeMs }),
      };
    } catch (thrown) {
      const { told, logged } = reasonOf(thrown);
      const errorCode = errorCodes.SASL_AUTHENTICATION_FAILED;
      return { refused: logged, reply: reply({ errorCode, errorMessage: told, authBytes: Buffer.alloc(0) }) };
    }
  };

  return {
    take: async (frame) => {
      if (state !== "tokens") return handshake(frame);
      return isWrapped ? wrapped(frame) : bare(frame);
    },
  };
}
