import type { Offset } from "../sources/source.ts";

/** Whether two offsets are the same JSON value; the order of an object's keys does not matter. */
export function sameOffset(a: Offset, b: Offset): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((one, i) => sameOffset(one as Offset, b[i] as Offset));
  }
  const [left, right] = [a as Record<string, Offset>, b as Record<string, Offset>];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length && keys.every((key) => key in right && sameOffset(left[key] as Offset, right[key] as Offset))
  );
}
