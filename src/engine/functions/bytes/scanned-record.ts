import type { CodeWriter } from "../../codegen/code.ts";
import type { DataType, StructType } from "../../types/data-type.ts";

/** What a scan found. */
export const SCANNED = 0;
export const NO_RECORD = 1;
export const MALFORMED = 2;

/** Fields of the last record, one cell per field of the schema. */
export interface ScannedFields {
  /** 1 where the field is null. */
  readonly nulls: Uint8Array;
  /** Numbers, instants and booleans (0, 1). */
  readonly numbers: Float64Array;
  /** Everything else, and texts that do not lie in the buffer as they are. */
  readonly objects: unknown[];
  /** Of a text: where its ASCII bytes begin in the buffer and where they end, and their hash by 31; a start of −1 where it is in `objects`. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly hashes: Int32Array;
  /** Why the last record was malformed. */
  reason: string;
}

/** Reads the record in [start, end) of a node Buffer into the fields; start < 0 is a null. Answers SCANNED, NO_RECORD or MALFORMED. */
export type ByteScanner = (buffer: Buffer, start: number, end: number) => number;

export function createScannedFields(schema: StructType): ScannedFields {
  const count = schema.fields.length;
  return {
    nulls: new Uint8Array(count),
    numbers: new Float64Array(count),
    objects: new Array<unknown>(count).fill(null),
    starts: new Int32Array(count).fill(-1),
    ends: new Int32Array(count),
    hashes: new Int32Array(count),
    reason: "",
  };
}

/** Whether a field of this type lives in `numbers`. */
export function isScannedNumber(type: DataType): boolean {
  return ["boolean", "tinyint", "smallint", "int", "float", "double", "timestamp", "date"].includes(type.type);
}

/**
 * How generated code leaves a text in a record: by where it lies, so that it is made only for rows that come as far as its use (a filter that keeps one
 * row in twenty: 8 %), or made.
 */
export function textCell(
  writer: CodeWriter,
  fields: ScannedFields,
  ordinal: number,
): { lies(start: string, end: string, hash: string): string; made(text: string): string } {
  const [starts, ends, hashes] = (["starts", "ends", "hashes"] as const).map((name) => writer.constant(name, fields[name]));
  return {
    lies: (start, end, hash) => `${starts}[${ordinal}] = ${start}; ${ends}[${ordinal}] = ${end}; ${hashes}[${ordinal}] = ${hash};`,
    made: (text) => `${writer.constant("objects", fields.objects)}[${ordinal}] = ${text}; ${starts}[${ordinal}] = -1;`,
  };
}

/** Lines that empty a record: of its needed fields, or of all. */
export function emptied(writer: CodeWriter, fields: ScannedFields, schema: StructType, needed?: ReadonlySet<number>): string {
  const [nulls, starts] = [writer.constant("nulls", fields.nulls), writer.constant("starts", fields.starts)];
  if (!needed) return `${nulls}.fill(1); ${starts}.fill(-1);`;
  const cells = [...needed].map((ordinal) => {
    const text = schema.fields[ordinal]?.dataType.type === "string" ? ` ${starts}[${ordinal}] = -1;` : "";
    return `${nulls}[${ordinal}] = 1;${text}`;
  });
  return cells.join(" ");
}

/** The value of a field of the last record as generated code takes it; null for a null. `buffer` is the one that it was scanned in. */
export function fieldOf(fields: ScannedFields, ordinal: number, type: DataType, buffer: Buffer): unknown {
  if (fields.nulls[ordinal] === 1) return null;
  if (type.type === "boolean") return fields.numbers[ordinal] === 1;
  if (isScannedNumber(type)) return fields.numbers[ordinal];
  const start = fields.starts[ordinal] ?? -1;
  return start < 0 ? fields.objects[ordinal] : buffer.latin1Slice(start, fields.ends[ordinal]);
}

/** Reads a record under the full rules: `parse` makes its row, null for no record, and leaves its reason where it was malformed. */
export function fullRules(
  schema: StructType,
  fields: ScannedFields,
  parse: (text: string) => readonly unknown[] | null,
  reason: () => string | null,
): ByteScanner {
  const numeric = schema.fields.map((one) => isScannedNumber(one.dataType));
  return (buffer, start, end) => {
    const row = parse(buffer.utf8Slice(start, end));
    for (let i = 0; i < numeric.length; i++) {
      const value = row === null ? null : row[i];
      fields.nulls[i] = value === null ? 1 : 0;
      fields.starts[i] = -1;
      if (value === null) continue;
      if (numeric[i]) fields.numbers[i] = Number(value);
      else fields.objects[i] = value;
    }
    if (row === null) return NO_RECORD;
    const wrong = reason();
    if (wrong === null) return SCANNED;
    fields.reason = wrong;
    return MALFORMED;
  };
}
