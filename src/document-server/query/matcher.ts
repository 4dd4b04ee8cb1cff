import type { Document } from "bson";
import { Query } from "mingo/query";
import { decodeDocument } from "../bson/values.ts";
import { asCommandFailure } from "./mingo-failure.ts";
import { mingoOptions } from "./mingo-context.ts";

/** Tells whether a stored document matches a filter. */
export type Matcher = {
  readonly matches: (document: Buffer) => boolean;
  readonly matchesDecoded: (document: Document) => boolean;
};

/** Compiles a filter; undefined for the empty one. Throws BadValue for operators that do not exist. */
export function compileFilter(filter: Document): Matcher | undefined {
  if (Object.keys(filter).length === 0) return undefined;
  const { $comment: _, ...conditions } = filter;
  const query = asCommandFailure(() => new Query(conditions, mingoOptions));
  const matchesDecoded = (document: Document): boolean => asCommandFailure(() => query.test(document));
  return { matches: (document) => matchesDecoded(decodeDocument(document)), matchesDecoded };
}
