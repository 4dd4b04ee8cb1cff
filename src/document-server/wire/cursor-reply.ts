import { Long, serialize } from "bson";
import { buildDocument } from "../bson/raw.ts";

function element(type: number, name: string, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`), value]);
}

/** `{cursor: {firstBatch | nextBatch: [...], id, ns}, ok: 1}` around documents that are already bytes. */
export function cursorReply(
  field: "firstBatch" | "nextBatch",
  documents: readonly Uint8Array[],
  cursorId: bigint,
  namespace: string,
): Buffer {
  const items: Uint8Array[] = [];
  for (let i = 0; i < documents.length; i++) {
    items.push(Buffer.from(`\u0003${i}\0`, "latin1"), documents[i] as Uint8Array);
  }
  const rest = serialize({ id: Long.fromBigInt(cursorId), ns: namespace });
  const cursor = buildDocument([element(4, field, buildDocument(items)), rest.subarray(4, rest.length - 1)]);
  const ok = serialize({ ok: 1 });
  return buildDocument([element(3, "cursor", cursor), ok.subarray(4, ok.length - 1)]);
}
