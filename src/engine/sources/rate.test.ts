import { expect, test } from "vitest";
import { ManualClock } from "../../base/clock.ts";
import { createSession } from "../api/session.ts";
import type { Row } from "../types/data-type.ts";

test("rate gives rowsPerSecond rows for every second that has passed, evenly spread", async () => {
  const clock = new ManualClock(1_767_225_600_000);
  const session = createSession({ clock });
  const rows: Row[] = [];
  const query = await session.readStream
    .format("rate")
    .option("rowsPerSecond", 4)
    .load()
    .writeStream.sink({
      description: "rows",
      write: (batch) => Promise.resolve(void rows.push(...batch.rows)),
      close: () => Promise.resolve(),
    })
    .start();
  await query.processAllAvailable();
  expect(rows).toEqual([]);
  clock.advance(2500);
  await query.processAllAvailable();
  const [told] = query.lastProgress?.sources ?? [];
  await query.stop();
  expect(told).toMatchObject({ endOffset: 2, latestOffset: 2 });
  expect(rows.map((row) => row[1])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(rows.map((row) => Number(row[0]) - 1_767_225_600_000_000)).toEqual([
    0, 250_000, 500_000, 750_000, 1_000_000, 1_250_000, 1_500_000, 1_750_000,
  ]);
});

test("rate-micro-batch gives the same rows for the same batch numbers", async () => {
  const session = createSession();
  const batches: unknown[] = [];
  const reader = session.readStream
    .format("rate-micro-batch")
    .options({ rowsPerBatch: 2, startTimestamp: 1000, advanceMillisPerBatch: 500 });
  for (let run = 0; run < 2; run++) {
    const query = await reader
      .load()
      .writeStream.trigger({ availableNow: true })
      .foreachBatch((rows, id) => void batches.push([id, rows]))
      .start();
    await query.awaitTermination();
  }
  const first = [
    0,
    [
      { timestamp: "1970-01-01T00:00:01.000Z", value: 0 },
      { timestamp: "1970-01-01T00:00:01.000Z", value: 1 },
    ],
  ];
  expect(batches).toEqual([first, first]);
});
