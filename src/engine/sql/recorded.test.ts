import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createSession } from "../api/session.ts";
import type { JsonValue } from "../types/json-value.ts";
import { parseSchema } from "../types/ddl.ts";
import { simpleString } from "../types/type-text.ts";

/** Statements over three tables with what Apache Spark 4.3.0 answered: the names and types of the columns and the rows, or the class of the error. */
interface Recorded {
  readonly views: Readonly<Record<string, { readonly schema: string; readonly rows: readonly (readonly JsonValue[])[] }>>;
  readonly cases: readonly {
    readonly sql: string;
    readonly schema?: readonly (readonly [string, string])[];
    readonly rows?: readonly (readonly JsonValue[])[];
    readonly ordered?: boolean;
    readonly error?: string;
  }[];
}

const recorded = JSON.parse(readFileSync(new URL("recorded.json", import.meta.url), "utf8")) as Recorded;
const session = createSession();
for (const [name, view] of Object.entries(recorded.views))
  session.createDataFrame(view.rows, parseSchema(view.schema)).createOrReplaceTempView(name);

const text = (row: readonly JsonValue[]): string => JSON.stringify(row, (_, one: unknown) => (Object.is(one, -0) ? "-0" : one));

test.for(recorded.cases)("Spark's answer to $sql", async ({ sql, schema, rows, ordered, error }) => {
  if (error !== undefined) {
    let code: unknown;
    try {
      await session.sql(sql).collect();
    } catch (thrown) {
      code = (thrown as { code?: unknown }).code;
    }
    expect(code).toBe(error);
    return;
  }
  const frame = session.sql(sql);
  expect(frame.schema.fields.map((field) => [field.name, simpleString(field.dataType)])).toEqual(schema);
  const found = (await frame.collect()).map((row) =>
    frame.schema.fields.map((field) => (row as Record<string, JsonValue>)[field.name] ?? null),
  );
  const sorted = (all: readonly (readonly JsonValue[])[]): string[] => (ordered ? all.map(text) : all.map(text).sort());
  expect(sorted(found)).toEqual(sorted(rows ?? []));
});
