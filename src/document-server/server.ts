import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { systemClock, type Clock } from "../base/clock.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { serveConnection } from "./connection.ts";
import { Cursors } from "./cursors.ts";
import { FailPoints } from "./fail-points.ts";
import { DocumentServerError } from "./failure.ts";
import { portHolder } from "../base/port-holder.ts";
import type { ServerState } from "./server-state.ts";
import { Catalog } from "./storage/catalog.ts";
import { DocumentFile } from "./storage/document-file.ts";

export interface DocumentServerOptions {
  /** Where it listens; 127.0.0.1 when not given. */
  readonly host?: string;
  /** 0 takes a free one. 27017 when not given. */
  readonly port?: number;
  /** Folder of its data; created when it is not there. One server at a time owns it. */
  readonly dataDir: string;
  /** Connections at once; 1 000 when not given. */
  readonly maxConnections?: number;
  readonly clock?: Clock;
}

/** A running MongoDB-protocol development server. It is not MongoDB: one node, no replication, no transactions. */
export interface DocumentServer {
  readonly address: { readonly host: string; readonly port: number };
  /** As for MongoClient: `mongodb://127.0.0.1:27017/?directConnection=true`. */
  readonly uri: string;
  /** Ends the connections, commits what is queued, closes the file. */
  close(): Promise<void>;
}

/** Starts a server in this process. Throws DocumentServerError: PORT_IN_USE (naming the holder where the system tells), DATA_IN_USE, DATA_UNUSABLE. */
export async function startDocumentServer(options: DocumentServerOptions): Promise<DocumentServer> {
  const clock = options.clock ?? systemClock;
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? 27017;
  const file = new DocumentFile(options.dataDir);
  const sockets = new Set<Socket>();
  try {
    const state: ServerState = {
      file,
      catalog: new Catalog(file),
      cursors: new Cursors(clock),
      failPoints: new FailPoints(),
      clock,
      dataDir: options.dataDir,
      startedMs: clock.nowMs(),
      counters: { connections: 0, totalConnections: 0, commands: 0, unfinishedBytes: 0 },
      address: { host, port },
    };
    let lastConnection = 0;
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      serveConnection(state, socket, ++lastConnection);
    });
    server.maxConnections = options.maxConnections ?? 1000;
    await listen(server, host, port);
    const bound = server.address() as AddressInfo;
    state.address = { host, port: bound.port };
    const shown = host.includes(":") ? `[${host}]` : host;
    return {
      address: { host, port: bound.port },
      uri: `mongodb://${shown}:${bound.port}/?directConnection=true`,
      close: async () => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        for (const socket of sockets) socket.destroy();
        await closed;
        file.close();
      },
    };
  } catch (thrown) {
    file.close();
    throw thrown;
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
