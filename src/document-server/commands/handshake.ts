import os from "node:os";
import { Int32, Long, type Document } from "bson";
import { MAX_DOCUMENT_BYTES } from "../bson/raw.ts";
import { CommandFailure } from "../failure.ts";
import { MAX_MESSAGE_BYTES } from "../wire/frames.ts";
import type { Command, CommandContext } from "./command.ts";

/** The protocol spoken: MongoDB 8.0's (wire version 25). The product behind it is this development server, and buildInfo says so. */
export const WIRE_VERSION = 25;
export const SERVER_VERSION = "8.0.0";
export const PRODUCT = "MongoDB-protocol development server";

function hello(context: CommandContext): Document {
  const { state, connectionId, body } = context;
  const legacy = "isMaster" in body || "ismaster" in body;
  return {
    ...(body.helloOk === true ? { helloOk: true } : {}),
    ...(legacy ? { ismaster: true } : { isWritablePrimary: true }),
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: 100_000,
    localTime: new Date(state.clock.nowMs()),
    logicalSessionTimeoutMinutes: 30,
    connectionId,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
    ok: 1,
  };
}

function refuseTransaction(): never {
  throw new CommandFailure("OperationNotSupportedInTransaction", "This development server has no transactions");
}

const ok = (): Document => ({ ok: 1 });

const answers: Readonly<Record<string, (context: CommandContext) => Document>> = {
  hello,
  isMaster: hello,
  ismaster: hello,
  ping: ok,
  buildInfo: buildInfo,
  buildinfo: buildInfo,
  connectionStatus: () => ({ authInfo: { authenticatedUsers: [], authenticatedUserRoles: [] }, ok: 1 }),
  whatsmyuri: () => ({ you: "127.0.0.1", ok: 1 }),
  getParameter: (context) => parameters(context.body),
  getCmdLineOpts: (context) => ({ argv: [PRODUCT], parsed: { net: context.state.address }, ok: 1 }),
  getLog: () => ({ totalLinesWritten: 0, log: [], ok: 1 }),
  getFreeMonitoringStatus: () => ({ state: "disabled", ok: 1 }),
  hostInfo: () => ({ system: { hostname: os.hostname(), numCores: os.cpus().length }, os: { type: os.type(), name: PRODUCT }, ok: 1 }),
  serverStatus,
  startSession: (context) => ({ id: { id: context.body.lsid ?? null }, timeoutMinutes: 30, ok: 1 }),
  endSessions: ok,
  refreshSessions: ok,
  killSessions: ok,
  logout: ok,
  configureFailPoint: (context) => {
    context.state.failPoints.configure(context.body);
    return { count: 0, ok: 1 };
  },
  commitTransaction: refuseTransaction,
  abortTransaction: refuseTransaction,
};

function buildInfo(): Document {
  return {
    version: SERVER_VERSION,
    versionArray: [8, 0, 0, 0].map((n) => new Int32(n)),
    gitVersion: "none",
    modules: [],
    product: PRODUCT,
    javascriptEngine: "none",
    bits: 64,
    debug: false,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    storageEngines: ["sqlite"],
    ok: 1,
  };
}

function parameters(body: Document): Document {
  const known: Document = { featureCompatibilityVersion: { version: "8.0" }, enableTestCommands: true, authenticationMechanisms: [] };
  if (body.getParameter === "*") return { ...known, ok: 1 };
  const asked = Object.keys(known).filter((name) => name in body);
  if (asked.length === 0) throw new CommandFailure("InvalidOptions", "no option found to get");
  return { ...Object.fromEntries(asked.map((name) => [name, known[name] as unknown])), ok: 1 };
}

function serverStatus(context: CommandContext): Document {
  const { state } = context;
  const uptimeMs = Math.round(state.clock.nowMs() - state.startedMs);
  return {
    host: `${state.address.host}:${state.address.port}`,
    version: SERVER_VERSION,
    process: PRODUCT,
    pid: Long.fromNumber(process.pid),
    uptime: uptimeMs / 1000,
    uptimeMillis: Long.fromNumber(uptimeMs),
    localTime: new Date(state.clock.nowMs()),
    connections: { current: state.counters.connections, totalCreated: state.counters.totalConnections },
    mem: { resident: Math.round(process.memoryUsage.rss() / 2 ** 20) },
    metrics: { cursor: { open: { total: state.cursors.size } }, commands: state.counters.commands },
    storageEngine: { name: "sqlite" },
    ok: 1,
  };
}

/** What drivers, mongosh and Compass ask at connect; sessions are accepted and need no state here. */
export const handshakeCommands: readonly Command[] = Object.entries(answers).map(([name, run]) => ({ name, run }));
