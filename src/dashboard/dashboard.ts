import { createAdaptorServer } from "@hono/node-server";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock, type Clock } from "../base/clock.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { hostsOf } from "../mongo/mongo-error.ts";
import { portHolder } from "../base/port-holder.ts";
import { createApp } from "./app.ts";
import { loadAssets } from "./assets.ts";
import { DashboardError } from "./dashboard-error.ts";
import { Feed } from "./feed.ts";
import type { FeedSource } from "./feed-source.ts";
import { openMongoFeedSource } from "./mongo-feed-source.ts";
import { allowedHosts, isLoopback } from "./security.ts";

/** How a dashboard is served, wherever its data comes from. */
export interface ServeOptions {
  /** Loopback only: "127.0.0.1" (default), "::1" or "localhost". */
  readonly host?: string;
  /** The port that the user asked for, 0 for any. Without it 8050, or a free one where that is taken. */
  readonly port?: number | undefined;
  /** Milliseconds between two polls of the database, 250 by default. */
  readonly refreshMs?: number;
  /** Closes the dashboard when it aborts. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export interface DashboardOptions extends ServeOptions {
  readonly mongoUri: string;
  /** "iot_analytics" by default. */
  readonly database?: string;
}

/** A running dashboard. */
export interface Dashboard {
  /** "127.0.0.1:8050" */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** What to open in a browser: "http://127.0.0.1:8050/" */
  readonly url: string;
  close(): Promise<void>;
}

const DEFAULT_PORT = 8050;

/**
 * Serves the page "Real-time IoT Sensor Monitoring" (lab A10) over a MongoDB. It starts without the database too: the page says what is away.
 * @throws DashboardError PORT_IN_USE for a port that was asked for, NOT_LOOPBACK, INVALID_URI, CANNOT_LISTEN
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  options.signal?.throwIfAborted();
  const source = openMongoFeedSource(options.mongoUri, options.database ?? "iot_analytics");
  try {
    return await serveDashboard(source, hostsOf(options.mongoUri), options);
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

/** The same over any source; closing the dashboard closes the source too. */
export async function serveDashboard(source: FeedSource, databaseAddress: string, options: ServeOptions): Promise<Dashboard> {
  const { host = "127.0.0.1", signal, clock = systemClock } = options;
  refuseOtherHosts(host);
  const refresh = options.refreshMs === undefined ? {} : { refreshMs: options.refreshMs };
  const feed = new Feed({ source, clock, databaseAddress, ...refresh });
  let hosts: ReadonlySet<string> = new Set();
  const app = createApp({ feed, source, clock, assets: loadAssets(), hosts: () => hosts });
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  const port = await listen(server, host, options.port);
  hosts = allowedHosts(port);

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll(server, feed, () => source.close()));
  signal?.addEventListener("abort", () => void close(), { once: true });
  const address = `${host === "::1" ? "[::1]" : host}:${port}`;
  return { address, host, port, url: `http://${address}/`, close };
}

function refuseOtherHosts(host: string): void {
  if (isLoopback(host)) return;
  throw new DashboardError("NOT_LOOPBACK", {
    failed: `Cannot serve the dashboard on ${host}`,
    found: "it has no login, so it is served to this machine only",
    remedy: "Leave --host away, and reach it from elsewhere through a tunnel: ssh -L 8050:127.0.0.1:8050 this-machine.",
  });
}

async function listen(server: Server, host: string, asked: number | undefined): Promise<number> {
  try {
    return await tryListen(server, host, asked ?? DEFAULT_PORT);
  } catch (thrown) {
    if (codeOf(thrown) !== "EADDRINUSE") {
      throw new DashboardError("CANNOT_LISTEN", {
        failed: `Cannot serve the dashboard on ${host}:${asked ?? DEFAULT_PORT}`,
        found: messageOf(thrown),
        remedy: "Choose another port with --port.",
        cause: thrown,
      });
    }
    if (asked === undefined) return tryListen(server, host, 0);
    throw new DashboardError("PORT_IN_USE", {
      failed: `Cannot serve the dashboard on port ${asked}`,
      found: `the port is in use by ${portHolder(asked) ?? "another program"}`,
      remedy: "End that program, or choose another port with --port; without one a free port is taken.",
      cause: thrown,
    });
  }
}

function tryListen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, exclusive: true }, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function closeAll(server: Server, feed: Feed, closeSource: () => Promise<void>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await Promise.all([feed.close(), closeSource()]);
  server.closeAllConnections();
  await closed;
}
