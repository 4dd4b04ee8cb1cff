import type { HttpBindings } from "@hono/node-server";
import { Hono, type Context } from "hono";
import type { Clock } from "../base/clock.ts";
import type { Asset } from "./assets.ts";
import type { Feed } from "./feed.ts";
import type { FeedSource } from "./feed-source.ts";
import { alertParameters, metricParameters, noParameters, readParameters } from "./parameters.ts";
import { SECURITY_HEADERS, refusal } from "./security.ts";

export interface AppOptions {
  readonly feed: Feed;
  readonly source: FeedSource;
  readonly clock: Clock;
  readonly assets: ReadonlyMap<string, Asset>;
  /** Asked at every request, because the port is known only when the server listens. */
  readonly hosts: () => ReadonlySet<string>;
}

interface Environment {
  Bindings: HttpBindings;
}
type App = Hono<Environment>;

/** The dashboard's routes as a function from request to response: the page and its assets, /events, /api/…, /healthz. GET only. */
export function createApp(options: AppOptions): App {
  const app: App = new Hono<Environment>();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.res.headers.set(name, value);
  });
  app.use(async (context, next) => {
    const header = (name: string): string | undefined => context.req.header(name);
    const isData = context.req.path === "/events" || context.req.path.startsWith("/api/");
    const reason = refusal(
      { host: header("host"), origin: header("origin"), fetchSite: header("sec-fetch-site"), isData },
      options.hosts(),
    );
    if (reason !== undefined) return context.json({ error: reason }, 403);
    const methods = context.req.path === "/events" ? ["GET"] : ["GET", "HEAD"];
    if (!methods.includes(context.req.method))
      return context.json({ error: "Only GET is served here." }, 405, { allow: methods.join(", ") });
    return next();
  });
  app.get("/events", (context) => sendEvents(context, options.feed));
  addDataRoutes(app, options);
  for (const [url, asset] of options.assets) app.get(url, (context) => sendAsset(context, asset));
  app.notFound((context) => context.json({ error: "There is nothing here." }, 404));
  app.onError((thrown, context) => {
    void thrown;
    return context.json({ error: "The database does not answer." }, 503, { "cache-control": "no-store", "retry-after": "2" });
  });
  return app;
}

function addDataRoutes(app: App, { source, feed, clock }: AppOptions): void {
  const query = (context: Context<Environment>): URLSearchParams => new URL(context.req.url).searchParams;
  const noStore = { "cache-control": "no-store" };
  app.get("/api/metrics", async (context) => {
    const read = readParameters(metricParameters, query(context));
    if ("complaint" in read) return context.json({ error: read.complaint }, 400);
    const { limit, sensor_type: sensorType, location } = read.value;
    return context.json({ metrics: await source.metrics(limit, { sensorType, location }) }, 200, noStore);
  });
  app.get("/api/alerts", async (context) => {
    const read = readParameters(alertParameters, query(context));
    if ("complaint" in read) return context.json({ error: read.complaint }, 400);
    return context.json({ alerts: await source.alerts(read.value.limit, { alertType: read.value.alert_type }) }, 200, noStore);
  });
  app.get("/api/snapshot", async (context) => {
    const read = readParameters(noParameters, query(context));
    if ("complaint" in read) return context.json({ error: read.complaint }, 400);
    return context.json({ snapshot: (await source.snapshots(-1, 1)).at(-1) ?? null }, 200, noStore);
  });
  app.get("/healthz", (context) => context.json({ status: "ok", atMs: clock.nowMs(), clients: feed.clients }, 200, noStore));
}

async function sendAsset(context: Context<Environment>, asset: Asset): Promise<Response> {
  const headers = { "content-type": asset.contentType, "cache-control": asset.cacheControl, etag: asset.etag, vary: "accept-encoding" };
  if (context.req.header("if-none-match") === asset.etag) return context.body(null, 304, headers);
  const { body, encoding } = await asset.read(/\bgzip\b/.test(context.req.header("accept-encoding") ?? ""));
  return context.body(body, 200, encoding ? { ...headers, "content-encoding": encoding } : headers);
}

/**
 * The feed as a stream that is pulled: the next event is made when the socket has taken the last one, so a slow reader holds back itself only.
 * One that does not read at all is cut off with its socket.
 */
function sendEvents(context: Context<Environment>, feed: Feed): Response {
  const client = feed.connect(() => context.env?.outgoing?.destroy());
  if (client === undefined) return context.json({ error: "Too many pages are open." }, 503, { "retry-after": "5" });
  const encoder = new TextEncoder();
  let opened = false;
  const events = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const event = opened ? await client.next() : "retry: 1000\n\n";
        opened = true;
        if (event === undefined) controller.close();
        else controller.enqueue(encoder.encode(event));
      },
      cancel: () => client.close(),
    },
    { highWaterMark: 0 },
  );
  return context.body(events, 200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
}
