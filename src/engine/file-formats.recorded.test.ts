import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { fileFormats } from "./file-formats.ts";
import type { FormatContext } from "./formats.ts";
import { jsonStyle, jsonWriter } from "./functions/json/json-writer.ts";
import { fileText } from "./sinks/file-lines.ts";
import type { FileFormatName } from "./sources/file-rows.ts";
import type { Row, StructType } from "./types/data-type.ts";
import { parseSchema } from "./types/ddl.ts";
import { simpleString } from "./types/type-text.ts";

type Read = {
  readonly format: FileFormatName;
  readonly options: Readonly<Record<string, string>>;
  readonly text: string;
  readonly schema?: string;
  readonly columns?: string;
  readonly rows?: readonly (readonly unknown[])[] | number;
  readonly error?: string;
};
type Written = { readonly format: FileFormatName; readonly options: Readonly<Record<string, string>>; readonly text: string };
const recorded = JSON.parse(readFileSync(path.join(import.meta.dirname, "file-formats.recorded.json"), "utf8")) as {
  readonly reads: readonly Read[];
  readonly writes: readonly Written[];
};

let folder: string;
beforeAll(() => void (folder = mkdtempSync(path.join(os.tmpdir(), "streamlab-recorded-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function answer(one: Read): Promise<{ readonly columns: string; readonly rows: unknown }> {
  const file = path.join(folder, `records.${one.format}`);
  writeFileSync(file, one.text);
  const format = fileFormats.find((known) => known.name === one.format);
  const context: FormatContext = {
    options: { ...one.options, path: file },
    clock: systemClock,
    streaming: false,
    ...(one.schema !== undefined && { schema: parseSchema(one.schema) }),
  };
  const schema = format?.sourceSchema?.(context) as StructType;
  const source = await format?.openSource?.({ ...context, schema });
  const rows: Row[] = [];
  for await (const block of source?.read(0, 1, new AbortController().signal) ?? []) {
    if (block.kind === "rows") rows.push(...block.rows);
    if (block.kind !== "raw") continue;
    const { buffer, positions, count } = block;
    for (let i = 0; i < count; i++) rows.push([Buffer.from(buffer).toString("utf8", positions[2 * i], positions[2 * i + 1])]);
  }
  const write = jsonWriter(schema, jsonStyle({ ignoreNullFields: "false" }));
  const values = rows.map((row) => Object.values(JSON.parse(write(row)) as object));
  return { columns: simpleString(schema), rows: schema.fields.length === 0 ? rows.length : values };
}

describe("files are read as Apache Spark reads them", () => {
  const named = recorded.reads.map((one): [string, Read] => [
    `${one.format} ${JSON.stringify(one.options)} ${one.schema ?? "inferred"}`,
    one,
  ]);
  test.each(named)("%s", async (_, one) => {
    if (one.error === undefined) expect(await answer(one)).toEqual({ columns: one.columns, rows: one.rows });
    else await expect(answer(one)).rejects.toThrow();
  });
});

const AT = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000 + 123_456;
const DAY = Date.UTC(2026, 0, 2) / 86_400_000;
const ROWS: readonly Row[] = [
  [1, "x", 1.5, DAY, AT, 150n, true, null],
  [2, "", NaN, null, DAY * 86_400_000_000, null, false, "q"],
  [3, null, Infinity, null, null, null, null, " s "],
  [4, 'a"b', -0, null, null, null, null, "a,b"],
  [5, "a\\b", 1e20, null, null, null, null, "l\nm"],
  [6, "#h", -Infinity, null, null, null, null, "-"],
  [7, '"', 0.1, null, null, null, null, "c\rd"],
  [8, 'a\\"b', 0.1, null, null, null, null, "'"],
  [9, "  ", 0.1, null, null, null, null, "a;b"],
  [10, "\\", 0.1, null, null, null, null, "tab\t"],
];
const COLUMNS = "i INT, s STRING, d DOUBLE, dt DATE, ts TIMESTAMP, m DECIMAL(10,2), b BOOLEAN";

function tableOf(format: FileFormatName): [StructType, readonly Row[]] {
  if (format === "text") return [parseSchema("s STRING"), ROWS.map((row) => [row[1]])];
  if (format === "csv") return [parseSchema(`${COLUMNS}, t STRING`), ROWS];
  const nested = ROWS.map((row): Row => {
    const [number, text, , , , , , other] = row;
    return [
      ...row.slice(0, 7),
      [other, null],
      [number, null],
      new Map([["k", other]]),
      typeof text === "string" ? Buffer.from(text) : null,
    ];
  });
  return [parseSchema(`${COLUMNS}, st STRUCT<x: STRING, y: STRING>, ar ARRAY<INT>, mp MAP<STRING,STRING>, bi BINARY`), nested];
}

describe("files are written as Apache Spark writes them", () => {
  test.each(recorded.writes.map((one): [string, Written] => [`${one.format} ${JSON.stringify(one.options)}`, one]))("%s", (_, one) => {
    const [schema, rows] = tableOf(one.format);
    expect(fileText(one.format, schema, rows, one.options)).toBe(one.text);
  });
});
