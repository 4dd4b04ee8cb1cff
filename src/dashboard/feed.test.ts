import { afterEach, describe, expect, test } from "vitest";
import { alertSample, pipelineSample, snapshotSample, type PipelineSample } from "../../tests/browser/pipeline-sample.ts";
import { ManualClock } from "../base/clock.ts";
import { Feed, type FeedClient } from "./feed.ts";

const START_MS = 1_800_000_000_000;
let feed: Feed;
let clock: ManualClock;
let sample: PipelineSample;

function open(options: { maxClients?: number } = {}): Feed {
  clock = new ManualClock(START_MS);
  sample = pipelineSample(3, START_MS, 5);
  feed = new Feed({ source: sample, clock, databaseAddress: "db:1", ...options });
  return feed;
}

function connected(onDrop?: () => void): FeedClient {
  const client = feed.connect(onDrop);
  if (!client) throw new Error("the feed is full");
  return client;
}

async function frame(client: FeedClient): Promise<Record<string, never>> {
  const event = await client.next();
  if (!event?.includes("event: frame\n")) throw new Error(`no frame: ${event}`);
  return JSON.parse(event.slice(event.indexOf("data: ") + 6)) as Record<string, never>;
}

/** Lets what is already resolved run on, without time passing. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

async function pass(ms: number, stepMs: number = 250): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await settle();
    clock.advance(stepMs);
    await settle();
  }
}

afterEach(() => feed.close());

describe("the feed of the dashboard", () => {
  test("the first frame is whole: windows, alerts, snapshot, the series so far, the database's state", async () => {
    open();
    const first = await frame(connected());
    expect(first).toMatchObject({
      atMs: START_MS,
      metrics: { length: 100 },
      alerts: { length: 50 },
      points: { length: 5 },
      database: { state: "up", address: "db:1" },
    });
    expect(first.snapshot).toEqual(sample.snapshotRows.at(-1));
  });

  test("a later frame holds only what changed, and comes no sooner than the next poll", async () => {
    open();
    const client = connected();
    await frame(client);
    let got: Record<string, unknown> | undefined;
    void frame(client).then((value) => (got = value));
    sample.alertRows = [alertSample(95, START_MS + 1, 999), ...sample.alertRows.slice(1)];
    clock.advance(249);
    await settle();
    expect(got).toBeUndefined();
    await pass(250, 1);
    expect(Object.keys(got ?? {})).toEqual(["atMs", "alerts"]);
  });

  test("a new snapshot brings its point, and only that one", async () => {
    open();
    const client = connected();
    await frame(client);
    sample.snapshotRows = [...sample.snapshotRows, snapshotSample(0.1, START_MS + 1_000, 6)];
    const next = frame(client);
    await pass(250);
    expect(await next).toMatchObject({ points: [{ atMs: START_MS + 1_000 }] });
  });

  test("the source is read only while somebody looks", async () => {
    open();
    await pass(2_000);
    expect(sample.reads).toBe(0);
    const client = connected();
    await frame(client);
    await pass(1_000);
    const reads = sample.reads;
    expect(reads).toBeGreaterThanOrEqual(3 * 4);
    client.close();
    await pass(500);
    const after = sample.reads;
    await pass(5_000);
    expect(sample.reads).toBe(after);
  });

  test("a page that opens after a pause gets what is true now, not what was when the last one left", async () => {
    open();
    const early = connected();
    await frame(early);
    early.close();
    await pass(1_000);
    sample.alertRows = [alertSample(95, START_MS + 900, 999)];
    expect(await frame(connected())).toMatchObject({ alerts: [{ timestampMs: START_MS + 900 }] });
  });

  test("a slow client skips to the newest state: one frame, not one per change", async () => {
    open();
    const slow = connected();
    await frame(slow);
    for (let i = 1; i <= 20; i++) {
      sample.alertRows = [alertSample(95, START_MS + i, 1_000 + i)];
      await pass(250);
    }
    expect(await frame(slow)).toMatchObject({ alerts: [{ timestampMs: START_MS + 20 }] });
    let more = false;
    void slow.next().then(() => (more = true));
    await pass(500);
    expect(more).toBe(false);
  });

  test("a client that takes nothing for 30 s is dropped; one that waits for news is not", async () => {
    open();
    let dropped = "";
    const stuck = connected(() => (dropped += "stuck"));
    const patient = connected(() => (dropped += "patient"));
    await frame(stuck);
    await frame(patient);
    void (async () => {
      while ((await patient.next()) !== undefined);
    })();
    await pass(31_000);
    expect(dropped).toBe("stuck");
    expect(feed.clients).toBe(1);
    expect(await stuck.next()).toBeUndefined();
  });

  test("a heartbeat comes after 15 s without news", async () => {
    open();
    const client = connected();
    await frame(client);
    let event: string | undefined;
    void client.next().then((value) => (event = value));
    await pass(14_750);
    expect(event).toBeUndefined();
    await pass(500);
    expect(event).toBe(`event: heartbeat\ndata: {"atMs":${START_MS + 15_000}}\n\n`);
  });

  test("F13: a database that is away is told once with its time, keeps the last data, and is told again when back", async () => {
    open();
    const client = connected();
    await frame(client);
    sample.failure = Object.assign(new Error("mongodb://user:secret@db is away"), { code: "ECONNREFUSED" });
    const down = frame(client);
    await pass(1_000);
    expect(await down).toEqual({
      atMs: START_MS + 250,
      database: { state: "down", sinceMs: START_MS + 250, address: "db:1", message: "ECONNREFUSED" },
    });
    sample.failure = undefined;
    const up = frame(client);
    await pass(500);
    expect(await up).toMatchObject({ database: { state: "up", sinceMs: START_MS + 1_250 } });
  });

  test("F30: the client after the last place is refused, and a place that is left can be taken", () => {
    open({ maxClients: 100 });
    const clients = Array.from({ length: 100 }, () => connected());
    expect(feed.connect()).toBeUndefined();
    clients[17]?.close();
    expect(feed.connect()).toBeDefined();
  });

  test("closing ends every client", async () => {
    open();
    const client = connected();
    await frame(client);
    const last = client.next();
    await feed.close();
    expect(await last).toBeUndefined();
    expect(feed.connect()).toBeUndefined();
  });
});
