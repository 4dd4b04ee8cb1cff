import type { DataType, Row, StructType } from "../engine/types/data-type.ts";
import { columnReader, toBson } from "./documents.ts";

/**
 * The rule of the deterministic `_id`. One field: its own value, in its BSON type. Several: their texts joined by the separator, as in
 * `2026-01-01T00:00:00.000Z|temperature|office` or, with "-", `sensor-data-0-123`. Timestamps are ISO-8601 UTC to the millisecond (to the
 * microsecond where there is one), null is `\0`; in every text a backslash is doubled, and in all but the first the separator is written
 * behind a backslash, so that different values never make the same id.
 */
export function idMaker(schema: StructType, fields: readonly string[], separator: string): (row: Row) => unknown {
  const readers = fields.map((field) => columnReader(schema, field));
  const [only] = readers;
  if (only && readers.length === 1) return (row) => toBson(only.read(row), only.type);
  return (row) => {
    let id = "";
    for (let i = 0; i < readers.length; i++) {
      const { read, type } = readers[i] as (typeof readers)[number];
      const text = textOf(read(row), type);
      id +=
        i === 0 ? text : separator + (separator === "" || !text.includes(separator) ? text : text.replaceAll(separator, `\\${separator}`));
    }
    return id;
  };
}

function textOf(value: unknown, type: DataType): string {
  if (value === null || value === undefined) return "\\0";
  switch (type.type) {
    case "timestamp":
      return isoText(value as number);
    case "date":
      return new Date((value as number) * 86_400_000).toISOString().slice(0, 10);
    case "binary":
      return Buffer.from(value as Uint8Array).toString("base64");
    case "array":
    case "map":
    case "struct":
    case "decimal":
      return escaped(JSON.stringify(toBson(value, type)));
    default:
      return escaped(String(value));
  }
}

function escaped(text: string): string {
  return text.includes("\\") ? text.replaceAll("\\", "\\\\") : text;
}

const isoTexts = new Map<number, string>();

function isoText(us: number): string {
  let text = isoTexts.get(us);
  if (text === undefined) {
    const ms = Math.floor(us / 1000);
    const micros = us - ms * 1000;
    text = new Date(ms).toISOString();
    if (micros !== 0) text = `${text.slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
    if (isoTexts.size >= 1000) isoTexts.clear();
    isoTexts.set(us, text);
  }
  return text;
}
