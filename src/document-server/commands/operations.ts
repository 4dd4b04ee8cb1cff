import { Binary, Long, type Document } from "bson";
import { CommandFailure } from "../failure.ts";
import type { Operation } from "../operation.ts";
import { withoutSecrets } from "../security/access.ts";
import type { ServerState } from "../server-state.ts";
import type { Command, CommandContext } from "./command.ts";

/** The commands under way, as currentOp and $currentOp show them. */
export function operationsShown(state: ServerState): Document[] {
  return [...state.operations.values()].map((operation) => describe(state, operation));
}

function describe(state: ServerState, operation: Operation): Document {
  const connection = [...state.connections].find(({ id }) => id === operation.connectionId);
  return {
    type: "op",
    host: `${state.address.host}:${state.address.port}`,
    desc: `conn${operation.connectionId}`,
    connectionId: operation.connectionId,
    client: connection?.remote ?? "",
    ...(connection?.appName === undefined ? {} : { appName: connection.appName }),
    active: true,
    currentOpTime: new Date(state.clock.nowMs()).toISOString(),
    opid: operation.id,
    secs_running: Long.fromNumber(Math.floor(operation.runningMs / 1000)),
    microsecs_running: Long.fromNumber(Math.round(operation.runningMs * 1000)),
    op: operation.name === "find" ? "query" : operation.name === "getMore" ? "getmore" : "command",
    ns: operation.namespace,
    command: withoutSecrets(operation.command),
    numYields: operation.yields,
    killPending: operation.isKilled,
  };
}

const currentOp: Command = {
  name: "currentOp",
  run: (context) => ({ inprog: operationsShown(context.state), ok: 1 }),
};

const killOp: Command = {
  name: "killOp",
  run: (context) => {
    const { op } = context.body;
    const id = op instanceof Long ? op.toNumber() : op;
    if (typeof id !== "number") throw new CommandFailure("TypeMismatch", "BSON field 'killOp.op' is the wrong type, expected a number");
    context.state.operations.get(id)?.kill("Interrupted");
    return { info: "attempting to kill op", ok: 1 };
  },
};

/** Sessions hold nothing here but their cursors and what runs in them. */
function endSessions(context: CommandContext): Document {
  const asked = Object.values(context.body)[0] as unknown;
  const ids = (Array.isArray(asked) ? (asked as Document[]) : []).flatMap(({ id }) => (id instanceof Binary ? [id.toString("hex")] : []));
  context.state.cursors.killSessions(new Set(ids));
  return { ok: 1 };
}

export const operationCommands: readonly Command[] = [
  currentOp,
  killOp,
  { name: "endSessions", run: endSessions },
  { name: "killSessions", run: endSessions },
  { name: "refreshSessions", run: () => ({ ok: 1 }) },
];
