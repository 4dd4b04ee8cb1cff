import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import type { Collation } from "./collation.ts";
import { comparedTo, equalTo, matchingRegex, ofBits, ofSize, ofType, oneOf, remainder, type ValueTest } from "./value-tests.ts";
import { patternOf } from "./regex.ts";

export type Predicate = (document: unknown) => boolean;

/** What the comparison of a query depends on beside the filter. */
export type QueryRules = { readonly collation?: Collation | undefined; readonly compile: (filter: Document) => Predicate };

/**
 * The values that a query on `path` is held against (manual: "Query an Array", "Query for Null"): the value itself, and where it is an array
 * each of its elements too; through an array on the way, those of its documents. undefined stands for a missing field.
 */
export function candidates(document: unknown, path: string): unknown[] {
  const found: unknown[] = [];
  follow(document, path.split("."), 0, found, true);
  return found;
}

function follow(value: unknown, parts: readonly string[], depth: number, found: unknown[], spread: boolean): void {
  if (depth === parts.length) {
    if (spread && Array.isArray(value)) for (const item of value) found.push(item);
    found.push(value);
    return;
  }
  const part = parts[depth] as string;
  if (Array.isArray(value)) {
    if (/^\d+$/.test(part) && Number(part) < value.length) follow(value[Number(part)], parts, depth + 1, found, spread);
    for (const item of value) if (isPlain(item)) follow(item, parts, depth, found, spread);
  } else if (isPlain(value)) follow(Object.hasOwn(value, part) ? value[part] : undefined, parts, depth + 1, found, spread);
  else found.push(undefined);
}

/** A sub-document, as opposed to an array, a date or a value of a BSON class. A field of its own named "constructor" does not matter. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** How an operator is asked: of each candidate, of whole values (an array is one), or the other way round. */
type Asked = { readonly test: ValueTest; readonly of: "candidates" | "wholes"; readonly negated: boolean };

const asked = (test: ValueTest): Asked => ({ test, of: "candidates", negated: false });
const refused = (test: ValueTest): Asked => ({ test, of: "candidates", negated: true });
const whole = (test: ValueTest): Asked => ({ test, of: "wholes", negated: false });

type Reader = (value: unknown, rules: QueryRules, siblings: Document) => Asked;

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  $gt: (order) => order > 0,
  $gte: (order) => order >= 0,
  $lt: (order) => order < 0,
  $lte: (order) => order <= 0,
};

function comparison(name: string): Reader {
  return (value, rules) => asked(comparedTo(value, ORDERS[name] as (order: number) => boolean, rules.collation, name));
}

const READERS: Readonly<Record<string, Reader>> = {
  $eq: (value, rules) => asked(equalTo(value, rules.collation)),
  $ne: (value, rules) => {
    if (value instanceof RegExp) throw new CommandFailure("BadValue", "Can't have regex as arg to $ne.");
    return refused(equalTo(value, rules.collation));
  },
  $in: (value, rules) => asked(oneOf(value, rules.collation, "$in")),
  $nin: (value, rules) => refused(oneOf(value, rules.collation, "$nin")),
  $gt: comparison("$gt"),
  $gte: comparison("$gte"),
  $lt: comparison("$lt"),
  $lte: comparison("$lte"),
  $exists: (value) => {
    const wanted = value !== false && value !== 0 && value !== null && value !== undefined;
    return { test: (found) => found !== undefined, of: "wholes", negated: !wanted };
  },
  $type: (value) => asked(ofType(value)),
  $regex: (value, _, siblings) => asked(matchingRegex(value, siblings.$options)),
  $options: (_, __, siblings) => {
    if (!("$regex" in siblings)) throw new CommandFailure("BadValue", "$options needs a $regex");
    return asked(() => true);
  },
  $mod: (value) => asked(remainder(value)),
  $size: (value) => whole(ofSize(value)),
  $bitsAllSet: (value) => asked(ofBits(value, "$bitsAllSet")),
  $bitsAllClear: (value) => asked(ofBits(value, "$bitsAllClear")),
  $bitsAnySet: (value) => asked(ofBits(value, "$bitsAnySet")),
  $bitsAnyClear: (value) => asked(ofBits(value, "$bitsAnyClear")),
  $elemMatch: (value, rules) => whole(elementMatching(value, rules)),
};

function elementMatching(value: unknown, rules: QueryRules): ValueTest {
  if (!isPlain(value)) throw new CommandFailure("BadValue", "$elemMatch needs an Object");
  const first = Object.keys(value)[0] ?? "";
  if (first.startsWith("$") && !["$and", "$or", "$nor", "$expr", "$where"].includes(first)) {
    const test = valueCondition(value, rules);
    return (array) => Array.isArray(array) && array.some((item) => test(item));
  }
  const matches = rules.compile(value);
  return (array) => Array.isArray(array) && array.some((item) => (isPlain(item) || Array.isArray(item)) && matches(item));
}

