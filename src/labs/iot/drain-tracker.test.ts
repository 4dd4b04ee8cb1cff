import { expect, test } from "vitest";
import { ManualClock } from "../../base/clock.ts";
import type { KafkaClient } from "../../kafka/connect-kafka.ts";
import { createDrainTracker } from "./drain-tracker.ts";
import { IOT } from "./names.ts";

const topicWithTen = { topics: { offsets: () => Promise.resolve([{ partition: 0, earliest: 0, latest: 10 }]) } } as unknown as KafkaClient;
const position = (query: string, offset: number) => ({ type: "position", query, offset: { readings: { 0: offset } } }) as const;

test("a query that stored the topic in an earlier life counts by the position that its process tells at the start", async () => {
  const tracker = createDrainTracker(topicWithTen, "readings", new ManualClock());
  tracker.heard(position(IOT.metricsQuery, 10));
  tracker.heard(position(IOT.alertsQuery, 10));
  expect(await tracker.drained(1000)).toBe(true);
});

test("one query that is behind holds the answer back until its time is over", async () => {
  const clock = new ManualClock();
  const tracker = createDrainTracker(topicWithTen, "readings", clock);
  tracker.heard(position(IOT.metricsQuery, 10));
  tracker.heard(position(IOT.alertsQuery, 9));
  const drained = tracker.drained(1000);
  await new Promise(setImmediate);
  clock.advance(1000);
  expect(await drained).toBe(false);
});
