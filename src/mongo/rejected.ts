import { EJSON } from "bson";
import type { Collection, Document } from "mongodb";
import { messageOf } from "../base/errors.ts";

/** How much of a refused document is kept, in characters of its Extended JSON. */
const KEPT_CHARACTERS = 100_000;

/** A document that the server would not take, as it stands in `<collection>_rejected`. */
export interface RejectedDocument {
  readonly _id: string;
  readonly batchId: number;
  readonly code: number | null;
  readonly reason: string;
  readonly at: Date;
  /** Relaxed Extended JSON, cut when it is long. */
  readonly document: string;
}

export function rejection(
  document: Document,
  thrown: { readonly code?: unknown; readonly message: string },
  batchId: number,
  atMs: number,
): RejectedDocument {
  return {
    _id: textOf(document._id).slice(0, 500),
    batchId,
    code: typeof thrown.code === "number" ? thrown.code : null,
    reason: thrown.message.slice(0, 2000),
    at: new Date(atMs),
    document: textOf(document).slice(0, KEPT_CHARACTERS),
  };
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return EJSON.stringify(value, { relaxed: true });
  } catch (thrown) {
    return `not shown: ${messageOf(thrown)}`;
  }
}

/** Keeps rejections; the same batch again keeps them once. */
export async function keepRejected(collection: Collection<RejectedDocument>, rejected: readonly RejectedDocument[]): Promise<void> {
  if (rejected.length === 0) return;
  await collection.bulkWrite(
    rejected.map((one) => ({ replaceOne: { filter: { _id: one._id }, replacement: one, upsert: true } })),
    { ordered: false },
  );
}
