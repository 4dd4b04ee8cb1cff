import net from "node:net";

/** What happens to the bytes between a client and a server. */
export type Weather =
  | { readonly kind: "fair" }
  /** Connections are taken and nothing is passed on, in either direction: a cable that was cut, seen from both ends. */
  | { readonly kind: "silent" }
  /** Each connection is reset after so many bytes from the server. */
  | { readonly kind: "reset"; readonly afterBytes: () => number }
  /** So many bytes a second from the server, at most. */
  | { readonly kind: "slow"; readonly bytesPerSecond: number };

/** A proxy on loopback that a test makes the weather of. */
export interface TcpProxy {
  readonly port: number;
  /** Where new connections are passed on to. */
  target: number;
  /** For new and present connections. */
  weather: Weather;
  /** Resets every connection that is open. */
  resetAll(): void;
  readonly connections: number;
  close(): Promise<void>;
}

const SLICES_A_SECOND = 20;

export async function startTcpProxy(): Promise<TcpProxy> {
  const open = new Set<net.Socket>();
  let weather: Weather = { kind: "fair" };
  const server = net.createServer((client) => {
    const upstream = net.connect({ host: "127.0.0.1", port: proxy.target });
    let passed = 0;
    const limit = weather.kind === "reset" ? weather.afterBytes() : Infinity;
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.setNoDelay(true);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.on("data", (chunk: Buffer) => {
        if (weather.kind === "silent") return;
        if (from === upstream) passed += chunk.length;
        if (passed > limit) {
          client.resetAndDestroy();
          upstream.destroy();
          return;
        }
        if (weather.kind === "slow" && from === upstream) void trickle(chunk, from, to, weather.bytesPerSecond);
        else if (!to.write(chunk)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: TcpProxy = {
    port: (server.address() as net.AddressInfo).port,
    target: 0,
    get weather() {
      return weather;
    },
    set weather(next: Weather) {
      weather = next;
    },
    get connections() {
      return open.size / 2;
    },
    resetAll: () => {
      for (const socket of open) socket.resetAndDestroy();
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}

async function trickle(chunk: Buffer, from: net.Socket, to: net.Socket, bytesPerSecond: number): Promise<void> {
  from.pause();
  const slice = Math.max(1, Math.floor(bytesPerSecond / SLICES_A_SECOND));
  for (let at = 0; at < chunk.length && !to.destroyed; at += slice) {
    to.write(chunk.subarray(at, at + slice));
    await new Promise((resolve) => setTimeout(resolve, 1000 / SLICES_A_SECOND));
  }
  from.resume();
}
