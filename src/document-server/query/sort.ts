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

/** Documents in the order asked for, those that sort alike in the order in which they came. With `keep` only that many from the start are held. */
export function sortDocuments(documents: Iterable<Buffer>, sort: SortSpec, keep: number = Infinity): Buffer[] {
  const keyOf = sortKeys(sort);
  let held: { readonly key: Buffer; readonly at: number; readonly document: Buffer }[] = [];
  let bytes = 0;
  let at = 0;
  const cut = (): void => {
    held.sort((a, b) => Buffer.compare(a.key, b.key) || a.at - b.at);
    if (held.length > keep) held = held.slice(0, keep);
    bytes = held.reduce((sum, item) => sum + item.document.length + item.key.length, 0);
  };
  for (const document of documents) {
    const item = { key: keyOf(document), at: at++, document };
    held.push(item);
    bytes += document.length + item.key.length;
    if (held.length >= keep * 2 + 1000) cut();
    if (bytes > MAX_SORT_BYTES) {
      cut();
      if (bytes > MAX_SORT_BYTES)
        throw new CommandFailure(
          "QueryExceededMemoryLimitNoDiskUseAllowed",
          `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes; add an index that serves the order, or a limit`,
        );
    }
  }
  cut();
  return held.map((item) => item.document);
}
