import type { Document } from "bson";
import { compileWith, type Matcher, type MatchOptions } from "./filter-compiler.ts";
import { expressionTest } from "./mingo-context.ts";

export type { Matcher, MatchOptions } from "./filter-compiler.ts";

const NO_OPTIONS: MatchOptions = {};

/** Compiles a filter, its expressions by mingo; undefined for the empty one. Throws BadValue for operators that do not exist. */
export function compileFilter(filter: Document, options: MatchOptions = NO_OPTIONS): Matcher | undefined {
  return compileWith(filter, options, expressionTest);
}
