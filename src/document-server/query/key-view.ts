import { Long, type Document } from "bson";
import { encodeNode, leafOf, openDocument } from "../bson/tree.ts";
import { decodeTyped, encodeDocument, keyOf } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { keyPattern, keysOfDocument, type IndexSpec } from "../storage/index-spec.ts";
import type { QueryPlan } from "./planner.ts";
import { isPlain } from "./predicates.ts";

/** The options of a find that look at an index' keys, or at the place of a document, and not at its fields. */
export type KeyView = {
  readonly min: Document | undefined;
  readonly max: Document | undefined;
  readonly returnKey: boolean;
  readonly showRecordId: boolean;
};

/** Reads min, max, returnKey and showRecordId; undefined where none of them is asked for. min and max need a hint. */
export function readKeyView(body: Document): KeyView | undefined {
  const bound = (name: "min" | "max"): Document | undefined => {
    const value = body[name] as unknown;
    return isPlain(value) && Object.keys(value).length > 0 ? value : undefined;
  };
  const view: KeyView = {
    min: bound("min"),
    max: bound("max"),
    returnKey: body.returnKey === true,
    showRecordId: body.showRecordId === true,
  };
  if (!view.min && !view.max && !view.returnKey && !view.showRecordId) return undefined;
  if ((view.min || view.max) && (body.hint === undefined || (isPlain(body.hint) && "$natural" in body.hint)))
    throw new CommandFailure("Location51173", "When using min()/max() a hint of which index to use must be provided");
  return view;
}

/** Whether a document has a key of the plan's index within [min, max). */
export function withinBounds(plan: QueryPlan, { min, max }: KeyView): ((document: Buffer) => boolean) | undefined {
  if (!min && !max) return undefined;
  if (plan.stage === "COLLSCAN") throw new CommandFailure("Location51174", "The index chosen is not compatible with min/max");
  const { spec } = plan.index;
  const low = min && edgeOf(spec, min, "min");
  const high = max && edgeOf(spec, max, "max");
  if (low && high && Buffer.compare(low, high) >= 0)
    throw new CommandFailure(
      "Location51175",
      "The value provided for min() does not come before the value provided for max() in the hinted index",
    );
  return (document) => {
    const { keys } = keysOfDocument(spec, document);
    return keys.some((key) => (!low || Buffer.compare(key, low) >= 0) && (!high || Buffer.compare(key, high) < 0));
  };
}

function edgeOf(spec: IndexSpec, bound: Document, name: string): Buffer {
  const fields = Object.keys(keyPattern(spec));
  if (fields.join("\0") !== Object.keys(bound).join("\0"))
    throw new CommandFailure(
      "Location51174",
      `The index chosen is not compatible with min/max: ${name} must name the fields of the hinted index in their order`,
    );
  return Buffer.concat(spec.fields.map((field) => keyOf(bound[field.path.text], field.descending)));
}

/** The fields of the index that was read, with the document's values; nothing where no index was. */
export function keyOnly(plan: QueryPlan, document: Buffer): Buffer {
  if (plan.stage === "COLLSCAN") return encodeDocument({});
  const decoded = decodeTyped(document);
  const fields = Object.keys(keyPattern(plan.index.spec));
  return encodeDocument(
    Object.fromEntries(
      fields.map((path) => [
        path,
        path.split(".").reduce<unknown>((value, part) => (isPlain(value) ? value[part] : undefined), decoded) ?? null,
      ]),
    ),
  );
}

/** The document with its place in the collection as `$recordId`. */
export function withRecordId(document: Buffer, rid: number): Buffer {
  const root = openDocument(document);
  root.fields.set("$recordId", leafOf(Long.fromNumber(rid)));
  return encodeNode(root);
}
