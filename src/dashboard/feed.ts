import type { Clock } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";
import type { PipelineSnapshot } from "../monitor/snapshot.ts";
import { trendPoint, type TrendPoint } from "./feed-rows.ts";
import type { FeedSource } from "./feed-source.ts";

export interface FeedOptions {
  readonly source: FeedSource;
  readonly clock: Clock;
  /** Shown when the database is away: "127.0.0.1:27017". */
  readonly databaseAddress: string;
  /** Milliseconds between two polls, and so the least between two frames. */
  readonly refreshMs?: number;
  readonly heartbeatMs?: number;
  readonly maxClients?: number;
  /** A client that has not taken what it was sent for so long is dropped. */
  readonly slowMs?: number;
}

/** One page's place in the feed. */
export interface FeedClient {
  /**
   * The next server-sent event: a frame as soon as there is something that this client has not got, else a heartbeat.
   * Undefined at the end. Ask again only when the last one is written: what changes meanwhile is sent once, in its newest form.
   */
  next(): Promise<string | undefined>;
  close(): void;
}

type SectionName = "metrics" | "alerts" | "snapshot" | "database";

interface Section {
  version: number;
  json: string;
}

const METRICS = 100;
const ALERTS = 50;
const TRENDS = 180;

/**
 * Keeps the newest state of the pipeline while at least one page looks, and hands every page what it lacks of it.
 * There is no queue of frames: a client holds the versions that it was sent, so a slow one skips to the newest state
 * and costs one frame of memory (F30).
 */
export class Feed {
  readonly #options: Required<FeedOptions>;
  readonly #sections: Record<SectionName, Section>;
  readonly #clients = new Set<Client>();
  readonly #ending = new AbortController();
  #points: TrendPoint[] = [];
  #snapshot: PipelineSnapshot | undefined;
  #database: { state: "up" | "down"; sinceMs: number; address: string; message: string } | undefined;
  #polls = 0;
  #loop: Promise<void> | undefined;

