import { decodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compareCollated, type Collation } from "./collation.ts";
import type { SortSpec } from "./planner.ts";
import { candidates } from "./predicates.ts";
import { MAX_SORT_BYTES, sortKeys, sortSteps, type Held } from "./sort.ts";

/** How documents sort: each has a key, and keys compare. */
export type SortOrder<Key> = { readonly keyOf: (document: Buffer) => Key; readonly compare: (left: Key, right: Key) => number };

type CollatedKey = readonly unknown[];

/** Bytes without a collation; the values of the sort's fields with one. */
export function compareBy(sort: SortSpec, collation: Collation | undefined): SortOrder<Buffer | CollatedKey> {
  if (collation === undefined) return { keyOf: sortKeys(sort), compare: (left, right) => Buffer.compare(left as Buffer, right as Buffer) };
  return {
    keyOf: (document) => {
      const decoded = decodeDocument(document);
      return sort.map(({ path, descending }) => extremeOf(candidates(decoded, path), descending, collation));
    },
    compare: (left, right) => {
      for (const [i, { descending }] of sort.entries()) {
        const order = compareCollated((left as CollatedKey)[i], (right as CollatedKey)[i], collation);
        if (order !== 0) return descending ? -order : order;
      }
      return 0;
    },
  };
}

/** Of an array the least element counts upwards, the greatest downwards; a missing field is null. */
function extremeOf(found: readonly unknown[], descending: boolean, collation: Collation): unknown {
  const whole = found.at(-1);
  const values = Array.isArray(whole) && found.length > 1 ? found.slice(0, -1) : found;
  return (
    values.reduce(
      (best, value) => (compareCollated(value ?? null, best ?? null, collation) * (descending ? -1 : 1) < 0 ? value : best),
      values[0],
    ) ?? null
  );
}

/** Documents in the order asked for (sort.ts), text by a collation where there is one. */
export function* sortedSteps(
  documents: Iterable<Buffer | undefined>,
  sort: SortSpec,
  collation: Collation | undefined,
  keep: number,
  held: Held,
): Generator<Buffer | undefined, void, undefined> {
  if (collation === undefined) {
    yield* sortSteps(documents, sort, keep, held);
    return;
  }
  const order = compareBy(sort, collation);
  const all: { readonly key: Buffer | CollatedKey; readonly document: Buffer }[] = [];
  for (const document of documents) {
    yield undefined;
    if (document === undefined) continue;
    held.bytes += document.length;
    if (held.bytes > MAX_SORT_BYTES)
      throw new CommandFailure(
        "QueryExceededMemoryLimitNoDiskUseAllowed",
        `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes; narrow it with a filter first`,
      );
    all.push({ key: order.keyOf(document), document });
  }
  all.sort((a, b) => order.compare(a.key, b.key));
  for (const { document } of all.slice(0, keep)) yield document;
}
