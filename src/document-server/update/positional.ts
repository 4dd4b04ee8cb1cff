import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type MatchOptions } from "../query/matcher.ts";

/**
 * The index that `$` stands for in an update of `arrayPath.$`: of the first element for which the filter's conditions on that array hold. A
 * condition is asked of the document with an array of that element alone.
 */
export function positionalIndex(document: Document, arrayPath: string, filter: Document, match: MatchOptions): number {
  const array = valueAt(document, arrayPath);
  const conditions = conditionsOn(arrayPath, filter);
  if (Array.isArray(array) && conditions.length > 0) {
    const tests = conditions.map((condition) => compileFilter(condition, match));
    const holds = (item: unknown, which: typeof tests): boolean => {
      const alone = documentWith(arrayPath, [item]);
      return which.every((test) => test?.matchesDecoded(alone) ?? true);
    };
    const all = array.findIndex((item) => holds(item, tests));
    if (all >= 0) return all;
    const last = array.findIndex((item) => holds(item, tests.slice(-1)));
    if (last >= 0) return last;
  }
  throw new CommandFailure("BadValue", "The positional operator did not find the match needed from the query.");
}

function valueAt(document: Document, path: string): unknown {
  return path.split(".").reduce<unknown>((value, part) => (value as Document | null | undefined)?.[part], document);
}

function documentWith(path: string, value: unknown): Document {
  return path.split(".").reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Document;
}

function conditionsOn(arrayPath: string, filter: Document): Document[] {
  const found: Document[] = [];
  for (const [field, condition] of Object.entries(filter)) {
    if (field === "$and" && Array.isArray(condition))
      for (const part of condition) found.push(...conditionsOn(arrayPath, part as Document));
    else if (field === arrayPath || field.startsWith(`${arrayPath}.`)) found.push({ [field]: condition as unknown });
    else if (arrayPath.startsWith(`${field}.`)) found.push({ [field]: condition as unknown });
  }
  return found;
}
