import type { Document } from "bson";
import { decodeDocument } from "../bson/values.ts";
import { asCommandFailure } from "./mingo-failure.ts";
import { mingo } from "./mingo-context.ts";
import { isPlain, queryOperators } from "./predicates.ts";

/** Tells whether a stored document matches a filter. */
export type Matcher = {
  readonly matches: (document: Buffer) => boolean;
  readonly matchesDecoded: (document: Document) => boolean;
};

/** Compiles a filter; undefined for the empty one. Throws BadValue for operators that do not exist. */
export function compileFilter(filter: Document): Matcher | undefined {
  const { $comment: _, ...conditions } = filter;
  if (Object.keys(conditions).length === 0) return undefined;
  const matchesDecoded = compilePlain(conditions) ?? compileThroughMingo(conditions);
  return { matches: (document) => matchesDecoded(decodeDocument(document)), matchesDecoded };
}

/** A filter of fields and comparisons only needs no more than our own operators. */
function compilePlain(conditions: Document): ((document: Document) => boolean) | undefined {
  const tests: ((document: unknown) => boolean)[] = [];
  for (const [field, condition] of Object.entries(conditions)) {
    if (field.startsWith("$") || condition instanceof RegExp) return undefined;
    const names = isPlain(condition) ? Object.keys(condition) : [];
    if (!names.some((name) => name.startsWith("$"))) tests.push(operator("$eq")(field, condition));
    else {
      if (!names.every((name) => Object.hasOwn(queryOperators, name))) return undefined;
      for (const name of names) tests.push(operator(name)(field, (condition as Document)[name] as unknown));
    }
  }
  return (document) => tests.every((test) => test(document));
}

function operator(name: string): (path: string, value: unknown) => (document: unknown) => boolean {
  return queryOperators[name] as (path: string, value: unknown) => (document: unknown) => boolean;
}

function compileThroughMingo(conditions: Document): (document: Document) => boolean {
  const { Query, options } = mingo();
  const query = asCommandFailure(() => new Query(conditions, options));
  return (document) => asCommandFailure(() => query.test(document));
}