  constructor(options: FeedOptions) {
    this.#options = { refreshMs: 250, heartbeatMs: 15_000, maxClients: 100, slowMs: 30_000, ...options };
    const empty = (json: string): Section => ({ version: 0, json });
    this.#sections = { metrics: empty("[]"), alerts: empty("[]"), snapshot: empty("null"), database: empty("null") };
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** How often the source was read; it stands still while nobody looks. */
  get polls(): number {
    return this.#polls;
  }

  /** A place for one page; undefined when all are taken. `onDrop` is called when the feed ends it because it does not read. */
  connect(onDrop: () => void = () => {}): FeedClient | undefined {
    if (this.#ending.signal.aborted || this.#clients.size >= this.#options.maxClients) return undefined;
    const client = new Client(
      this.#options.clock,
      this.#options.heartbeatMs,
      (state) => this.#frameFor(state),
      () => this.#clients.delete(client),
      onDrop,
    );
    client.firstPoll = this.#loop ? this.#polls : this.#polls + 1;
    this.#clients.add(client);
    this.#loop ??= this.#run();
    return client;
  }

  /** Ends every client and waits for a poll under way. */
  async close(): Promise<void> {
    this.#ending.abort(new Error("the dashboard is closing"));
    for (const client of this.#clients) client.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, refreshMs, slowMs } = this.#options;
    while (this.#clients.size > 0 && !this.#ending.signal.aborted) {
      const startedMs = clock.monotonicMs();
      await this.#poll();
      for (const client of this.#clients) {
        if (client.stalledMs() > slowMs) client.drop();
        else client.wake();
      }
      await clock.sleep(Math.max(1, refreshMs - (clock.monotonicMs() - startedMs)), this.#ending.signal).catch(() => {});
    }
    this.#loop = undefined;
  }

  async #poll(): Promise<void> {
    const { source } = this.#options;
    try {
      const [metrics, alerts, snapshots] = await Promise.all([
        source.metrics(METRICS),
        source.alerts(ALERTS),
        source.snapshots(this.#snapshot?.atMs ?? -1, TRENDS),
      ]);
      this.#set("metrics", JSON.stringify(metrics));
      this.#set("alerts", JSON.stringify(alerts));
      this.#snapshot = snapshots.at(-1) ?? this.#snapshot;
      this.#points = [...this.#points, ...snapshots.map(trendPoint)].slice(-TRENDS);
      this.#set("snapshot", JSON.stringify(this.#snapshot ?? null));
      this.#setDatabase("up", "");
    } catch (thrown) {
      this.#setDatabase("down", codeOf(thrown) ?? (thrown instanceof Error ? thrown.name : "unknown"));
    }
    this.#polls++;
  }

  #setDatabase(state: "up" | "down", message: string): void {
    if (this.#database?.state === state) return;
    this.#database = { state, sinceMs: this.#options.clock.nowMs(), address: this.#options.databaseAddress, message };
    this.#set("database", JSON.stringify(this.#database));
  }

  #set(name: SectionName, json: string): void {
    const section = this.#sections[name];
    if (section.json === json) return;
    section.json = json;
    section.version++;
  }

  /** What the client lacks, as one event; undefined when it has everything or the first poll is still to come. */
  #frameFor(client: Client): string | undefined {
    if (this.#polls < client.firstPoll) return undefined;
    const parts: string[] = [];
    for (const name of Object.keys(this.#sections) as SectionName[]) {
      const section = this.#sections[name];
      if (client.sent[name] === section.version) continue;
      client.sent[name] = section.version;
      parts.push(`"${name}":${section.json}`);
    }
    if (parts.length === 0) return undefined;
    const points = this.#points.filter((point) => point.atMs > client.sentPointMs);
    client.sentPointMs = points.at(-1)?.atMs ?? client.sentPointMs;
    if (points.length > 0) parts.push(`"points":${JSON.stringify(points)}`);
    return `id: ${this.#polls}\nevent: frame\ndata: {"atMs":${this.#options.clock.nowMs()},${parts.join(",")}}\n\n`;
  }
}

class Client implements FeedClient {
  readonly sent: Partial<Record<SectionName, number>> = {};
  sentPointMs = -1;
  firstPoll = 0;
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  readonly #frame: (client: Client) => string | undefined;
  readonly #leave: () => void;
  readonly #onDrop: () => void;
  readonly #ending = new AbortController();
  #waiting: (() => void) | undefined;
  #tookMs: number;

  constructor(clock: Clock, heartbeatMs: number, frame: (client: Client) => string | undefined, leave: () => void, onDrop: () => void) {
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
    this.#frame = frame;
    this.#leave = leave;
    this.#onDrop = onDrop;
    this.#tookMs = clock.monotonicMs();
  }

  async next(): Promise<string | undefined> {
    const deadlineMs = this.#clock.monotonicMs() + this.#heartbeatMs;
    while (!this.#ending.signal.aborted) {
      const event = this.#frame(this) ?? (this.#clock.monotonicMs() >= deadlineMs ? this.#heartbeat() : undefined);
      if (event !== undefined) {
        this.#tookMs = this.#clock.monotonicMs();
        return event;
      }
      await this.#change(deadlineMs - this.#clock.monotonicMs());
    }
    return undefined;
  }

  wake(): void {
    this.#waiting?.();
  }

  /** Milliseconds since this client was last handed something, 0 while it is waiting for more. */
  stalledMs(): number {
    return this.#waiting ? 0 : this.#clock.monotonicMs() - this.#tookMs;
  }

  close(): void {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort(new Error("closed"));
    this.#leave();
    this.wake();
  }

  drop(): void {
    this.close();
    this.#onDrop();
  }

  #heartbeat(): string {
    return `event: heartbeat\ndata: {"atMs":${this.#clock.nowMs()}}\n\n`;
  }

  /** Waits for a wake-up, at most so long. */
  async #change(ms: number): Promise<void> {
    const done = new AbortController();
    const woken = new Promise<void>((resolve) => (this.#waiting = resolve));
    await Promise.race([woken, this.#clock.sleep(ms, done.signal).catch(() => {})]);
    this.#waiting = undefined;
    done.abort(new Error("woken"));
  }
}
