import { writeSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { createSession } from "../../src/engine/api/session.ts";
import { kafkaFormat } from "../../src/kafka/source.ts";

/** What the job says of itself, a line each: of every batch its rows, whether they came in order, and the memory of the process. */
export type SoakLine = { readonly rows: number; readonly next: number; readonly inOrder: boolean; readonly rssBytes: number };

/**
 * A program that reads numbered messages of one topic, at most `most` a batch, into a sink that takes its time, until it is told to stop by the end of
 * its standard input.
 */
async function main(brokers: string, topic: string, most: string, sinkMs: number): Promise<void> {
  let next = 0;
  const query = await createSession({ formats: [kafkaFormat] })
    .readStream.format("kafka")
    .options({ brokers, subscribe: topic, startingOffsets: "earliest", maxOffsetsPerTrigger: most })
    .load()
    .select((record) => ({ text: record.value.cast("string") }))
    .writeStream.foreachBatch(async (rows) => {
      const first = next;
      const inOrder = rows.every((row) => Number(String((row as { readonly text: unknown }).text).split(" ")[0]) === next++);
      await systemClock.sleep(sinkMs);
      const line: SoakLine = { rows: next - first, next, inOrder, rssBytes: process.memoryUsage.rss() };
      writeSync(1, `${JSON.stringify(line)}\n`);
    })
    .start();
  process.stdin.resume();
  await new Promise<void>((resolve) => process.stdin.once("end", () => resolve()));
  await query.stop();
}

if (import.meta.main) {
  const [brokers = "", topic = "", most = "", sinkMs = ""] = process.argv.slice(2);
  await main(brokers, topic, most, Number(sinkMs));
}
