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
  /** Everything else. */
  readonly objects: unknown[];
  /** Why the last record was malformed. */
  reason: string;
}

/** Reads the record in [start, end) of a node Buffer into the fields; start < 0 is a null. Answers SCANNED, NO_RECORD or MALFORMED. */
export type ByteScanner = (buffer: Buffer, start: number, end: number) => number;

export function createScannedFields(schema: StructType): ScannedFields {
  const count = schema.fields.length;
  return { nulls: new Uint8Array(count), numbers: new Float64Array(count), objects: new Array<unknown>(count).fill(null), reason: "" };
}

/** Whether a field of this type lives in `numbers`. */
export function isScannedNumber(type: DataType): boolean {
  return ["boolean", "tinyint", "smallint", "int", "float", "double", "timestamp", "date"].includes(type.type);
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
