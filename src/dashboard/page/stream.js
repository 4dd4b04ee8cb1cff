// @ts-check
/**
 * @typedef {import("../feed-rows.ts").MetricRow} MetricRow
 * @typedef {import("../feed-rows.ts").AlertRow} AlertRow
 * @typedef {import("../feed-rows.ts").TrendPoint} TrendPoint
 * @typedef {import("../../monitor/snapshot.ts").PipelineSnapshot} PipelineSnapshot
 * @typedef {{ state: "up" | "down", sinceMs: number, address: string, message: string }} Database
 * @typedef {{ atMs: number, metrics?: MetricRow[], alerts?: AlertRow[], snapshot?: PipelineSnapshot | null, database?: Database, points?: TrendPoint[] }} Frame
 */

/** A server that is there sends something every 15 s. */
const SILENCE_MS = 40_000;
const RETRY_MS = 1_000;

/**
 * Keeps one stream open for as long as the page lives. The browser retries by itself after a broken connection, not after a refusal
 * (a full server, another program on the port), and it does not notice a half-open one: those cases are ours.
 * @param {{ onFrame: (frame: Frame, first: boolean) => void, onOpen: () => void, onLost: () => void }} handlers
 */
export function openStream(handlers) {
  /** @type {EventSource} */
  let source;
  /** @type {number} */
  let silence;
  const listen = () => {
    let first = true;
    source = new EventSource("/events");
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(restart, SILENCE_MS);
    };
    source.addEventListener("open", () => {
      first = true;
      heard();
      handlers.onOpen();
    });
    source.addEventListener("heartbeat", heard);
    source.addEventListener("frame", (event) => {
      heard();
      handlers.onFrame(JSON.parse(event.data), first);
      first = false;
    });
    source.addEventListener("error", () => {
      handlers.onLost();
      if (source.readyState === EventSource.CLOSED) setTimeout(restart, RETRY_MS);
    });
  };
  const restart = () => {
    clearTimeout(silence);
    source.close();
    handlers.onLost();
    listen();
  };
  listen();
}
