import type { Document } from "bson";
import { BSON, buildDocument, elementsOf, nameOf, type RawElement } from "../bson/raw.ts";
import { decodeDocument, encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { asCommandFailure } from "./mingo-failure.ts";
import { mingo } from "./mingo-context.ts";

type Tree = Map<string, Tree | true>;

/**
 * A function from a stored document to the projected one; undefined for none. Plain inclusion and exclusion cut the bytes, which keeps every
 * type; expressions, $slice and $elemMatch go through mingo.
 */
export function compileProjection(projection: Document | undefined): ((document: Buffer) => Buffer) | undefined {
  const entries = Object.entries(projection ?? {});
  if (entries.length === 0) return undefined;
  const plain = entries.every(([name, value]) => isSwitch(value) && !name.includes("$"));
  if (!plain) return (document) => encodeDocument(projectThroughMingo(decodeDocument(document), projection as Document));
  const others = entries.filter(([name]) => name !== "_id");
  const including = others.length > 0 ? isOn(others[0]?.[1]) : isOn(entries[0]?.[1]);
  const clash = others.find(([, value]) => isOn(value) !== including);
  if (clash)
    throw new CommandFailure(
      "Location51091",
      `Invalid $project :: caused by :: Cannot do ${including ? "exclusion" : "inclusion"} on field ${clash[0]} in ${including ? "inclusion" : "exclusion"} projection`,
    );
  const tree: Tree = new Map();
  for (const [name] of others) plant(tree, name.split("."));
  const withId = "_id" in (projection as Document) ? isOn((projection as Document)._id) : true;
  if (including && withId) tree.set("_id", true);
  if (!including && !withId) tree.set("_id", true);
  return (document) => cut(document, 0, tree, including);
}

function projectThroughMingo(document: Document, projection: Document): Document {
  const { $project, Lazy, options } = mingo();
  return asCommandFailure(() => $project(Lazy([document]), projection as never, options).collect()[0] as Document);
}

function isSwitch(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean" || (typeof value === "object" && value !== null && "_bsontype" in value);
}

function isOn(value: unknown): boolean {
  return typeof value === "boolean" ? value : Number(value) !== 0;
}

function plant(tree: Tree, parts: readonly string[]): void {
  const [first, ...rest] = parts as [string, ...string[]];
  if (rest.length === 0) {
    tree.set(first, true);
    return;
  }
  const child = tree.get(first);
  if (child === true) throw new CommandFailure("BadValue", `Path collision at ${parts.join(".")}`);
  const next: Tree = child ?? new Map();
  tree.set(first, next);
  plant(next, rest);
}

function cut(bytes: Buffer, at: number, tree: Tree, including: boolean): Buffer {
  const pieces: Uint8Array[] = [];
  for (const element of elementsOf(bytes, at)) {
    const branch = tree.get(nameOf(bytes, element));
    if (branch === undefined ? !including : branch === true && including) pieces.push(bytes.subarray(element.head, element.end));
    else if (branch !== undefined && branch !== true) pushInner(bytes, element, branch, including, pieces);
  }
  return buildDocument(pieces);
}

function pushInner(bytes: Buffer, element: RawElement, tree: Tree, including: boolean, pieces: Uint8Array[]): void {
  const head = bytes.subarray(element.head, element.start);
  if (element.type === BSON.object) pieces.push(head, cut(bytes, element.start, tree, including));
  else if (element.type === BSON.array) pieces.push(head, cutArray(bytes, element.start, tree, including));
  else if (!including) pieces.push(bytes.subarray(element.head, element.end));
}

function cutArray(bytes: Buffer, at: number, tree: Tree, including: boolean): Buffer {
  const pieces: Uint8Array[] = [];
  let next = 0;
  for (const item of elementsOf(bytes, at)) {
    const own: Uint8Array[] = [];
    pushInner(bytes, item, tree, including, own);
    if (own.length === 0) continue;
    const value = own.length === 2 ? (own[1] as Uint8Array) : bytes.subarray(item.start, item.end);
    pieces.push(Buffer.from([item.type]), Buffer.from(`${next++}\0`), value);
  }
  return buildDocument(pieces);
}
