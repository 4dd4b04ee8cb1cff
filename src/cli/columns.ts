/**
 * Lines of columns: each as wide as its longest cell and at least as wide as `least` says, the last one as it comes unless it has a width. Kafka's own
 * tools print theirs so.
 */
export function columns(rows: readonly (readonly string[])[], least: readonly number[]): string[] {
  const widths = least.map((width, i) => Math.max(width, ...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" "));
}
