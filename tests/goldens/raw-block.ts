import type { RawBlock } from "../../src/engine/sources/source.ts";
import type { Row, StructType } from "../../src/engine/types/data-type.ts";

/**
 * Rows as a block whose texts and binary values lie as bytes, so that queries read them as they read a file or a topic. Undefined where there are no such
 * columns, or a text that UTF-8 cannot hold.
 */
export function rawBlock(rows: readonly Row[], schema: StructType): RawBlock | undefined {
  const columns = schema.fields.flatMap(({ dataType }, i) => (dataType.type === "string" || dataType.type === "binary" ? [i] : []));
  if (columns.length === 0) return undefined;
  const bytes: Buffer[] = [];
  const positions = new Int32Array(rows.length * columns.length * 2);
  let at = 0;
  let slot = 0;
  for (const row of rows) {
    for (const column of columns) {
      const value = row[column] as string | Uint8Array | null;
      if (typeof value === "string" && /\p{Surrogate}/u.test(value)) return undefined;
      const one = value === null ? undefined : Buffer.from(value as string);
      if (one) bytes.push(one);
      positions.set(one ? [at, at + one.length] : [-1, -1], slot);
      at += one?.length ?? 0;
      slot += 2;
    }
  }
  return { kind: "raw", buffer: Buffer.concat(bytes), count: rows.length, columns, positions, rows };
}
