import { createKeyWriter, takeKey, writeKey } from "../bson/order-key.ts";
import { parsePath, valuesAt } from "../bson/path.ts";
import { CommandFailure } from "../failure.ts";
import type { SortSpec } from "./planner.ts";

/** MongoDB's limit for a sort in memory (internalQueryMaxBlockingSortMemoryUsageBytes). */
export const MAX_SORT_BYTES: number = 100 * 1024 * 1024;

const writer = createKeyWriter();

/** A function from a document to the bytes by which it sorts; of an array the least element counts upwards, the greatest downwards. */
export function sortKeys(sort: SortSpec): (document: Buffer) => Buffer {
  const fields = sort.map((key) => ({ path: parsePath(key.path), descending: key.descending }));
  return (document) => {
    const parts = fields.map(({ path, descending }) => {
      const { values } = valuesAt(document, 0, path);
      let best: Buffer | undefined;
      for (const value of values) {
        writer.length = 0;
        writeKey(writer, document, value.type, value.start, value.end, descending);
        const key = takeKey(writer);
        if (best === undefined || Buffer.compare(key, best) < 0) best = key;
      }
      return best ?? Buffer.alloc(0);
    });
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  };
}

type Item = { readonly key: Buffer; readonly at: number; readonly document: Buffer };

/** How much a sort holds at the moment. */
export type Held = { bytes: number };

/** With at most so many wanted only the best so far are held. */
const FEW = 5_000;
const RUN = 4_096;

/**
 * Documents in the order asked for, those that sort alike in the order in which they came. With a small `keep` only that many are held, else
 * sorted runs that are merged as they are read. Where the input has nothing yet (undefined) the output has nothing yet.
 */
export function* sortSteps(
  documents: Iterable<Buffer | undefined>,
  sort: SortSpec,
  keep: number = Infinity,
  holding: Held = { bytes: 0 },
): Generator<Buffer | undefined, void, undefined> {
  const keyOf = sortKeys(sort);
  const runs: Item[][] = [];
  let held: Item[] = [];
  let at = 0;
  const cut = (): void => {
    held.sort(byKey);
    if (held.length > keep) held.length = keep;
    holding.bytes = held.reduce((sum, item) => sum + item.document.length + item.key.length, 0);
  };
  for (const document of documents) {
    if (document !== undefined) {
      const item = { key: keyOf(document), at: at++, document };
      held.push(item);
      holding.bytes += document.length + item.key.length;
      if (keep <= FEW && (held.length >= keep * 2 + 1000 || holding.bytes > MAX_SORT_BYTES)) cut();
      else if (held.length >= RUN && keep > FEW) {
        runs.push(held.sort(byKey).reverse());
        held = [];
      }
      if (holding.bytes > MAX_SORT_BYTES)
        throw new CommandFailure(
          "QueryExceededMemoryLimitNoDiskUseAllowed",
          `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes; add an index that serves the order, or a limit`,
        );
    }
    yield undefined;
  }
  if (keep <= FEW) cut();
  runs.push(held.sort(byKey).reverse());
  for (const item of merge(runs)) {
    holding.bytes -= item.document.length + item.key.length;
    yield item.document;
  }
}

/** The same, at once. */
export function sortDocuments(documents: Iterable<Buffer>, sort: SortSpec, keep: number = Infinity): Buffer[] {
  const sorted: Buffer[] = [];
  for (const document of sortSteps(documents, sort, keep)) if (document && sorted.length < keep) sorted.push(document);
  return sorted;
}

function byKey(one: Item, other: Item): number {
  return Buffer.compare(one.key, other.key) || one.at - other.at;
}

/** Takes the least of the runs' ends, again and again; the runs lie in a heap by their ends, each in descending order. */
function* merge(runs: Item[][]): Generator<Item, void, undefined> {
  const heap = runs.filter((run) => run.length > 0).sort((a, b) => byKey(a.at(-1) as Item, b.at(-1) as Item));
  while (heap.length > 0) {
    const first = heap[0] as Item[];
    yield first.pop() as Item;
    if (first.length === 0) {
      const last = heap.pop() as Item[];
      if (heap.length === 0) return;
      if (last !== first) heap[0] = last;
    }
    sink(heap);
  }
}

function sink(heap: Item[][]): void {
  let at = 0;
  for (;;) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2])
      if (child < heap.length && byKey(heap[child]?.at(-1) as Item, heap[least]?.at(-1) as Item) < 0) least = child;
    if (least === at) return;
    [heap[at], heap[least]] = [heap[least] as Item[], heap[at] as Item[]];
    at = least;
  }
}
