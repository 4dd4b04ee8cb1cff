import net from "node:net";
import type { TlsOptions } from "node:tls";
import { codeOf } from "../base/errors.ts";
import { portHolder } from "../base/port-holder.ts";
import { BrokerError } from "./broker-error.ts";

/** The sockets of one listener. Loopback is served on IPv4 and IPv6 alike, since clients differ in which one "localhost" is to them. */
export interface Listening {
  readonly port: number;
  /** Ends its connections too, also those whose handshake is under way. */
  close(): Promise<void>;
}

const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);
const IPV6_MISSING: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EPROTONOSUPPORT"]);
const ATTEMPTS = 8;

/** A client that does not finish its handshake is let go. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

/** What is done with the sockets of a listener. */
export interface Reception {
  readonly onSocket: (socket: net.Socket) => void;
  /** With TLS: the broker's certificate, and who is told of handshakes that failed. */
  readonly tls?: { readonly options: TlsOptions; readonly onFailure: (failure: Error, socket: net.Socket) => void } | undefined;
}

/** Peers that vanish without a word are found by the system's keep-alive. */
const SOCKET = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 } as const;

/** TLS is only loaded where it is spoken: it takes six megabytes. */
function createServer(reception: Reception): net.Server {
  if (!reception.tls) return net.createServer(SOCKET, reception.onSocket);
  const { options, onFailure } = reception.tls;
  const tls = process.getBuiltinModule("node:tls");
  const server = tls.createServer({ ...options, ...SOCKET, handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, reception.onSocket);
  return server.on("tlsClientError", onFailure);
}

function listenOn(host: string, port: number, reception: Reception, sockets: Set<net.Socket>): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(reception);
    server.on("connection", (socket: net.Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    server.once("error", reject);
    server.listen({ host, port, ipv6Only: host === "::1" }, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

const closeServer = (server: net.Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

function refusal(host: string, port: number, cause: unknown): BrokerError {
  const failed = `Cannot start the Kafka-protocol development broker on ${host}:${port}`;
  if (codeOf(cause) !== "EADDRINUSE") {
    return new BrokerError("CANNOT_LISTEN", { failed, found: String(cause), remedy: "Choose an address of this machine.", cause });
  }
  const holder = portHolder(port);
  return new BrokerError("PORT_IN_USE", {
    failed,
    found: `port ${port} is in use${holder === undefined ? "" : ` by ${holder}`}`,
    remedy: "Stop what uses the port, or choose another one.",
    cause,
  });
}

/** Listens on `host`; port 0 takes a free one. Throws PORT_IN_USE, with the holder where it can be found, or CANNOT_LISTEN. */
export async function listen(host: string, port: number, reception: Reception): Promise<Listening> {
  const sockets = new Set<net.Socket>();
  const isLoopback = LOOPBACK.has(host);
  for (let attempt = 1; ; attempt++) {
    const servers: net.Server[] = [];
    try {
      servers.push(await listenOn(isLoopback ? "127.0.0.1" : host, port, reception, sockets));
      const taken = portOf(servers[0] as net.Server);
      if (isLoopback) {
        try {
          servers.push(await listenOn("::1", taken, reception, sockets));
        } catch (thrown) {
          if (!IPV6_MISSING.has(codeOf(thrown) ?? "")) throw thrown;
        }
      }
      return {
        port: taken,
        close: async () => {
          const closed = servers.map(closeServer);
          for (const socket of sockets) socket.destroy();
          await Promise.all(closed);
        },
      };
    } catch (thrown) {
      await Promise.all(servers.map(closeServer));
      if (port === 0 && codeOf(thrown) === "EADDRINUSE" && attempt < ATTEMPTS) continue;
      throw refusal(host, port, thrown);
    }
  }
}