/** A condition on one value, whose elements are not asked if it is an array: inside $elemMatch. */
function valueCondition(condition: Document, rules: QueryRules): ValueTest {
  const tests = Object.entries(condition).map(([name, value]): ValueTest => {
    if (name === "$not") {
      const inner = value instanceof RegExp ? matchingRegex(value, undefined) : valueCondition(value as Document, rules);
      return (item) => !inner(item);
    }
    if (name === "$all") {
      const parts = allOf(value, rules);
      return (item) =>
        parts.every((part) =>
          Array.isArray(item) ? part.test(item) || item.some((one) => part.of === "candidates" && part.test(one)) : part.test(item),
        );
    }
    const read = readerOf(name)(value, rules, condition);
    return (item) => read.test(item) !== read.negated;
  });
  return (item) => tests.every((test) => test(item));
}

function readerOf(name: string): Reader {
  const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  if (reader) return reader;
  if (["$geoWithin", "$geoIntersects", "$near", "$nearSphere", "$within", "$geoNear"].includes(name))
    throw new CommandFailure("BadValue", `${name} is not offered by this development server`);
  throw new CommandFailure("BadValue", `unknown operator: ${name}`);
}

function allOf(value: unknown, rules: QueryRules): Asked[] {
  if (!Array.isArray(value)) throw new CommandFailure("BadValue", "$all needs an array");
  return value.map((item: unknown): Asked => {
    if (isPlain(item) && "$elemMatch" in item) return (READERS.$elemMatch as Reader)(item.$elemMatch, rules, item);
    if (isPlain(item) && Object.keys(item)[0]?.startsWith("$")) throw new CommandFailure("BadValue", "no $ expressions in $all");
    return asked(item instanceof RegExp ? matchingRegex(item, undefined) : equalTo(item, rules.collation));
  });
}

function predicateOf(path: string, { test, of, negated }: Asked): Predicate {
  const spread = of === "candidates";
  const parts = path.split(".");
  if (parts.length === 1) {
    const only = parts[0] as string;
    return (document) => {
      if (!isPlain(document)) return anyOf(document, parts, spread, test) !== negated;
      const value = Object.hasOwn(document, only) ? document[only] : undefined;
      const holds = test(value) || (spread && Array.isArray(value) && value.some((item) => test(item)));
      return holds !== negated;
    };
  }
  return (document) => anyOf(document, parts, spread, test) !== negated;
}

function anyOf(document: unknown, parts: readonly string[], spread: boolean, test: ValueTest): boolean {
  const found: unknown[] = [];
  follow(document, parts, 0, found, spread);
  return found.some((value) => test(value));
}

/** The predicate of one field's condition: a value to be equal to, an expression, or operators. */
export function fieldPredicate(path: string, condition: unknown, rules: QueryRules): Predicate {
  if (condition instanceof RegExp) return predicateOf(path, asked(matchingRegex(patternOf(condition), undefined)));
  const names = isPlain(condition) ? Object.keys(condition) : [];
  if (!names[0]?.startsWith("$") || names[0] === "$ref" || names[0] === "$id")
    return predicateOf(path, asked(equalTo(condition, rules.collation)));
  const predicates = names.map((name) => operatorPredicate(path, name, (condition as Document)[name], rules, condition as Document));
  return predicates.length === 1 ? (predicates[0] as Predicate) : (document) => predicates.every((predicate) => predicate(document));
}

function operatorPredicate(path: string, name: string, value: unknown, rules: QueryRules, siblings: Document): Predicate {
  if (name === "$not") {
    if (!isPlain(value) && !(value instanceof RegExp)) throw new CommandFailure("BadValue", "$not needs a regex or a document");
    if (isPlain(value)) {
      const first = Object.keys(value)[0];
      if (first === undefined) throw new CommandFailure("BadValue", "$not cannot be empty");
      if (!first.startsWith("$")) throw new CommandFailure("BadValue", `unknown operator: ${first}`);
    }
    const inner = fieldPredicate(path, value, rules);
    return (document) => !inner(document);
  }
  if (name === "$all") {
    const parts = allOf(value, rules).map((part) => predicateOf(path, part));
    return (document) => parts.length > 0 && parts.every((part) => part(document));
  }
  if (!name.startsWith("$")) throw new CommandFailure("BadValue", `unknown operator: ${name}`);
  return predicateOf(path, readerOf(name)(value, rules, siblings));
}

/** Query operators in mingo's form, for its own use of queries ($graphLookup, $pull in expressions): ours, with no collation. */
export const queryOperators: Readonly<Record<string, (path: string, value: unknown) => Predicate>> = Object.fromEntries(
  Object.keys(READERS)
    .filter((name) => !["$elemMatch", "$options", "$regex"].includes(name))
    .map((name) => [
      name,
      (path: string, value: unknown): Predicate => operatorPredicate(path, name, value, { compile: () => () => false }, { [name]: value }),
    ]),
);
