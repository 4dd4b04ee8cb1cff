import { afterAll, beforeAll, expect, test } from "vitest";
import { createSession } from "../engine/api/session.ts";
import { kafkaFormat } from "./source.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startTestCluster();
});
afterAll(() => cluster.close());

test("a query reads every record of a fetch once, be its batches compressed, plain or both in turn", async () => {
  await cluster.client.topics.create({ topic: "packed", partitions: 1 });
  const expected: string[] = [];
  for (let batch = 0; batch < 12; batch++) {
    const values = Array.from({ length: 5 + batch }, (_, i) => `batch ${batch}, record ${i}${" and more".repeat(i + batch)}`);
    expected.push(...values);
    await cluster.append("packed", 0, values, { gzip: batch % 4 !== 3 });
  }
  const session = createSession({ formats: [kafkaFormat] });
  const read: unknown[] = [];
  const query = await session.readStream
    .format("kafka")
    .options({ brokers: cluster.address, subscribe: "packed", startingOffsets: "earliest" })
    .load()
    .select((record) => ({ text: record.value.cast("string") }))
    .writeStream.trigger({ availableNow: true })
    .foreachBatch((rows) => void read.push(...rows.map((row) => (row as { readonly text: unknown }).text)))
    .start();
  await query.awaitTermination();
  expect(read).toEqual(expected);
});
