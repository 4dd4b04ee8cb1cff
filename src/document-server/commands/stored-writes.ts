import { ObjectId, serialize, type Document } from "bson";
import { BSON, buildDocument, elementsOf, findElement, MAX_DOCUMENT_BYTES, nameOf } from "../bson/raw.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type MatchOptions } from "../query/matcher.ts";
import { parseSort, planQuery, type QueryPlan } from "../query/planner.ts";
import { scan } from "../query/scan.ts";
import { compareBy } from "../query/collated-sort.ts";
import type { Collection, Stored } from "../storage/collection.ts";
import { idKeyOf } from "../storage/index-spec.ts";
import { checkValid } from "./validation.ts";

const ID_NAME = Buffer.from("_id");

/** A document that may be stored: size, `_id` first (made here when the client sent none) and of a kind that can be a key. */
function storable(document: Buffer): Buffer {
  const id = findElement(document, 0, ID_NAME);
  let whole = document;
  if (id === undefined) {
    const made = serialize({ _id: new ObjectId() });
    whole = buildDocument([made.subarray(4, made.length - 1), document.subarray(4, document.length - 1)]);
  } else {
    if (id.type === BSON.array || id.type === BSON.regex || id.type === BSON.undefined)
      throw new CommandFailure(
        "InvalidIdField",
        `The '_id' value cannot be of type ${id.type === BSON.array ? "array" : id.type === BSON.regex ? "regex" : "undefined"}`,
      );
    if (id.type === BSON.object) {
      const dollar = elementsOf(document, id.start).find((element) => document[element.nameStart] === 0x24);
      if (dollar)
        throw new CommandFailure(
          "DollarPrefixedFieldName",
          `_id fields may not contain '$'-prefixed fields: ${nameOf(document, dollar)} is not valid for storage.`,
        );
    }
    if (id.head !== 4)
      whole = buildDocument([
        document.subarray(id.head, id.end),
        document.subarray(4, id.head),
        document.subarray(id.end, document.length - 1),
      ]);
  }
  if (whole.length > MAX_DOCUMENT_BYTES)
    throw new CommandFailure(
      "BSONObjectTooLarge",
      `BSONObj size: ${whole.length} is invalid. Size must be between 0 and ${MAX_DOCUMENT_BYTES}`,
    );
  return whole;
}

/** Stores a new document and gives it as it is stored. Throws DuplicateKey, DocumentValidationFailure and what is wrong with its `_id`. */
export function insertDocument(collection: Collection, document: Buffer, bypassValidation: boolean = false): Buffer {
  refuseView(collection);
  const whole = storable(document);
  checkValid(collection, whole, bypassValidation);
  collection.insert(idKeyOf(whole) as Buffer, whole);
  return whole;
}

/** Puts other bytes in the place of a stored document. */
export function replaceStored(collection: Collection, stored: Stored, document: Buffer, bypassValidation: boolean = false): void {
  if (document.length > MAX_DOCUMENT_BYTES)
    throw new CommandFailure("BSONObjectTooLarge", `Resulting document after update is larger than ${MAX_DOCUMENT_BYTES}`);
  checkValid(collection, document, bypassValidation, stored.document);
  collection.replace(stored, document);
}

/** A view holds no documents: writing to it is refused with 166. */
export function refuseView(collection: Collection | undefined): void {
  if (collection?.options.viewOn !== undefined)
    throw new CommandFailure("CommandNotSupportedOnView", `Namespace ${collection.namespace} is a view, not a collection`);
}

/** The plan of a query under its collation: an index orders text by its bytes, so that under another order only a scan is right. */
export function planMatching(
  collection: Collection,
  filter: Document,
  sort: Document | undefined,
  hint: unknown,
  match: MatchOptions,
): QueryPlan {
  if (!match.collation) return planQuery(collection, filter, parseSort(sort), hint);
  planQuery(collection, filter, parseSort(sort), hint);
  return { stage: "COLLSCAN", backward: false, sorted: parseSort(sort).length === 0 };
}

/** The stored documents that match, all of them before any is changed; `limit` 0 for all. */
export function select(
  collection: Collection,
  filter: Document,
  options: { readonly limit: number; readonly hint?: unknown; readonly sort?: Document | undefined; readonly match?: MatchOptions },
): Stored[] {
  refuseView(collection);
  const match = options.match ?? {};
  const plan = planMatching(collection, filter, options.sort, options.hint ?? undefined, match);
  const matcher = compileFilter(filter, match);
  const found: Stored[] = [];
  const stop = options.limit > 0 && plan.sorted ? options.limit : Infinity;
  for (const stored of scan(collection, plan, matcher, options.limit || undefined)) {
    found.push(stored);
    if (found.length >= stop) break;
  }
  if (plan.sorted) return found;
  const order = compareBy(parseSort(options.sort), match.collation);
  const keyed = found.map((stored) => ({ stored, key: order.keyOf(stored.document) }));
  keyed.sort((a, b) => order.compare(a.key, b.key) || a.stored.rid - b.stored.rid);
  return keyed.slice(0, options.limit || undefined).map((item) => item.stored);
}
