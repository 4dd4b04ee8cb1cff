import fs from "node:fs/promises";
import net from "node:net";
import { codeOf } from "../base/errors.ts";
import { BrokerError } from "./broker-error.ts";

/** The sockets of one listener. Loopback is served on IPv4 and IPv6 alike, since clients differ in which one "localhost" is to them. */
export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);
const IPV6_MISSING: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EPROTONOSUPPORT"]);
const ATTEMPTS = 8;

function listenOn(host: string, port: number, onSocket: (socket: net.Socket) => void): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ noDelay: true }, onSocket);
    server.once("error", reject);
    server.listen({ host, port, ipv6Only: host === "::1" }, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

const closeServer = (server: net.Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

/** The process that listens on a port, as far as Linux lets one see: "node (pid 4711)". */
async function holderOf(port: number): Promise<string | undefined> {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const text = await fs.readFile(table, "utf8").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === "0A" && local?.endsWith(`:${wanted}`) && inode) inodes.add(`socket:[${inode}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of (await fs.readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await fs.readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await fs.readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
      if (inodes.has(target)) return `${(await fs.readFile(`/proc/${pid}/comm`, "utf8").catch(() => "a process")).trim()} (pid ${pid})`;
    }
  }
  return undefined;
}

async function refusal(host: string, port: number, cause: unknown): Promise<BrokerError> {
  const failed = `Cannot start the Kafka-protocol development broker on ${host}:${port}`;
  if (codeOf(cause) !== "EADDRINUSE") {
    return new BrokerError("CANNOT_LISTEN", { failed, found: String(cause), remedy: "Choose an address of this machine.", cause });
  }
  const holder = await holderOf(port).catch(() => undefined);
  return new BrokerError("PORT_IN_USE", {
    failed,
    found: `port ${port} is in use${holder === undefined ? "" : ` by ${holder}`}`,
    remedy: "Stop what uses the port, or choose another one.",
    cause,
  });
}

/** Listens on `host`; port 0 takes a free one. Throws PORT_IN_USE, with the holder where it can be found, or CANNOT_LISTEN. */
export async function listen(host: string, port: number, onSocket: (socket: net.Socket) => void): Promise<Listening> {
  const isLoopback = LOOPBACK.has(host);
  for (let attempt = 1; ; attempt++) {
    const servers: net.Server[] = [];
    try {
      servers.push(await listenOn(isLoopback ? "127.0.0.1" : host, port, onSocket));
      const taken = portOf(servers[0] as net.Server);
      if (isLoopback) {
        try {
          servers.push(await listenOn("::1", taken, onSocket));
        } catch (thrown) {
          if (!IPV6_MISSING.has(codeOf(thrown) ?? "")) throw thrown;
        }
      }
      return {
        port: taken,
        close: async () => {
          await Promise.all(servers.map(closeServer));
        },
      };
    } catch (thrown) {
      await Promise.all(servers.map(closeServer));
      if (port === 0 && codeOf(thrown) === "EADDRINUSE" && attempt < ATTEMPTS) continue;
      throw await refusal(host, port, thrown);
    }
  }
}
