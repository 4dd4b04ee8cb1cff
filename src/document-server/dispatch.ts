import type { Document } from "bson";
import { messageOf } from "../base/errors.ts";
import { checkApiVersion } from "./api-version.ts";
import { decodeTyped } from "./bson/values.ts";
import { commandTable } from "./commands/table.ts";
import { CommandFailure } from "./failure.ts";
import type { ServerState } from "./server-state.ts";
import { BrokenFrame } from "./wire/frames.ts";
import type { Reply, Request } from "./wire/message.ts";

/** Runs one request and gives its answer; every failure becomes an answer with ok: 0, code and codeName. Throws BrokenFrame where a fail point closes. */
export async function dispatch(state: ServerState, request: Request, connectionId: number): Promise<Reply> {
  state.counters.commands++;
  const failing = state.failPoints.next(Object.keys(request.body)[0] ?? "", undefined);
  if (failing === undefined) return await answer(state, request, connectionId);
  if (failing.waitMs > 0) await state.clock.sleep(failing.waitMs);
  if (failing.closes) throw new BrokenFrame("a fail point closes the connection");
  if (failing.error) return failing.error;
  const reply = await answer(state, request, connectionId);
  if (failing.writeConcernError === undefined) return reply;
  const document = Buffer.isBuffer(reply) ? decodeTyped(reply) : reply;
  return document.ok === 0 ? document : { ...document, writeConcernError: failing.writeConcernError };
}

async function answer(state: ServerState, request: Request, connectionId: number): Promise<Reply> {
  try {
    const { body } = request;
    const name = Object.keys(body)[0] ?? "";
    const command = commandTable.get(name);
    if (!command) throw new CommandFailure("CommandNotFound", `no such command: '${name}'`);
    checkApiVersion(name, body);
    if (body.startTransaction === true || body.autocommit === false)
      throw new CommandFailure(
        "OperationNotSupportedInTransaction",
        "Transaction numbers are only allowed on a replica set member or mongos; this development server has no transactions",
      );
    refuseCollation(body);
    return await command.run({ state, request, body, database: request.database, connectionId });
  } catch (thrown) {
    return failureReply(thrown);
  }
}

/** Text is compared by its bytes here; an answer in another order than the one asked for would be a wrong answer. */
function refuseCollation(body: Document): void {
  const operations = [body, ...[body.updates, body.deletes].flatMap((list) => (Array.isArray(list) ? (list as Document[]) : []))];
  for (const { collation } of operations)
    if (collation && (collation as Document).locale !== "simple")
      throw new CommandFailure("BadValue", "collations other than simple are not offered by this development server");
}

export function failureReply(thrown: unknown): Reply {
  const failure = thrown instanceof CommandFailure ? thrown : new CommandFailure("InternalError", messageOf(thrown));
  return { ok: 0, errmsg: failure.message, code: failure.code, codeName: failure.codeName, ...failure.extra };
}
