import { CommandFailure } from "../failure.ts";
import { beginExchange, MECHANISMS, nobodysCredential, type Exchange, type Mechanism } from "./scram.ts";
import { userId, type LoggedIn, type Users } from "./users.ts";
import { textOf } from "../bson/shown.ts";

/** A login under way on one connection. */
export type Conversation = {
  readonly id: number;
  readonly database: string;
  readonly exchange: Exchange;
  readonly skipEmptyExchange: boolean;
  /** Set when the client has proved its password and only the empty last exchange is missing. */
  proved: LoggedIn | undefined;
};

/** What one step of a login says to the client. */
export type LoginStep = { readonly conversationId: number; readonly done: boolean; readonly payload: string; readonly user?: LoggedIn };

const failed = (): CommandFailure => new CommandFailure("AuthenticationFailed", "Authentication failed.");

/** saslStart: the client's first words. */
export function beginLogin(
  users: Users,
  asked: { readonly mechanism: unknown; readonly payload: string; readonly database: string; readonly skipEmptyExchange: boolean },
): { readonly conversation: Conversation; readonly step: LoginStep } {
  const mechanism = MECHANISMS.find((one) => one === asked.mechanism);
  if (!mechanism)
    throw new CommandFailure(
      "MechanismUnavailable",
      `Received authentication for mechanism ${textOf(asked.mechanism)} which is unknown or not enabled`,
    );
  const exchange = begin(users, mechanism, asked.payload, asked.database);
  const conversation = { id: 1, database: asked.database, exchange, skipEmptyExchange: asked.skipEmptyExchange, proved: undefined };
  return { conversation, step: { conversationId: 1, done: false, payload: exchange.challenge } };
}

function begin(users: Users, mechanism: Mechanism, words: string, database: string): Exchange {
  try {
    return beginExchange(
      mechanism,
      words,
      (name) => users.find(userId(database, name))?.credentials[mechanism] ?? nobodysCredential(mechanism, userId(database, name)),
    );
  } catch {
    throw failed();
  }
}

/** saslContinue: the proof, then nothing. `user` is there when the login is done. Throws AuthenticationFailed; the conversation is over then. */
export function continueLogin(conversation: Conversation, id: unknown, payload: string): LoginStep {
  if (id !== conversation.id) throw new CommandFailure("ProtocolError", "sasl: Mismatched conversation id");
  if (conversation.proved) {
    if (payload !== "") throw failed();
    return { conversationId: conversation.id, done: true, payload: "", user: conversation.proved };
  }
  let answer: string;
  try {
    answer = conversation.exchange.prove(payload);
  } catch {
    throw failed();
  }
  const { user: name } = conversation.exchange;
  const user = { id: userId(conversation.database, name), database: conversation.database, name };
  conversation.proved = user;
  return {
    conversationId: conversation.id,
    done: conversation.skipEmptyExchange,
    payload: answer,
    ...(conversation.skipEmptyExchange ? { user } : {}),
  };
}
