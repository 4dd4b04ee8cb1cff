import { Long, type Document } from "bson";
import { messageOf } from "../base/errors.ts";
import { checkApiVersion } from "./api-version.ts";
import { checkReadConcern } from "./read-concern.ts";
import { decodeTyped } from "./bson/values.ts";
import { commandTable } from "./commands/table.ts";
import type { ConnectionState } from "./connection-state.ts";
import { CommandFailure } from "./failure.ts";
import { Operation } from "./operation.ts";
import type { ServerState } from "./server-state.ts";
import { BrokenFrame } from "./wire/frames.ts";
import type { Reply, Request } from "./wire/message.ts";
import { textOf } from "./bson/shown.ts";

/** Runs one request and gives its answer; every failure becomes an answer with ok: 0, code and codeName. Throws BrokenFrame where a fail point closes. */
export async function dispatch(state: ServerState, request: Request, connection: ConnectionState): Promise<Reply> {
  state.counters.commands++;
  const failing = state.failPoints.next(Object.keys(request.body)[0] ?? "", connection.appName);
  if (failing === undefined) return await answer(state, request, connection);
  if (failing.waitMs > 0) await state.clock.sleep(failing.waitMs);
  if (failing.closes) throw new BrokenFrame("a fail point closes the connection");
  if (failing.error) return failing.error;
  const reply = await answer(state, request, connection);
  if (failing.writeConcernError === undefined) return reply;
  const document = Buffer.isBuffer(reply) ? decodeTyped(reply) : reply;
  return document.ok === 0 ? document : { ...document, writeConcernError: failing.writeConcernError };
}

let lastOperation = 0;

async function answer(state: ServerState, request: Request, connection: ConnectionState): Promise<Reply> {
  const { body, database } = request;
  const name = Object.keys(body)[0] ?? "";
  let operation: Operation | undefined;
  try {
    const command = commandTable.get(name);
    if (!command) throw new CommandFailure("CommandNotFound", `no such command: '${name}'`);
    checkApiVersion(name, body);
    if (database === "" || (request.legacy && !name.toLowerCase().startsWith("ismaster") && name !== "hello"))
      throw request.legacy
        ? new CommandFailure(
            "UnsupportedOpQueryCommand",
            `Unsupported OP_QUERY command: ${name}. The client driver may require an upgrade.`,
          )
        : new CommandFailure("Location40571", "OP_MSG requests require a $db argument");
    state.access.check(connection, name, database, body);
    refuseTransaction(body);
    checkReadConcern(body);
    operation = new Operation(state.clock, {
      id: ++lastOperation,
      connectionId: connection.id,
      name,
      namespace: namespaceOf(name, database, body),
      command: body,
      maxTimeMs: name === "getMore" ? undefined : maxTimeOf(body),
    });
    state.operations.set(operation.id, operation);
    connection.operation = operation;
    return await command.run({ state, request, body, database, connection, operation });
  } catch (thrown) {
    return failureReply(thrown);
  } finally {
    if (operation) state.operations.delete(operation.id);
    connection.operation = undefined;
  }
}

function namespaceOf(name: string, database: string, body: Document): string {
  const first = body[name] as unknown;
  if (name === "getMore") return `${database}.${textOf(body.collection)}`;
  return typeof first === "string" ? `${database}.${first}` : `${database}.$cmd`;
}

function maxTimeOf(body: Document): number | undefined {
  const value = body.maxTimeMS as unknown;
  if (value === undefined || value === null) return undefined;
  const ms = Number(value);
  if (typeof value !== "number" && !(value instanceof Long)) throw new CommandFailure("TypeMismatch", "maxTimeMS must be a number");
  if (!Number.isInteger(ms)) throw new CommandFailure("BadValue", "maxTimeMS has non-integral value");
  if (ms < 0 || ms > 2 ** 31 - 1) throw new CommandFailure("BadValue", `${ms} value for maxTimeMS is out of range [0, 2147483647]`);
  return ms;
}

/** A standalone server's answers: it has sessions, but no transactions and no writes that are tried again by their number. */
function refuseTransaction(body: Document): void {
  if (body.txnNumber === undefined && body.autocommit === undefined && body.startTransaction === undefined) return;
  if (body.lsid === undefined && body.txnNumber !== undefined)
    throw new CommandFailure("InvalidOptions", "Transaction number requires a session ID to also be specified");
  throw new CommandFailure("IllegalOperation", "Transaction numbers are only allowed on a replica set member or mongos");
}

export function failureReply(thrown: unknown): Reply {
  const failure = thrown instanceof CommandFailure ? thrown : new CommandFailure("InternalError", messageOf(thrown));
  return { ok: 0, errmsg: failure.message, code: failure.code, codeName: failure.codeName, ...failure.extra };
}
