import type { Resolved } from "../columns/resolved.ts";
import { referencesOf, shiftFields } from "./expressions.ts";

/** The equalities between two sides: over the left columns, over the right ones, and whether null equals null. */
export interface JoinKeys {
  readonly leftKeys: readonly Resolved[];
  readonly rightKeys: readonly Resolved[];
  readonly nullSafe: readonly boolean[];
}

/** Parts it into keys and what is no equality between the sides. `width`: how many columns the left side has. */
export function splitKeys(parts: readonly Resolved[], width: number): { readonly keys: JoinKeys; readonly rest: readonly Resolved[] } {
  const leftKeys: Resolved[] = [];
  const rightKeys: Resolved[] = [];
  const nullSafe: boolean[] = [];
  const rest: Resolved[] = [];
  for (const part of parts) {
    const pair = equalSides(part, width);
    if (!pair) {
      rest.push(part);
      continue;
    }
    leftKeys.push(pair[0]);
    rightKeys.push(shiftFields(pair[1], -width));
    nullSafe.push(part.kind === "call" && part.entry.name === "<=>");
  }
  return { keys: { leftKeys, rightKeys, nullSafe }, rest };
}

function equalSides(part: Resolved, width: number): readonly [Resolved, Resolved] | undefined {
  if (part.kind !== "call" || (part.entry.name !== "=" && part.entry.name !== "<=>")) return undefined;
  const [a, b] = part.args;
  if (!a || !b) return undefined;
  const sideOf = (one: Resolved): "left" | "right" | undefined => {
    const references = [...referencesOf(one)];
    if (references.length === 0) return undefined;
    if (references.every((ordinal) => ordinal < width)) return "left";
    return references.every((ordinal) => ordinal >= width) ? "right" : undefined;
  };
  const sides = [sideOf(a), sideOf(b)];
  if (sides[0] === "left" && sides[1] === "right") return [a, b];
  if (sides[0] === "right" && sides[1] === "left") return [b, a];
  return undefined;
}
