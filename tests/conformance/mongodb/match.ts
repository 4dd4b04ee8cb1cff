import { EJSON, type Document } from "bson";

/** What matching needs to know of the test: its entities' values, and the lsid of a session. */
export type MatchScope = {
  readonly entityValue: (id: string) => unknown;
  readonly sessionLsid: (id: string) => unknown;
};

/** An expectation that did not hold: where in the value, and what stood there. */
export class Mismatch extends Error {}

/** A document as opposed to an array, a date or a value of a BSON class. */
export function isDocument(value: unknown): value is Document {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return (
    !("_bsontype" in value) &&
    !(value instanceof Date) &&
    !(value instanceof RegExp) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Map)
  );
}

const OPERATORS: Readonly<Record<string, true>> = {
  $$exists: true,
  $$type: true,
  $$matchesEntity: true,
  $$matchesHexBytes: true,
  $$unsetOrMatches: true,
  $$sessionLsid: true,
  $$lte: true,
  $$matchAsDocument: true,
  $$matchAsRoot: true,
};

function operatorOf(expected: unknown): string | undefined {
  if (!isDocument(expected)) return undefined;
  const names = Object.keys(expected);
  return names.length === 1 && names[0] !== undefined && Object.hasOwn(OPERATORS, names[0]) ? names[0] : undefined;
}

/** The BSON class of a value by its name: the driver and this runner may have loaded the classes twice. */
function bsonType(value: unknown): string | undefined {
  return typeof value === "object" && value !== null && "_bsontype" in value ? String(value._bsontype) : undefined;
}

function fail(path: string, what: string): never {
  throw new Mismatch(`${path || "the value"}: ${what}`);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  try {
    return EJSON.stringify(value as Document).slice(0, 600);
  } catch {
    return String(value);
  }
}

/**
 * Holds a value against an expectation by the format's rules: a root document may have more fields than expected, others may not; numbers
 * compare by value; the order of fields does not matter. Throws Mismatch.
 */
export function match(expected: unknown, actual: unknown, scope: MatchScope, isRoot: boolean = true, path: string = ""): void {
  const operator = operatorOf(expected);
  if (actual instanceof Map) {
    match(expected, Object.fromEntries(actual), scope, isRoot, path);
  } else if (operator !== undefined) {
    matchOperator(operator, (expected as Document)[operator], actual, scope, isRoot, path);
  } else if (isDocument(expected)) {
    if (!isDocument(actual)) fail(path, `expected a document ${show(expected)}, found ${show(actual)}`);
    for (const [name, value] of Object.entries(expected)) {
      const at = path === "" ? name : `${path}.${name}`;
      const inner = operatorOf(value);
      if (!Object.hasOwn(actual, name) && inner !== "$$exists" && inner !== "$$unsetOrMatches")
        fail(at, `expected ${show(value)}, found nothing`);
      match(value, actual[name], scope, false, at);
    }
    if (!isRoot) {
      const more = Object.keys(actual).filter((name) => !Object.hasOwn(expected, name) && actual[name] !== undefined);
      if (more.length > 0) fail(path, `unexpected fields ${more.join(", ")} in ${show(actual)}`);
    }
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) fail(path, `expected an array ${show(expected)}, found ${show(actual)}`);
    if (expected.length !== actual.length) fail(path, `expected ${show(expected)}, found ${show(actual)}`);
    for (const [i, value] of expected.entries()) match(value, actual[i], scope, isRoot, `${path}[${i}]`);
  } else if (!sameScalar(expected, actual)) fail(path, `expected ${show(expected)}, found ${show(actual)}`);
}

