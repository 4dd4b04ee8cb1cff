import { CommandFailure } from "../failure.ts";

/** Compares two names as MongoDB orders the work of an update: numbers by value, others as text. */
export function compareFieldNames(x: string, y: string): number {
  if (x === y) return 0;
  const isNumeric = NUMERIC.test(x) && NUMERIC.test(y);
  return isNumeric ? Number(x) - Number(y) : x < y ? -1 : 1;
}

const NUMERIC = /^(0|[1-9]\d*)$/;

/** Compares field paths name by name. */
export function compareFieldPaths(left: string, right: string): number {
  const a = left.split(".");
  const b = right.split(".");
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareFieldNames(a[i] as string, b[i] as string);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Throws for a path that no update may name: empty parts (56), names with a dollar in front (52), a positional operator at the front (2). */
export function checkUpdatePath(path: string): void {
  if (path === "") throw new CommandFailure("EmptyFieldName", "An empty update path is not valid.");
  const parts = path.split(".");
  if (parts.includes(""))
    throw new CommandFailure("EmptyFieldName", `The update path '${path}' contains an empty field name, which is not allowed.`);
  for (const [i, part] of parts.entries()) {
    if (!part.startsWith("$")) continue;
    const isPositional = part === "$" || /^\$\[.*\]$/.test(part);
    if (!isPositional)
      throw new CommandFailure(
        "DollarPrefixedFieldName",
        `The dollar ($) prefixed field '${part}' in '${path}' is not allowed in the context of an update.`,
      );
    if (i === 0)
      throw new CommandFailure(
        "BadValue",
        `Cannot have ${part === "$" ? "positional (i.e. '$')" : `array filter identifier (i.e. '$[<id>]')`} element in the first position in path '${path}'`,
      );
  }
  if (parts.filter((part) => part === "$").length > 1)
    throw new CommandFailure("BadValue", `Too many positional (i.e. '$') elements found in path '${path}'`);
}

/** Throws ConflictingUpdateOperators when one path is another, or lies within it. */
export function checkConflicts(paths: readonly string[]): void {
  const sorted = [...paths].sort();
  const seen = new Set<string>();
  for (const path of sorted) {
    const parts = path.split(".");
    for (let length = 1; length <= parts.length; length++) {
      const prefix = parts.slice(0, length).join(".");
      if (seen.has(prefix))
        throw new CommandFailure("ConflictingUpdateOperators", `Updating the path '${path}' would create a conflict at '${prefix}'`);
    }
    seen.add(path);
  }
}
