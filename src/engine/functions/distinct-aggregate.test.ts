import { expect, test } from "vitest";
import { createSession } from "../index.ts";

const columns = ["b int", "x double", "p boolean", "q boolean"];
const rows = [
  [2, 7.5, true, false],
  [2, -7.5, false, false],
  [5, 0, true, null],
  [-4, -0, null, true],
  [1, 1e308, null, null],
  [-1, NaN, false, null],
  [1, null, true, true],
  [0, 0.1, false, true],
  [3, 1234567.891, null, false],
  [7, -Infinity, true, false],
];

async function aggregated(expression: string): Promise<unknown> {
  const session = createSession();
  const fields = columns.map((column) => {
    const [name = "", type = ""] = column.split(" ");
    return { name, dataType: { type } as { type: "int" | "double" | "boolean" }, nullable: true };
  });
  session.createDataFrame(rows, { type: "struct", fields }).createOrReplaceTempView("t");
  const [row] = await session.sql(`SELECT ${expression} AS r FROM t`).collect();
  return (row as { r: unknown }).r;
}

/** Recorded with Spark 4.3 over the same rows. */
const recorded: readonly (readonly [expression: string, answer: unknown])[] = [
  ["count(DISTINCT b)", 8],
  ["count(DISTINCT x)", 8],
  ["count(DISTINCT p, q)", 4],
  ["sum(DISTINCT b)", 13],
  ["avg(DISTINCT b)", 1.625],
  ["sort_array(collect_list(DISTINCT b))", [-4, -1, 0, 1, 2, 3, 5, 7]],
  ["bit_and(b)", 0],
  ["bit_or(b)", -1],
  ["percentile_approx(b, 0.5)", 1],
  ["percentile_approx(b, array(0.0, 0.25, 0.75, 1.0))", [-4, 0, 3, 7]],
  ["percentile(b, 0.3)", 0.7],
  ["mode(p)", true],
  ["mode(b, true)", 1],
];

test.for(recorded)("%s", async ([expression, answer]) => {
  expect(await aggregated(expression)).toEqual(
    typeof answer === "number" && !Number.isInteger(answer) ? expect.closeTo(answer, 9) : answer,
  );
});
