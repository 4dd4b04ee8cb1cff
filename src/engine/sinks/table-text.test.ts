import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { createSession } from "../api/session.ts";
import { parseTypeOrSchema } from "../types/ddl.ts";
import type { StructType } from "../types/data-type.ts";
import type { JsonValue } from "../types/json-value.ts";

/** What Spark printed, and the frame that it printed. */
interface Case {
  readonly name: string;
  readonly schema: string;
  readonly rows: readonly (readonly JsonValue[])[];
  readonly shows: readonly { readonly numRows: number; readonly truncate: number; readonly vertical: boolean; readonly text: string }[];
  readonly tree?: string;
  readonly level1?: string;
}

const { cases } = JSON.parse(readFileSync(new URL("table-text.golden.json", import.meta.url), "utf8")) as {
  readonly cases: readonly Case[];
};

async function printed(work: () => unknown): Promise<string> {
  const texts: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    texts.push(String(text));
    return true;
  });
  try {
    await work();
  } finally {
    write.mockRestore();
  }
  return texts.join("");
}

describe.each(cases)("a frame as Apache Spark prints it: $name", ({ schema, rows, shows }) => {
  const frame = createSession().createDataFrame(rows, parseTypeOrSchema(schema) as StructType);

  test.each(shows)("show($numRows, $truncate, $vertical)", async ({ numRows, truncate, vertical, text }) => {
    expect(await printed(() => frame.show(numRows, truncate, vertical))).toBe(text);
  });
});

test.each(cases.flatMap(({ name, schema, tree, level1 }) => (tree === undefined ? [] : [{ name, schema, tree, level1 }])))(
  "printSchema of a frame as Apache Spark prints it: $name",
  async ({ schema, tree, level1 }) => {
    const frame = createSession().createDataFrame([], parseTypeOrSchema(schema) as StructType);
    expect(await printed(() => frame.printSchema())).toBe(tree);
    if (level1 !== undefined) expect(await printed(() => frame.printSchema(1))).toBe(level1);
  },
);

test("the console sink prints a batch under its number, and an empty line after a table that is whole", async () => {
  const session = createSession();
  const stream = session.memoryStream(parseTypeOrSchema("k string, n int") as StructType);
  const text = await printed(async () => {
    const query = await stream.toDF().writeStream.format("console").option("numRows", 2).start();
    for (const rows of [
      [
        ["zz", 1],
        ["b", 1],
      ],
      [
        ["a text of more than twenty characters", 1],
        ["b", 1],
        ["c", 1],
      ],
    ]) {
      stream.addData(rows);
      await query.processAllAvailable();
    }
    await query.stop();
  });
  const rule = "-------------------------------------------";
  expect(text.split("\n")).toEqual([
    ...[rule, "Batch: 0", rule, "+---+---+", "|  k|  n|", "+---+---+", "| zz|  1|", "|  b|  1|", "+---+---+", ""],
    ...[rule, "Batch: 1", rule, "+--------------------+---+", "|                   k|  n|", "+--------------------+---+"],
    ...["|a text of more th...|  1|", "|                   b|  1|", "+--------------------+---+", "only showing top 2 rows", ""],
  ]);
});
