import type { DataType } from "./data-type.ts";
import { murmurBytes } from "./murmur-hash.ts";
import { bigEndian } from "./number-bytes.ts";

const SEED = 42;

/**
 * The hash of a row of keys in Spark's state: Murmur3 over the bytes of its UnsafeRow (a bit a null, eight bytes a field, then texts, large decimals and
 * structs, each padded to eight bytes). Undefined for types that lie there in another form (arrays, maps).
 */
export function unsafeRowHash(values: readonly unknown[], types: readonly DataType[]): number | undefined {
  const bytes = unsafeRow(values, types);
  return bytes && murmurBytes(bytes, SEED);
}

function unsafeRow(values: readonly unknown[], types: readonly DataType[]): Buffer | undefined {
  const nulls = 8 * Math.ceil(types.length / 64);
  const head = Buffer.alloc(nulls + 8 * types.length);
  const tail: Buffer[] = [];
  let end = head.length;
  for (const [i, type] of types.entries()) {
    const value = values[i];
    const at = nulls + 8 * i;
    if (value === null || value === undefined) {
      head.writeUInt8(head.readUInt8(i >> 3) | (1 << (i & 7)), i >> 3);
      continue;
    }
    if (writeFixed(head, at, value, type)) continue;
    const part = variable(value, type);
    if (!part) return undefined;
    head.writeUInt32LE(part.length, at);
    head.writeUInt32LE(end, at + 4);
    const padded = Buffer.alloc(type.type === "decimal" ? 16 : 8 * Math.ceil(part.length / 8));
    part.copy(padded);
    tail.push(padded);
    end += padded.length;
  }
  return Buffer.concat([head, ...tail]);
}

/** Writes a value that fits into its field; false for one that does not. */
function writeFixed(row: Buffer, at: number, value: unknown, type: DataType): boolean {
  switch (type.type) {
    case "boolean":
      row.writeUInt8(value === true ? 1 : 0, at);
      return true;
    case "tinyint":
      row.writeInt8(value as number, at);
      return true;
    case "smallint":
      row.writeInt16LE(value as number, at);
      return true;
    case "int":
    case "date":
    case "months":
      row.writeInt32LE(value as number, at);
      return true;
    case "bigint":
    case "timestamp":
    case "interval":
      row.writeBigInt64LE(BigInt.asIntN(64, BigInt(value as number | bigint)), at);
      return true;
    case "float":
      row.writeFloatLE(value as number, at);
      return true;
    case "double":
      row.writeDoubleLE(value as number, at);
      return true;
    case "decimal":
      if (type.precision > 18) return false;
      row.writeBigInt64LE(value as bigint, at);
      return true;
    default:
      return false;
  }
}

function variable(value: unknown, type: DataType): Buffer | undefined {
  switch (type.type) {
    case "string":
      return Buffer.from(value as string);
    case "binary":
      return Buffer.from(value as Uint8Array);
    case "decimal":
      return Buffer.from(bigEndian(value as bigint));
    case "struct":
      return unsafeRow(
        value as unknown[],
        type.fields.map((field) => field.dataType),
      );
    default:
      return undefined;
  }
}
