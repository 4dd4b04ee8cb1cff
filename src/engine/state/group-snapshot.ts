import type { ByteReader, ByteWriter } from "./byte-writer.ts";
import { packed } from "./group-columns.ts";
import type { KeyDictionary } from "./key-dictionary.ts";
import { stateWriter } from "./state-frame.ts";

/** What a snapshot holds of a GroupStore: its columns by ordinal. `dictionaries` are those of the coded key columns (Int32Array). */
export interface SnapshotColumns {
  readonly size: number;
  readonly keys: readonly (Float64Array | Int32Array)[];
  readonly dictionaries: readonly KeyDictionary[];
  readonly slots: readonly (Float64Array | unknown[])[];
  readonly deadlines: Float64Array;
  readonly hashes: Int32Array;
}

/**
 * Everything, column by column: the number of groups, the keys (of a coded column its values, then their numbers), deadlines if there are any, slots.
 * `groups`: the ordinals that live; undefined where the first `size` do.
 */
export function groupSnapshot(store: SnapshotColumns, groups: readonly number[] | undefined): ByteWriter {
  const { size } = store;
  const writer = stateWriter(snapshotBytes(store));
  writer.uint32(size);
  store.keys.forEach((column, i) => {
    if (column instanceof Float64Array) return writer.column(cells(Float64Array, column, groups, size));
    const numbers = store.dictionaries[i]?.writeTo(writer) ?? new Int32Array(1);
    const codes = cells(Int32Array, column, groups, size);
    writer.column(codes.map((code) => numbers[code] as number));
  });
  const deadlines = cells(Float64Array, store.deadlines, groups, size);
  const timed = deadlines.some((deadline) => deadline !== Infinity);
  writer.uint32(timed ? 1 : 0);
  if (timed) writer.column(deadlines);
  store.slots.forEach((column) => {
    if (column instanceof Float64Array) return writer.column(cells(Float64Array, column, groups, size));
    for (let i = 0; i < size; i++) writer.value(column[groups?.[i] ?? i]);
  });
  return writer;
}

/**
 * Reads what `groupSnapshot` wrote after the number of groups into the columns of an empty store that has room for them, and gives each group its
 * hash. @throws RangeError where a code has no value.
 */
export function readGroupSnapshot(store: SnapshotColumns, count: number, reader: ByteReader): void {
  const { hashes, deadlines } = store;
  hashes.fill(0, 0, count);
  store.keys.forEach((column, i) => {
    const dictionary = column instanceof Int32Array ? store.dictionaries[i] : undefined;
    const values = dictionary?.readFrom(reader) ?? 0;
    const read = column.subarray(0, count);
    reader.column(read);
    for (let group = 0; group < count; group++) {
      const cell = read[group] as number;
      if (dictionary) {
        if (cell < 0 || cell > values) throw new RangeError("no such value");
        dictionary.retain(cell);
      }
      hashes[group] = Math.imul((hashes[group] as number) ^ (cell | 0), 0x9e3779b1);
    }
  });
  if (reader.uint32() === 1) reader.column(deadlines.subarray(0, count));
  else deadlines.fill(Infinity, 0, count);
  store.slots.forEach((column) => {
    if (column instanceof Float64Array) return reader.column(column.subarray(0, count));
    for (let group = 0; group < count; group++) column[group] = reader.value();
  });
  for (let group = 0; group < count; group++) hashes[group] = (hashes[group] as number) ^ ((hashes[group] as number) >>> 15);
}

function snapshotBytes(store: SnapshotColumns): number {
  return store.size * (store.keys.length * 28 + 8 + store.slots.length * 8) + 256;
}

function cells<T extends Float64Array | Int32Array>(
  make: new (n: number) => T,
  column: T,
  groups: readonly number[] | undefined,
  size: number,
): T {
  return groups ? packed(make, column, groups, groups.length) : (column.subarray(0, size) as T);
}
