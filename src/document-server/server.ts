import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type * as TlsModule from "node:tls";
import { systemClock, type Clock } from "../base/clock.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { commandTable } from "./commands/table.ts";
import { serveConnection } from "./connection.ts";
import { Cursors } from "./cursors.ts";
import { FailPoints } from "./fail-points.ts";
import { DocumentServerError } from "./failure.ts";
import { portHolder } from "../base/port-holder.ts";
import { Access } from "./security/access.ts";
import type { Certificate, ServerTls } from "./security/certificate.ts";
import { Users, type ConfiguredUser } from "./security/users.ts";
import type { ServerState } from "./server-state.ts";
import { Catalog } from "./storage/catalog.ts";
import { DocumentFile } from "./storage/document-file.ts";
import { watchExpiry } from "./ttl.ts";

export interface DocumentServerOptions {
  /** Where it listens; 127.0.0.1 when not given. */
  readonly host?: string;
  /** 0 takes a free one. 27017 when not given. */
  readonly port?: number;
  /** Folder of its data; created when it is not there. One server at a time owns it. Not needed with `storage: "memory"`. */
  readonly dataDir?: string;
  /** "disk" when not given. "memory": nothing is stored, and everything is gone when the server ends. */
  readonly storage?: "disk" | "memory";
  /** Connections at once; 5 000 when not given. Those beyond are closed. */
  readonly maxConnections?: number;
  /**
   * Whether commands need a login (SCRAM-SHA-256 or SCRAM-SHA-1); true when not given with `users`, else false. With logins and no user yet,
   * one may be made from this machine (MongoDB's localhost exception).
   */
  readonly auth?: boolean;
  /** Users that are there from the start. The server keeps keys, never passwords. */
  readonly users?: readonly ConfiguredUser[];
  /** TLS on the listener, and nothing else; {} for a certificate of the server's own making. */
  readonly tls?: ServerTls;
  readonly clock?: Clock;
}

/** A running MongoDB-protocol development server. It is not MongoDB: one node, no replication, no transactions. */
export interface DocumentServer {
  readonly address: { readonly host: string; readonly port: number };
  /** As for MongoClient: `mongodb://127.0.0.1:27017/?directConnection=true${options.tls ? "&tls=true" : ""}`, with `&tls=true` where it is encrypted; never a password. */
  readonly uri: string;
  /** What clients are to trust (tlsCAFile) where the server made its own certificate; undefined without TLS. */
  readonly certificate: string | undefined;
  /** Ends the connections, commits what is queued, closes the file. */
  close(): Promise<void>;
}

/** Starts a server in this process. Throws DocumentServerError: PORT_IN_USE (naming the holder where the system tells), DATA_IN_USE, DATA_UNUSABLE. */
export async function startDocumentServer(options: DocumentServerOptions): Promise<DocumentServer> {
  const clock = options.clock ?? systemClock;
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? 27017;
  const inMemory = options.storage === "memory";
  if (!inMemory && options.dataDir === undefined)
    throw new DocumentServerError("INVALID_OPTION", {
      failed: "Cannot start the MongoDB-protocol development server",
      found: "no folder for its data",
      remedy: 'Give it a dataDir, or storage: "memory".',
    });
  const dataDir = inMemory ? undefined : options.dataDir;
  const maxConnections = options.maxConnections ?? 5_000;
  const file = new DocumentFile(dataDir, clock);
  const sockets = new Set<Socket>();
  const stopping = new AbortController();
  try {
    const users = new Users(file);
    await users.configure(options.users ?? []);
    const state: ServerState = {
      file,
      catalog: new Catalog(file),
      cursors: new Cursors(clock),
      failPoints: new FailPoints(),
      clock,
      users,
      access: new Access(options.auth ?? (options.users !== undefined && options.users.length > 0), users),
      connections: new Set(),
      operations: new Map(),
      dataDir,
      startedMs: clock.nowMs(),
      counters: { totalConnections: 0, commands: 0, unfinishedBytes: 0, bytesIn: 0, bytesOut: 0 },
      ttl: { passes: 0, deletedDocuments: 0 },
      maxConnections,
      commandNames: [...commandTable.keys()],
      isEncrypted: options.tls !== undefined,
      address: { host, port },
    };
    let lastConnection = 0;
    const certificate = options.tls && (await (await import("./security/certificate.ts")).serverCertificate(options.tls, dataDir, host));
    const serve = (socket: Socket): void => serveConnection(state, socket, ++lastConnection, options.tls !== undefined);
    const server = certificate ? secureServer(certificate, serve) : createServer({ noDelay: true }, serve);
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    });
    server.maxConnections = maxConnections;
    await listen(server, host, port);
    const bound = server.address() as AddressInfo;
    state.address = { host, port: bound.port };
    const expiry = watchExpiry(state, stopping.signal);
    const shown = host.includes(":") ? `[${host}]` : host;
    return {
      address: { host, port: bound.port },
      certificate: certificate?.cert,
      uri: `mongodb://${shown}:${bound.port}/?directConnection=true${options.tls ? "&tls=true" : ""}`,
      close: async () => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        stopping.abort(new Error("the server is closed"));
        for (const operation of state.operations.values()) operation.kill("InterruptedAtShutdown");
        for (const socket of sockets) socket.destroy();
        await closed;
        await expiry;
        file.close();
      },
    };
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}

/** @throws DocumentServerError TLS_UNUSABLE */
function secureServer(tls: Certificate, serve: (socket: Socket) => void): Server {
  try {
    const { createServer: createTlsServer } = process.getBuiltinModule("node:tls") as typeof TlsModule;
    const server = createTlsServer({ cert: tls.cert, key: tls.key, minVersion: "TLSv1.2", handshakeTimeout: 10_000 }, serve);
    return server.on("tlsClientError", () => undefined);
  } catch (thrown) {
    throw new DocumentServerError("TLS_UNUSABLE", {
      failed: "Cannot start the MongoDB-protocol development server with TLS",
      found: messageOf(thrown),
      remedy: "Give a certificate and its private key as PEM.",
      cause: thrown,
    });
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (thrown) {
    const inUse = codeOf(thrown) === "EADDRINUSE";
    const holder = inUse ? portHolder(port) : undefined;
    throw new DocumentServerError(inUse ? "PORT_IN_USE" : "CANNOT_LISTEN", {
      failed: `Cannot start the MongoDB-protocol development server on ${host}:${port}`,
      found: inUse ? `the port is held by ${holder ?? "another program"}` : messageOf(thrown),
      remedy: inUse ? `Stop that program, or choose another port (0 takes a free one).` : "Choose an address of this machine.",
      cause: thrown,
    });
  }
}
