import type { DataType } from "./data-type.ts";
import type { Long } from "./long.ts";
import { bigEndian } from "./number-bytes.ts";

/** A hash by the three forms in which values reach it; each takes the hash so far as its seed. */
export interface Hasher<H> {
  readonly int: (value: number, seed: H) => H;
  readonly long: (value: Long, seed: H) => H;
  readonly bytes: (value: Uint8Array, seed: H) => H;
}

const scratch = new DataView(new ArrayBuffer(8));

/** The hash of a value that is not null, as Spark forms it (HashExpression): -0.0 as 0.0, composite values part by part, their nulls left out. */
export function foldHash<H>(hasher: Hasher<H>, value: unknown, type: DataType, seed: H): H {
  switch (type.type) {
    case "boolean":
      return hasher.int(value === true ? 1 : 0, seed);
    case "tinyint":
    case "smallint":
    case "int":
    case "date":
      return hasher.int(value as number, seed);
    case "bigint":
    case "timestamp":
    case "interval":
      return hasher.long(value as Long, seed);
    case "float":
      scratch.setFloat32(0, (value as number) + 0);
      return hasher.int(scratch.getInt32(0), seed);
    case "double":
      scratch.setFloat64(0, Number.isNaN(value) ? NaN : (value as number) + 0);
      return hasher.long(scratch.getBigInt64(0), seed);
    case "string":
      return hasher.bytes(Buffer.from(value as string, "utf8"), seed);
    case "binary":
      return hasher.bytes(value as Uint8Array, seed);
    case "decimal":
      return type.precision <= 18 ? hasher.long(value as bigint, seed) : hasher.bytes(bigEndian(value as bigint), seed);
    case "array":
      return (value as unknown[]).reduce<H>((hash, one) => (one === null ? hash : foldHash(hasher, one, type.element, hash)), seed);
    case "struct":
      return type.fields.reduce<H>((hash, one, i) => {
        const part = (value as unknown[])[i];
        return part === null ? hash : foldHash(hasher, part, one.dataType, hash);
      }, seed);
    default:
      return seed;
  }
}