function matchOperator(operator: string, argument: unknown, actual: unknown, scope: MatchScope, isRoot: boolean, path: string): void {
  switch (operator) {
    case "$$exists":
      if ((actual !== undefined) !== argument) fail(path, argument === true ? "is not there" : `is there: ${show(actual)}`);
      return;
    case "$$type": {
      const names = (Array.isArray(argument) ? argument : [argument]) as string[];
      if (!names.some((name) => hasType(actual, name))) fail(path, `expected the type ${names.join(" or ")}, found ${show(actual)}`);
      return;
    }
    case "$$matchesEntity":
      match(scope.entityValue(String(argument)), actual, scope, isRoot, path);
      return;
    case "$$matchesHexBytes":
      if (!(actual instanceof Uint8Array) || Buffer.from(actual).toString("hex") !== String(argument).toLowerCase())
        fail(path, `expected the bytes ${String(argument)}, found ${show(actual)}`);
      return;
    case "$$unsetOrMatches":
      if (actual !== undefined && actual !== null) match(argument, actual, scope, isRoot, path);
      return;
    case "$$sessionLsid":
      match(scope.sessionLsid(String(argument)), actual, scope, false, path);
      return;
    case "$$lte":
      if (!(Number(actual) <= Number(argument))) fail(path, `expected at most ${show(argument)}, found ${show(actual)}`);
      return;
    case "$$matchAsRoot":
      match(argument, actual, scope, true, path);
      return;
    case "$$matchAsDocument":
      match(argument, typeof actual === "string" ? EJSON.parse(actual) : actual, scope, false, path);
  }
}

function isNumeric(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint" || ["Int32", "Double", "Long"].includes(bsonType(value) ?? "");
}

/** Whether two values that are neither documents nor arrays are the same to a test. */
export function sameScalar(expected: unknown, actual: unknown): boolean {
  if (expected === actual) return true;
  if (expected === null) return actual === null || actual === undefined;
  if (isNumeric(expected) && isNumeric(actual)) return String(Number(expected)) === String(Number(actual));
  if (typeof expected !== "object" || typeof actual !== "object" || actual === null) return false;
  return EJSON.stringify({ v: expected }, { relaxed: false }) === EJSON.stringify({ v: actual }, { relaxed: false });
}

function hasType(value: unknown, name: string): boolean {
  switch (name) {
    case "double":
      return typeof value === "number" || bsonType(value) === "Double";
    case "string":
      return typeof value === "string";
    case "object":
      return isDocument(value);
    case "array":
      return Array.isArray(value);
    case "binData":
      return bsonType(value) === "Binary" || value instanceof Uint8Array;
    case "undefined":
      return value === undefined;
    case "objectId":
      return bsonType(value) === "ObjectId";
    case "bool":
      return typeof value === "boolean";
    case "date":
      return value instanceof Date;
    case "null":
      return value === null;
    case "regex":
      return value instanceof RegExp || bsonType(value) === "BSONRegExp";
    case "javascript":
      return bsonType(value) === "Code";
    case "int":
      return (typeof value === "number" && Number.isInteger(value)) || bsonType(value) === "Int32";
    case "long":
      return (typeof value === "number" && Number.isInteger(value)) || typeof value === "bigint" || bsonType(value) === "Long";
    case "number":
      return isNumeric(value) || bsonType(value) === "Decimal128";
    case "timestamp":
      return bsonType(value) === "Timestamp";
    case "decimal":
      return bsonType(value) === "Decimal128";
    case "minKey":
      return bsonType(value) === "MinKey";
    case "maxKey":
      return bsonType(value) === "MaxKey";
    default:
      throw new Error(`$$type ${name} is not known to the runner`);
  }
}

/** Exact equality of stored documents: field order counts, nothing may be more or less (the format's rule for `outcome`). */
export function sameDocuments(expected: unknown, actual: unknown): boolean {
  if (Array.isArray(expected))
    return Array.isArray(actual) && expected.length === actual.length && expected.every((value, i) => sameDocuments(value, actual[i]));
  if (isDocument(expected)) {
    if (!isDocument(actual)) return false;
    const names = Object.keys(expected);
    const found = Object.keys(actual);
    return names.length === found.length && names.every((name, i) => name === found[i] && sameDocuments(expected[name], actual[name]));
  }
  return sameScalar(expected, actual);
}
