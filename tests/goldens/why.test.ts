import path from "node:path";
import { expect, test } from "vitest";
import { createSession } from "../../src/engine/index.ts";
import type { DataFrame, StreamingQuery } from "../../src/engine/index.ts";
import { parseDataType } from "../../src/engine/types/ddl.ts";
import type { JsonValue } from "../../src/engine/types/json-value.ts";
import type { GoldenCase } from "./case.ts";
import { buildFrame } from "./plan.ts";
import { casesOf } from "./run.ts";

const FILES = ["C-sliding", "D-watermark", "E-session", "F-duplicates"];

/** How many (row, window) pairs the explanations call late. */
function lateIn(query: StreamingQuery, row: Readonly<Record<string, JsonValue>>): number {
  const last = query.whyRow(row).steps.at(-1);
  return (last?.windows ?? []).filter((one) => one.late).length;
}

async function lateTwice(golden: GoldenCase): Promise<{ explained: number[]; counted: number[] }> {
  const session = createSession();
  if (golden.conf?.noDataBatches === false) session.setConf("spark.sql.streaming.noDataMicroBatches.enabled", "false");
  const columns = golden.inputs["in"] ?? [];
  const stream = session.memoryStream({
    type: "struct",
    fields: columns.map(([name, type]) => ({ name, dataType: parseDataType(type), nullable: true })),
  });
  const query = await buildFrame(golden.query, { in: stream.toDF() as DataFrame })
    .writeStream.outputMode(golden.outputMode)
    .format("noop")
    .start();
  const [explained, counted]: [number[], number[]] = [[], []];
  for (const step of golden.steps) {
    const rows = step.add?.["in"];
    if (!rows) continue;
    const { batchId } = query.whyNextBatch();
    explained.push(
      rows.reduce((sum, row) => sum + lateIn(query, Object.fromEntries(columns.map(([name], i) => [name, row[i] ?? null]))), 0),
    );
    stream.addData(rows);
    await query.processAllAvailable();
    const progress = query.recentProgress.find((one) => one.batchId === batchId);
    counted.push(progress?.stateOperators.at(-1)?.customMetrics["numLateInputRows"] ?? 0);
  }
  await query.stop();
  return { explained, counted };
}

test.each(FILES)("%s: what the engine drops as late is explained as late, row by row", async (file) => {
  let late = 0;
  for (const golden of await casesOf(path.join(import.meta.dirname, "cases", `${file}.json`))) {
    if (golden.expectError) continue;
    const { explained, counted } = await lateTwice(golden);
    expect(explained, golden.name).toEqual(counted);
    late += counted.reduce((sum, one) => sum + one, 0);
  }
  expect(late).toBeGreaterThan(0);
});
