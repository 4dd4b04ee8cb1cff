import { BSON, elementsOf, findElement, isNamed, nameOf, type RawElement } from "./raw.ts";

/** A dotted path, split once: the names as UTF-8 and, where a name is a number, the array index it may mean. */
export type FieldPath = { readonly text: string; readonly parts: readonly PathPart[] };
type PathPart = { readonly name: Buffer; readonly index: number | undefined };

export function parsePath(text: string): FieldPath {
  return {
    text,
    parts: text.split(".").map((part) => ({ name: Buffer.from(part), index: /^\d+$/.test(part) ? Number(part) : undefined })),
  };
}

/** A value inside a document's bytes. */
export type ValueRef = { readonly type: number; readonly start: number; readonly end: number };

/** A field that is not there sorts and is indexed as null; an empty array as undefined, below null. */
export const MISSING_VALUE: ValueRef = { type: BSON.null, start: 0, end: 0 };
const EMPTY_ARRAY: ValueRef = { type: BSON.undefined, start: 0, end: 0 };

export type PathValues = { readonly values: ValueRef[]; multikey: boolean };

/**
 * The values that an index (or a sort) on `path` sees in the document at `at`: the value, or each element where an array lies on the path
 * or at its end; MISSING_VALUE where there is none. `multikey` tells whether an array was met.
 */
export function valuesAt(bytes: Buffer, at: number, path: FieldPath): PathValues {
  const found: PathValues = { values: [], multikey: false };
  collect(bytes, at, path.parts, 0, found);
  return found;
}

function collect(bytes: Buffer, at: number, parts: readonly PathPart[], depth: number, found: PathValues): void {
  const part = parts[depth] as PathPart;
  const element = findElement(bytes, at, part.name);
  if (element === undefined) found.values.push(MISSING_VALUE);
  else descend(bytes, element, parts, depth + 1, found);
}

function descend(bytes: Buffer, element: RawElement, parts: readonly PathPart[], depth: number, found: PathValues): void {
  const last = depth === parts.length;
  if (element.type === BSON.array) {
    found.multikey = true;
    const items = elementsOf(bytes, element.start);
    if (items.length === 0) {
      found.values.push(last ? EMPTY_ARRAY : MISSING_VALUE);
      return;
    }
    if (last) {
      for (const item of items) found.values.push(item);
      return;
    }
    const index = (parts[depth] as PathPart).index;
    const positional = index === undefined ? undefined : items[index];
    if (positional && isNamed(bytes, positional, String(index))) {
      descend(bytes, positional, parts, depth + 1, found);
      return;
    }
    for (const item of items) {
      if (item.type === BSON.object) collect(bytes, item.start, parts, depth, found);
      else found.values.push(MISSING_VALUE);
    }
  } else if (last) found.values.push(element);
  else if (element.type === BSON.object) collect(bytes, element.start, parts, depth, found);
  else found.values.push(MISSING_VALUE);
}

/** The elements of the document at `at` by name; for small documents such as commands. */
export function elementsByName(bytes: Buffer, at: number): Map<string, RawElement> {
  return new Map(elementsOf(bytes, at).map((element) => [nameOf(bytes, element), element]));
}
