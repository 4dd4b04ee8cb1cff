/** The fewest groups that there is room for. */
export const INITIAL_CAPACITY = 64;

/** A column of numbers, one cell a group. */
export type NumberColumn = Float64Array | Int32Array | Uint8Array;

/** A longer copy of a column. */
export function grown<T extends NumberColumn>(make: new (n: number) => T, old: T | undefined, capacity: number): T {
  const array = new make(capacity);
  if (old) array.set(old);
  return array;
}

/** The cells of these groups, one after the other. */
export function packed<T extends NumberColumn>(make: new (n: number) => T, old: T, groups: readonly number[], capacity: number): T {
  const array = new make(capacity);
  for (let i = 0; i < groups.length; i++) array[i] = old[groups[i] as number] as number;
  return array;
}

/** The power of two that holds so many groups (INITIAL_CAPACITY at the least). */
export function capacityFor(groups: number): number {
  let capacity = INITIAL_CAPACITY;
  while (capacity < groups) capacity *= 2;
  return capacity;
}
