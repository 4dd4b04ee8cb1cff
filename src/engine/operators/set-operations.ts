import { keyText } from "../state/key-text.ts";
import type { Row } from "../types/data-type.ts";

/** The left rows, each as often as it is there more often than on the right (EXCEPT ALL). */
export function exceptAll(left: readonly Row[], right: readonly Row[]): Row[] {
  const counts = new Map<string, number>();
  for (const row of right) counts.set(keyText(row), (counts.get(keyText(row)) ?? 0) + 1);
  return left.filter((row) => {
    const text = keyText(row);
    const n = counts.get(text) ?? 0;
    counts.set(text, n - 1);
    return n <= 0;
  });
}

/** The rows of both sides, each once (INTERSECT). */
export function intersect(left: readonly Row[], right: readonly Row[]): Row[] {
  const wanted = new Set(right.map((row) => keyText(row)));
  return left.filter((row) => wanted.delete(keyText(row)));
}
