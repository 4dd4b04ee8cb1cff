import type { Document } from "bson";
import { messageOf } from "../base/errors.ts";
import { commandTable } from "./commands/table.ts";
import { CommandFailure } from "./failure.ts";
import type { ServerState } from "./server-state.ts";
import type { Reply, Request } from "./wire/message.ts";

/** Runs one request and gives its answer; every failure becomes an answer with ok: 0, code and codeName. */
export async function dispatch(state: ServerState, request: Request, connectionId: number): Promise<Reply> {
  state.counters.commands++;
  try {
    const { body } = request;
    const name = Object.keys(body)[0] ?? "";
    const command = commandTable.get(name);
    if (!command) throw new CommandFailure("CommandNotFound", `no such command: '${name}'`);
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
