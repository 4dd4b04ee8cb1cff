import { Binary, type Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { beginLogin, continueLogin, type LoginStep } from "../security/conversation.ts";
import { privilegesOf } from "../security/roles.ts";
import { MECHANISMS } from "../security/scram.ts";
import type { Command, CommandContext } from "./command.ts";

function textOf(payload: unknown): string {
  if (payload instanceof Binary) return Buffer.from(payload.value()).toString("utf8");
  if (typeof payload === "string") return Buffer.from(payload, "base64").toString("utf8");
  throw new CommandFailure("TypeMismatch", "BSON field 'payload' is the wrong type, expected type 'binData'");
}

function answerOf(step: LoginStep): Document {
  return { conversationId: step.conversationId, done: step.done, payload: new Binary(Buffer.from(step.payload)) };
}

/** The first words of a login: in saslStart, or ahead of it in hello. Throws for what is no login. */
export function startLogin(context: CommandContext, asked: Document, database: string): Document {
  const { connection, state } = context;
  connection.login = undefined;
  const { conversation, step } = beginLogin(state.users, {
    mechanism: asked.mechanism,
    payload: textOf(asked.payload),
    database,
    skipEmptyExchange: (asked.options as Document | undefined)?.skipEmptyExchange === true,
  });
  connection.login = conversation;
  return answerOf(step);
}

const saslStart: Command = {
  name: "saslStart",
  run: (context) => ({ ...startLogin(context, context.body, context.database), ok: 1 }),
};

const saslContinue: Command = {
  name: "saslContinue",
  run: ({ connection, body }) => {
    const { login } = connection;
    if (!login) throw new CommandFailure("ProtocolError", "No SASL session state found");
    connection.login = undefined;
    const step = continueLogin(login, body.conversationId, textOf(body.payload));
    if (!step.user) connection.login = login;
    else {
      const others = connection.users.filter((user) => user.database !== login.database);
      connection.users.splice(0, Infinity, ...others, step.user);
    }
    return { ...answerOf(step), ok: 1 };
  },
};

const logout: Command = {
  name: "logout",
  run: ({ connection, database }) => {
    const others = connection.users.filter((user) => user.database !== database);
    connection.users.splice(0, Infinity, ...others);
    return { ok: 1 };
  },
};

const connectionStatus: Command = {
  name: "connectionStatus",
  run: ({ connection, state, body }) => {
    const roles = state.access.rolesOf(connection);
    const users = connection.users.map(({ name, database }) => ({ user: name, db: database }));
    return {
      authInfo: {
        authenticatedUsers: users,
        authenticatedUserRoles: roles,
        ...(body.showPrivileges === true ? { authenticatedUserPrivileges: roles.flatMap(privilegesOf) } : {}),
      },
      ok: 1,
    };
  },
};

/** What hello tells about logging in: the mechanisms of a user, and the answer to a login that was begun with it. */
export function loginOfHello(context: CommandContext): Document {
  const { body, state } = context;
  const answer: Document = {};
  if (typeof body.saslSupportedMechs === "string") {
    const user = state.users.find(body.saslSupportedMechs);
    if (user) answer.saslSupportedMechs = Object.keys(user.credentials);
    else if (state.access.isRequired) answer.saslSupportedMechs = [...MECHANISMS];
  }
  const speculative = body.speculativeAuthenticate as Document | undefined;
  if (speculative && typeof speculative.saslStart !== "undefined") {
    try {
      answer.speculativeAuthenticate = startLogin(context, speculative, typeof speculative.db === "string" ? speculative.db : "admin");
    } catch (thrown) {
      if (!(thrown instanceof CommandFailure)) throw thrown;
    }
  }
  return answer;
}

export const loginCommands: readonly Command[] = [saslStart, saslContinue, logout, connectionStatus];
