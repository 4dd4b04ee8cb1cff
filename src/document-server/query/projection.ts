import type { Document } from "bson";
import { numericKind, toDouble, type Numeric } from "../bson/arithmetic.ts";
import { BSON, buildDocument, elementsOf, nameOf, type RawElement } from "../bson/raw.ts";
import { encodeNode, leafOf, open, openDocument, plainValue, type Node, type ObjectNode } from "../bson/tree.ts";
import { decodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { positionalIndex } from "../update/positional.ts";
import { compileFilter, type MatchOptions } from "./matcher.ts";
import { asCommandFailure } from "./mingo-failure.ts";
import { checkExpressionOf, mingo, mingoOptions } from "./mingo-context.ts";
import { isPlain } from "./predicates.ts";

/** Fields by name: the whole field, or some of what is in it. */
type Tree = Map<string, Tree | true>;

/** What a projection may refer to: the find's filter, for `a.$`, and its `let` and collation. */
export type ProjectionScope = { readonly filter?: Document; readonly match?: MatchOptions };

/** Whether a projection keeps or drops fields and does nothing else: it cuts the bytes then. */
export function isPlainProjection(spec: Document): boolean {
  return Object.entries(spec).every(
    ([path, value]) =>
      !path.includes("$") && (isSwitch(value) || (isPlain(value) && Object.keys(value).length > 0 && isPlainProjection(value))),
  );
}

/** A projection as it was read: which fields are kept or dropped, and what is done to some of them. */
type Projection = {
  readonly tree: Tree;
  readonly including: boolean;
  readonly slices: readonly { readonly path: string; readonly skip: number; readonly count: number }[];
  readonly elements: readonly { readonly path: string; readonly condition: Document }[];
  readonly positional: string | undefined;
  readonly computed: readonly { readonly path: string; readonly expression: unknown }[];
};

/**
 * A function from a stored document to the projected one; undefined for none. Inclusion, exclusion, $slice, $elemMatch and `a.$` cut the bytes, which
 * keeps every type; expressions are computed and put behind what is kept.
 */
export function compileProjection(
  projection: Document | undefined,
  scope: ProjectionScope = {},
): ((document: Buffer) => Buffer) | undefined {
  if (Object.keys(projection ?? {}).length === 0) return undefined;
  const read = readProjection(projection as Document);
  const plain = (document: Buffer): Buffer => cut(document, 0, read.tree, read.including);
  if (read.slices.length === 0 && read.elements.length === 0 && read.positional === undefined && read.computed.length === 0) return plain;
  const matchers = read.elements.map(({ path, condition }) => ({ path, test: elementTest(condition, scope.match ?? {}) }));
  const options = mingoOptions(scope.match ?? {});
  const { evaluate } = mingo();
  for (const { expression } of read.computed) checkExpressionOf(expression, scope.match ?? {});
  return (document) => {
    const root = openDocument(plain(document));
    for (const { path, skip, count } of read.slices) changeArrays(root, path.split("."), (items) => sliced(items, skip, count));
    for (const { path, test } of matchers) keepElement(root, document, path, test);
    if (read.positional !== undefined) keepPositional(root, document, read.positional, scope);
    if (read.computed.length > 0) {
      const decoded = decodeDocument(document);
      for (const { path, expression } of read.computed) {
        const value = asCommandFailure(() => evaluate(decoded, expression as never, options) as unknown);
        if (value !== undefined) put(root, path.split("."), leafOf(value));
      }
    }
    return encodeNode(root);
  };
}

function readProjection(spec: Document): Projection {
  const kept: string[] = [];
  const dropped: string[] = [];
  const slices: { path: string; skip: number; count: number }[] = [];
  const elements: { path: string; condition: Document }[] = [];
  const computed: { path: string; expression: unknown }[] = [];
  let positional: string | undefined;
  let withId: boolean | undefined;
  const visit = (path: string, value: unknown): void => {
    checkPath(path);
    if (path.endsWith(".$")) {
      if (positional !== undefined)
        throw new CommandFailure("Location31276", "Cannot specify more than one positional projection per query.");
      positional = path.slice(0, -2);
      kept.push(positional);
    } else if (isSwitch(value)) {
      if (path === "_id") withId = isOn(value);
      else (isOn(value) ? kept : dropped).push(path);
    } else if (isPlain(value) && !Object.keys(value)[0]?.startsWith("$") && Object.keys(value).length > 0) {
      for (const [name, inner] of Object.entries(value)) visit(`${path}.${name}`, inner);
    } else if (isPlain(value) && "$slice" in value && !isExpressionSlice(value.$slice)) slices.push({ path, ...readSlice(value.$slice) });
    else if (isPlain(value) && "$elemMatch" in value) {
      if (path.includes(".")) throw new CommandFailure("Location31275", "Cannot use $elemMatch projection on a nested field.");
      if (!isPlain(value.$elemMatch))
        throw new CommandFailure("Location31274", "elemMatch: Invalid argument, object required, but got another type");
      elements.push({ path, condition: value.$elemMatch });
      kept.push(path);
    } else computed.push({ path, expression: value });
  };
  for (const [path, value] of Object.entries(spec)) visit(path, value);
  if (kept.length > 0 && dropped.length > 0) {
    const including = !dropped.some((path) => Object.keys(spec)[0] === path);
    throw new CommandFailure(
      including ? "Location31254" : "Location31253",
      `Cannot do ${including ? "exclusion on field " + (dropped[0] as string) + " in inclusion projection" : "inclusion on field " + (kept[0] as string) + " in exclusion projection"}`,
    );
  }
  const including =
    kept.length > 0 || (computed.length > 0 && dropped.length === 0) || (dropped.length === 0 && slices.length === 0 && withId === true);
  if (including) kept.push(...slices.map(({ path }) => path));
  const tree: Tree = new Map();
  for (const path of including ? kept : dropped) plant(tree, path.split("."));
  if (including === (withId ?? true)) tree.set("_id", true);
  return { tree, including, slices, elements, positional, computed };
}

function checkPath(path: string): void {
  if (path === "" || path.split(".").includes(""))
    throw new CommandFailure("Location40353", "FieldPath must not end with a '.' or have empty parts");
  const dollar = path.split(".").findIndex((part) => part.startsWith("$"));
  const parts = path.split(".");
  if (dollar >= 0 && !(parts[dollar] === "$" && dollar === parts.length - 1 && dollar > 0))
    throw new CommandFailure("Location16410", "FieldPath field names may not start with '$'. Consider using $getField or $setField.");
}

function isSwitch(value: unknown): boolean {
  return typeof value === "boolean" || numericKind(value) !== undefined;
}

function isOn(value: unknown): boolean {
  return typeof value === "boolean" ? value : toDouble(value as Numeric) !== 0;
}

/** {$slice: ["$a", n]} is the expression, {$slice: n} and {$slice: [skip, n]} are find's. */
function isExpressionSlice(argument: unknown): boolean {
  return Array.isArray(argument) && numericKind(argument[0]) === undefined;
}

function readSlice(argument: unknown): { readonly skip: number; readonly count: number } {
  const numbers = (Array.isArray(argument) ? argument : [argument]) as unknown[];
  if (numbers.length > 2 || numbers.some((one) => numericKind(one) === undefined))
    throw new CommandFailure(
      "Location28667",
      "Invalid $slice syntax. The given syntax did not match the find() syntax nor the expression's",
    );
  const [first = 0, second] = numbers.map((one) => Math.trunc(toDouble(one as Numeric)));
  if (second === undefined) return first < 0 ? { skip: first, count: -first } : { skip: 0, count: first };
  if (second <= 0)
    throw new CommandFailure("Location28724", `First argument to $slice must be followed by a positive number of elements, not ${second}`);
  return { skip: first, count: second };
}

function sliced(items: readonly Node[], skip: number, count: number): Node[] {
  const from = skip < 0 ? Math.max(0, items.length + skip) : skip;
  return items.slice(from, from + count);
}

/** Replaces the items of every array at a path. */
function changeArrays(root: ObjectNode, parts: readonly string[], change: (items: readonly Node[]) => Node[]): void {
  const [name, ...rest] = parts as [string, ...string[]];
  const child = root.fields.get(name);
  if (!child) return;
  const inner = open(child);
  if (rest.length === 0) {
    if (inner.kind === "array") root.fields.set(name, { kind: "array", items: change(inner.items) });
    return;
  }
  root.fields.set(name, inner);
  if (inner.kind === "object") changeArrays(inner, rest, change);
  if (inner.kind === "array")
    for (const [i, item] of inner.items.entries()) {
      const document = open(item);
      if (document.kind !== "object") continue;
      inner.items[i] = document;
      changeArrays(document, rest, change);
    }
}

function elementTest(condition: Document, match: MatchOptions): (item: Node) => boolean {
  const matcher = compileFilter({ v: { $elemMatch: condition } }, match);
  return (item) => matcher?.matchesDecoded({ v: [plainValue(item)] }) ?? true;
}

/** The first element of the stored array for which the condition holds, alone; no field where there is none. */
function keepElement(root: ObjectNode, stored: Buffer, path: string, test: (item: Node) => boolean): void {
  const value = openDocument(stored).fields.get(path);
  const array = value && open(value);
  const found = array?.kind === "array" ? array.items.find(test) : undefined;
  if (found) root.fields.set(path, { kind: "array", items: [found] });
  else root.fields.delete(path);
}

function keepPositional(root: ObjectNode, stored: Buffer, path: string, scope: ProjectionScope): void {
  let index: number;
  try {
    index = positionalIndex(decodeDocument(stored), path, scope.filter ?? {}, scope.match ?? {});
  } catch (thrown) {
    if (!(thrown instanceof CommandFailure)) throw thrown;
    throw new CommandFailure(
      "Location51246",
      "Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching element in the array",
    );
  }
  changeArrays(root, path.split("."), (items) => items.slice(index, index + 1));
}

function put(root: ObjectNode, parts: readonly string[], value: Node): void {
  const [name, ...rest] = parts as [string, ...string[]];
  if (rest.length === 0) {
    root.fields.set(name, value);
    return;
  }
  const child = root.fields.get(name);
  const inner = child && open(child);
  if (inner?.kind === "array") {
    root.fields.set(name, inner);
    for (const [i, item] of inner.items.entries()) {
      const document = open(item);
      const target: ObjectNode = document.kind === "object" ? document : { kind: "object", fields: new Map() };
      inner.items[i] = target;
      put(target, rest, value);
    }
    return;
  }
  const target: ObjectNode = inner?.kind === "object" ? inner : { kind: "object", fields: new Map() };
  root.fields.set(name, target);
  put(target, rest, value);
}

function plant(tree: Tree, parts: readonly string[]): void {
  const [first, ...rest] = parts as [string, ...string[]];
  const child = tree.get(first);
  if (rest.length === 0) {
    if (child !== undefined && child !== true) throw new CommandFailure("Location31249", `Path collision at ${first}`);
    tree.set(first, true);
    return;
  }
  if (child === true) throw new CommandFailure("Location31250", `Path collision at ${parts.join(".")}`);
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
