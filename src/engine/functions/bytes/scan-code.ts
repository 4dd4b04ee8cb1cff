import type { Emitted } from "../../codegen/code.ts";
import { valueOrNull } from "../../codegen/emit.ts";
import { structuralKey } from "../../codegen/structural-key.ts";
import type { StructType } from "../../types/data-type.ts";
import type { EmitContext, RawText, ResolvedCallNode } from "../function-entry.ts";
import { STRING } from "../scalar.ts";
import { internedText } from "./interned-text.ts";
import { createScannedFields, isScannedNumber, NO_RECORD, type ByteScanner, type ScannedFields } from "./scanned-record.ts";

/** What one parsing call over raw text shares within a stage. */
interface Scan {
  readonly fields: ScannedFields;
  readonly needed: Set<number>;
  readonly scan: string;
}

/** How a format is scanned. */
export interface ScanFormat {
  /** For the comment in the generated code: "JSON". */
  readonly title: string;
  readonly schema: StructType;
  readonly raw: RawText;
  /** Makes the scanner when all fields that are needed are known. */
  make(needed: ReadonlySet<number>, fields: ScannedFields): ByteScanner;
  /** Writes what comes before a record is scanned. */
  before?(): void;
  /** Writes what becomes of a record; `status` is a local with what the scan found, `holder` the name of the fields. */
  after(status: string, holder: string): void;
}

const scans = new WeakMap<EmitContext, Map<string, Scan>>();

/** One field of a record that is scanned from its bytes, once per row for all fields that are needed. */
export function emitScannedField(call: ResolvedCallNode, ordinal: number, context: EmitContext, format: ScanFormat): Emitted {
  const { writer } = context;
  const { schema, raw, title } = format;
  const key = statusKey(call);
  const known = scans.get(context) ?? new Map<string, Scan>();
  scans.set(context, known);
  const scan = known.get(key) ?? newScan(context, format);
  known.set(key, scan);
  scan.needed.add(ordinal);
  context.once(key, () => {
    format.before?.();
    writer.comment(() => `${title}, ${scan.needed.size} of ${schema.fields.length} fields from its bytes: ${namesOf(scan, schema)}`);
    const status = writer.assign("status", `${scan.scan}(${raw.buffer}, ${raw.start}, ${raw.end})`);
    format.after(status, writer.constant("fields", scan.fields));
    return { value: status, isNull: "false" };
  });
  const type = schema.fields[ordinal]?.dataType ?? STRING;
  const isNull = writer.assign(
    `${schema.fields[ordinal]?.name ?? "field"}IsNull`,
    `${writer.constant("nulls", scan.fields.nulls)}[${ordinal}] === 1`,
  );
  if (type.type === "string") {
    const cell = (name: "starts" | "ends" | "hashes" | "objects"): string => `${writer.constant(name, scan.fields[name])}[${ordinal}]`;
    const text = `${writer.constant("text", internedText)}(${raw.buffer}, ${cell("starts")}, ${cell("ends")}, ${cell("hashes")})`;
    return { value: `(${cell("starts")} < 0 ? ${cell("objects")} : ${text})`, isNull };
  }
  const cells = isScannedNumber(type) ? writer.constant("numbers", scan.fields.numbers) : writer.constant("objects", scan.fields.objects);
  return { value: type.type === "boolean" ? `${cells}[${ordinal}] === 1` : `${cells}[${ordinal}]`, isNull };
}

/** The whole record as the engine's value, from the fields that are scanned; null for no record. */
export function emitScannedRecord(call: ResolvedCallNode, context: EmitContext, format: ScanFormat): Emitted {
  const { schema } = format;
  const fields = schema.fields.map((_, ordinal) => valueOrNull(emitScannedField(call, ordinal, context, format)));
  const status = context.once(statusKey(call), () => ({ value: String(NO_RECORD), isNull: "false" })).value;
  const record = context.writer.assign("record", `${status} === ${NO_RECORD} ? null : [${fields.join(", ")}]`);
  return { value: record, isNull: `${record} === null` };
}

const statusKey = (call: ResolvedCallNode): string => `scan ${structuralKey(call)}`;

function newScan(context: EmitContext, { schema, make }: ScanFormat): Scan {
  const fields = createScannedFields(schema);
  const needed = new Set<number>();
  return { fields, needed, scan: context.writer.lateConstant("scan", () => make(needed, fields)) };
}

function namesOf(scan: Scan, schema: StructType): string {
  return [...scan.needed]
    .sort((a, b) => a - b)
    .map((i) => JSON.stringify(schema.fields[i]?.name))
    .join(", ");
}
