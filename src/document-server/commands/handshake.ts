import os from "node:os";
import { randomBytes } from "node:crypto";
import { Binary, Int32, Long, type Document } from "bson";
import { MAX_DOCUMENT_BYTES } from "../bson/raw.ts";
import { CommandFailure } from "../failure.ts";
import { MECHANISMS } from "../security/scram.ts";
import { commonCompressors } from "../wire/compressed.ts";
import { MAX_MESSAGE_BYTES } from "../wire/frames.ts";
import type { Command, CommandContext } from "./command.ts";
import { loginOfHello } from "./login.ts";
import { textOf } from "../bson/shown.ts";

/** The protocol spoken: MongoDB 8.0's (wire version 25). The product behind it is this development server, and buildInfo says so. */
export const WIRE_VERSION = 25;
export const SERVER_VERSION = "8.0.0";
export const PRODUCT = "MongoDB-protocol development server";

function hello(context: CommandContext): Document {
  const { state, connection, body } = context;
  const client = body.client as Document | undefined;
  const appName = (client?.application as Document | undefined)?.name as unknown;
  if (typeof appName === "string") connection.appName = appName;
  const compression = commonCompressors(body.compression);
  const legacy = "isMaster" in body || "ismaster" in body;
  return {
    ...(body.helloOk === true ? { helloOk: true } : {}),
    ...(legacy ? { ismaster: true } : { isWritablePrimary: true }),
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: 100_000,
    localTime: new Date(state.clock.nowMs()),
    logicalSessionTimeoutMinutes: 30,
    connectionId: connection.id,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
    ...(compression.length > 0 ? { compression } : {}),
    ...loginOfHello(context),
    ok: 1,
  };
}

function refuseTransaction(): never {
  throw new CommandFailure("CommandFailed", "commitTransaction and abortTransaction must be run within a transaction");
}

const ok = (): Document => ({ ok: 1 });

const answers: Readonly<Record<string, (context: CommandContext) => Document>> = {
  hello,
  isMaster: hello,
  ismaster: hello,
  ping: ok,
  buildInfo: buildInfo,
  buildinfo: buildInfo,
  whatsmyuri: (context) => ({ you: context.connection.remote, ok: 1 }),
  getParameter: (context) => parameters(context),
  getCmdLineOpts,
  getLog,
  getFreeMonitoringStatus: () => ({ state: "disabled", ok: 1 }),
  hostInfo,
  serverStatus,
  startSession: () => ({ id: { id: new Binary(randomBytes(16), Binary.SUBTYPE_UUID) }, timeoutMinutes: 30, ok: 1 }),
  listCommands,
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

function parameters({ body, state }: CommandContext): Document {
  const known: Document = {
    featureCompatibilityVersion: { version: "8.0" },
    enableTestCommands: true,
    authenticationMechanisms: [...MECHANISMS],
    ttlMonitorEnabled: true,
    ttlMonitorSleepSecs: 60,
    cursorTimeoutMillis: Long.fromNumber(600_000),
    maxIncomingConnections: state.maxConnections,
    scramIterationCount: 10_000,
    scramSHA256IterationCount: 15_000,
    javascriptEnabled: false,
  };
  if (body.getParameter === "*") return { ...known, ok: 1 };
  const asked = Object.keys(known).filter((name) => name in body);
  if (asked.length === 0) throw new CommandFailure("InvalidOptions", "no option found to get");
  return { ...Object.fromEntries(asked.map((name) => [name, known[name] as unknown])), ok: 1 };
}

function getCmdLineOpts({ state }: CommandContext): Document {
  const { host, port } = state.address;
  return {
    argv: [PRODUCT],
    parsed: {
      net: { bindIp: host, port, ...(state.isEncrypted ? { tls: { mode: "requireTLS" } } : {}) },
      ...(state.access.isRequired ? { security: { authorization: "enabled" } } : {}),
      storage: state.dataDir === undefined ? { engine: "inMemory" } : { dbPath: state.dataDir },
    },
    ok: 1,
  };
}

/** This server keeps no log to read; that it has no logins, where it has none, is what MongoDB says in its own. */
function getLog({ body }: CommandContext): Document {
  if (body.getLog === "*") return { names: ["global", "startupWarnings"], ok: 1 };
  if (body.getLog !== "global" && body.getLog !== "startupWarnings")
    throw new CommandFailure("OperationFailed", `No log named '${textOf(body.getLog)}'`);
  return { totalLinesWritten: 0, log: [], ok: 1 };
}

function hostInfo({ state }: CommandContext): Document {
  const memSizeMB = Math.round(os.totalmem() / 2 ** 20);
  return {
    system: {
      currentTime: new Date(state.clock.nowMs()),
      hostname: os.hostname(),
      cpuAddrSize: 64,
      memSizeMB: Long.fromNumber(memSizeMB),
      memLimitMB: Long.fromNumber(memSizeMB),
      numCores: os.cpus().length,
      cpuArch: os.arch(),
      numaEnabled: false,
    },
    os: { type: os.type(), name: os.version(), version: os.release() },
    extra: {},
    ok: 1,
  };
}

function listCommands({ state }: CommandContext): Document {
  return { commands: Object.fromEntries([...state.commandNames].sort().map((name) => [name, { help: "" }])), ok: 1 };
}

function serverStatus(context: CommandContext): Document {
  const { state } = context;
  const uptimeMs = Math.round(state.clock.nowMs() - state.startedMs);
  const cursors = state.cursors.counts();
  const { bytesIn, bytesOut, commands, totalConnections } = state.counters;
  return {
    host: `${state.address.host}:${state.address.port}`,
    version: SERVER_VERSION,
    process: PRODUCT,
    pid: Long.fromNumber(process.pid),
    uptime: Math.floor(uptimeMs / 1000),
    uptimeMillis: Long.fromNumber(uptimeMs),
    uptimeEstimate: Long.fromNumber(Math.floor(uptimeMs / 1000)),
    localTime: new Date(state.clock.nowMs()),
    connections: {
      current: state.connections.size,
      available: state.maxConnections - state.connections.size,
      totalCreated: totalConnections,
      active: state.operations.size,
    },
    network: { bytesIn: Long.fromNumber(bytesIn), bytesOut: Long.fromNumber(bytesOut), numRequests: Long.fromNumber(commands) },
    mem: { bits: 64, resident: Math.round(process.memoryUsage.rss() / 2 ** 20), supported: true },
    metrics: {
      cursor: { open: { total: cursors.total, noTimeout: cursors.noTimeout, pinned: cursors.pinned } },
      ttl: { deletedDocuments: Long.fromNumber(state.ttl.deletedDocuments), passes: Long.fromNumber(state.ttl.passes) },
      commands,
    },
    storageEngine: {
      name: state.file.inMemory ? "sqlite-memory" : "sqlite",
      supportsCommittedReads: false,
      persistent: !state.file.inMemory,
      readOnly: false,
    },
    ok: 1,
  };
}

/** What drivers, mongosh and Compass ask at connect; sessions are accepted and need no state here. */
export const handshakeCommands: readonly Command[] = Object.entries(answers).map(([name, run]) => ({ name, run }));
