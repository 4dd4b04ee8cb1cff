import { Long, type Document } from "bson";
import { parsePath, valuesAt, type FieldPath, type ValueRef } from "../bson/path.ts";
import { createKeyWriter, takeKey, writeKey } from "../bson/order-key.ts";
import { elementAt } from "../bson/raw.ts";
import { shown } from "../bson/shown.ts";
import { MISSING_VALUE } from "../bson/path.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type Matcher } from "../query/matcher.ts";

/** What an index is, as its creator gave it. */
export type IndexSpec = {
  readonly name: string;
  readonly fields: readonly IndexField[];
  readonly unique: boolean;
  readonly sparse: boolean;
  /** Kept up, but not read by queries. */
  readonly hidden: boolean;
  /** Only documents that match it are in the index. */
  readonly partial: { readonly filter: Document; readonly matcher: Matcher | undefined } | undefined;
  /** Documents go so many seconds after the date in the indexed field; undefined for never. */
  readonly expireAfterSeconds: number | undefined;
};
/** `order` is what the creator gave: a number, whose sign counts, or "hashed", which serves equality alone. */
export type IndexField = { readonly path: FieldPath; readonly descending: boolean; readonly order: number | "hashed" };

export const ID_INDEX: IndexSpec = {
  name: "_id_",
  fields: [{ path: parsePath("_id"), descending: false, order: 1 }],
  unique: true,
  sparse: false,
  hidden: false,
  partial: undefined,
  expireAfterSeconds: undefined,
};

const KNOWN_OPTIONS = new Set([
  "v",
  "key",
  "name",
  "unique",
  "sparse",
  "background",
  "ns",
  "hidden",
  "partialFilterExpression",
  "expireAfterSeconds",
  "collation",
  "clustered",
]);
const OTHER_KINDS = new Set(["text", "2d", "2dsphere", "wildcard", "columnstore"]);
const KNOWN_OF_OTHER_KINDS = new Set([
  "weights",
  "default_language",
  "language_override",
  "textIndexVersion",
  "2dsphereIndexVersion",
  "bits",
  "min",
  "max",
  "wildcardProjection",
  "storageEngine",
  "prepareUnique",
]);
const MAX_FIELDS = 32;
const MAX_EXPIRE_SECONDS = 2 ** 31 - 1;

/** Reads one entry of createIndexes. Refuses kinds that this server does not have, with MongoDB's codes. */
export function parseIndexSpec(spec: Document): IndexSpec {
  const key = spec.key as unknown;
  if (key === undefined) throw new CommandFailure("FailedToParse", "The 'key' field is a required property of an index specification");
  if (typeof key !== "object" || key === null || Array.isArray(key))
    throw new CommandFailure("TypeMismatch", "The field 'key' must be an object");
  if (Object.keys(key).length === 0) throw new CommandFailure("CannotCreateIndex", "Index keys cannot be an empty field.");
  if (Object.keys(key).length > MAX_FIELDS) throw new CommandFailure("Location13103", `too many compound keys ${shown(key as Document)}`);
  const fields = Object.entries(key).map(([text, order]) => parseField(text, order, key as Document));
  if (fields.filter((field) => field.order === "hashed").length > 1)
    throw new CommandFailure("Location31303", "A maximum of one index field is allowed to be hashed");
  if (spec.name === undefined)
    throw new CommandFailure("FailedToParse", "The 'name' field is a required property of an index specification");
  if (typeof spec.name !== "string") throw new CommandFailure("TypeMismatch", "The field 'name' must be a string");
  if (spec.name === "*" || spec.name === "") throw new CommandFailure("BadValue", `The index name '${spec.name}' is not valid`);
  checkOptions(spec, fields);
  const filter = spec.partialFilterExpression as Document | undefined;
  return {
    name: spec.name,
    fields,
    unique: isOn(spec.unique),
    sparse: isOn(spec.sparse),
    hidden: isOn(spec.hidden),
    partial: filter && { filter, matcher: compileFilter(filter) },
    expireAfterSeconds: spec.expireAfterSeconds === undefined ? undefined : Number(spec.expireAfterSeconds),
  };
}

function parseField(text: string, order: unknown, key: Document): IndexField {
  const refused = (why: string): CommandFailure => new CommandFailure("CannotCreateIndex", `${why} Index spec: ${shown(key)}`);
  if (text === "$**" || text.endsWith(".$**")) throw refused("Wildcard indexes are not offered by this development server.");
  if (text === "") throw refused("Index keys cannot be an empty field.");
  if (text.split(".").some((part) => part === "")) throw refused("Index keys cannot contain an empty field.");
  if (text.startsWith("$")) throw refused("Index key contains an illegal field name: field name starts with '$'.");
  if (typeof order === "string") {
    if (order === "hashed") return { path: parsePath(text), descending: false, order };
    throw refused(
      OTHER_KINDS.has(order)
        ? `Indexes of the kind '${order}' are not offered by this development server.`
        : `Unknown index plugin '${order}'.`,
    );
  }
  const sign = order instanceof Long ? order.toNumber() : order;
  if (typeof sign !== "number" && !(typeof sign === "object" && sign !== null && "_bsontype" in sign))
    throw refused("Values in v:2 index key pattern can only be numbers > 0, numbers < 0, and strings.");
  if (Number(sign) === 0) throw refused("Values in the index key pattern cannot be 0.");
  if (Number.isNaN(Number(sign))) throw refused("Values in the index key pattern cannot be NaN.");
  return { path: parsePath(text), descending: Number(sign) < 0, order: Number(sign) };
}

function checkOptions(spec: Document, fields: readonly IndexField[]): void {
  const isId = fields.length === 1 && fields[0]?.path.text === "_id" && !fields[0].descending && fields[0].order !== "hashed";
  for (const option of Object.keys(spec)) {
    if (KNOWN_OF_OTHER_KINDS.has(option))
      throw new CommandFailure("InvalidIndexSpecificationOption", `The index option '${option}' is not offered by this development server`);
    if (!KNOWN_OPTIONS.has(option))
      throw new CommandFailure(
        "InvalidIndexSpecificationOption",
        `The field '${option}' is not valid for an index specification. Specification: ${shown(spec)}`,
      );
    if (isId && ["unique", "sparse", "partialFilterExpression", "expireAfterSeconds"].includes(option) && spec[option] !== false)
      throw new CommandFailure(
        option === "unique" && spec.clustered === true ? "BadValue" : "InvalidIndexSpecificationOption",
        `The field '${option}' is not valid for an _id index specification. Specification: ${shown(spec)}`,
      );
  }
  if (isId && spec.hidden === true) throw new CommandFailure("BadValue", "can't hide _id index");
  const { collation, partialFilterExpression: partial, expireAfterSeconds: seconds } = spec;
  if (collation && (collation as Document).locale !== "simple")
    throw new CommandFailure("BadValue", "collations other than simple are not offered by this development server");
  if (partial !== undefined && (typeof partial !== "object" || partial === null || Array.isArray(partial)))
    throw new CommandFailure("TypeMismatch", "The field 'partialFilterExpression' must be an object");
  if (partial !== undefined && isOn(spec.sparse))
    throw new CommandFailure("CannotCreateIndex", 'cannot mix "partialFilterExpression" and "sparse" options');
  if (partial !== undefined) checkPartial(partial as Document);
  if (isOn(spec.unique) && fields.some((field) => field.order === "hashed"))
    throw new CommandFailure("Location16764", "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.");
  if (seconds !== undefined) checkExpiry(seconds, spec, fields);
}

/** @throws CommandFailure for a time that is none, or an index that cannot expire documents */
export function checkExpiry(seconds: unknown, spec: Document, fields: readonly IndexField[]): void {
  if (typeof seconds !== "number" && !(seconds instanceof Long))
    throw new CommandFailure("TypeMismatch", "TTL index 'expireAfterSeconds' option must be numeric");
  if (Number(seconds) < 0)
    throw new CommandFailure(
      "CannotCreateIndex",
      `TTL index 'expireAfterSeconds' option cannot be less than 0. Index spec: ${shown(spec)}`,
    );
  if (Number(seconds) > MAX_EXPIRE_SECONDS)
    throw new CommandFailure(
      "CannotCreateIndex",
      `TTL index 'expireAfterSeconds' option must be within an acceptable range, try a different number. Index spec: ${shown(spec)}`,
    );
  if (fields.length !== 1)
    throw new CommandFailure(
      "CannotCreateIndex",
      `TTL indexes are single-field indexes, compound indexes do not support TTL. Index spec: ${shown(spec)}`,
    );
}

const PARTIAL_OPERATORS = new Set(["$eq", "$gt", "$gte", "$lt", "$lte", "$exists", "$type", "$in"]);

/** The expressions that MongoDB allows: equality, ranges, $exists: true, $type, $in, $and, $or. */
function checkPartial(filter: Document): void {
  for (const [name, condition] of Object.entries(filter)) {
    if (name === "$and" || name === "$or") {
      for (const part of condition as Document[]) checkPartial(part);
      continue;
    }
    const operators =
      typeof condition === "object" && condition !== null && !("_bsontype" in condition)
        ? Object.entries(condition as Document).filter(([operator]) => operator.startsWith("$"))
        : [];
    const refused = name.startsWith("$")
      ? name
      : operators.find(([operator, value]) => !PARTIAL_OPERATORS.has(operator) || (operator === "$exists" && !isOn(value)))?.[0];
    if (refused)
      throw new CommandFailure("CannotCreateIndex", `Expression not supported in partial index: ${shown({ [name]: condition })}`);
  }
}

function isOn(value: unknown): boolean {
  return value === true || (typeof value === "number" && value !== 0);
}

/** The key pattern, as in `{ "window.start": -1 }`. */
export function keyPattern(spec: IndexSpec): Record<string, number | "hashed"> {
  return Object.fromEntries(spec.fields.map((field) => [field.path.text, field.order]));
}

/** As listIndexes shows it, and as the catalog keeps it. */
export function describeIndex(spec: IndexSpec): Document {
  return {
    v: 2,
    key: keyPattern(spec),
    name: spec.name,
    ...(spec.unique && spec.name !== "_id_" ? { unique: true } : {}),
    ...(spec.sparse ? { sparse: true } : {}),
    ...(spec.hidden ? { hidden: true } : {}),
    ...(spec.partial ? { partialFilterExpression: spec.partial.filter } : {}),
    ...(spec.expireAfterSeconds === undefined ? {} : { expireAfterSeconds: spec.expireAfterSeconds }),
  };
}

const writer = createKeyWriter();

/** `multikey` has the bit of each field that is, or lies in, an array. */
export type DocumentKeys = { readonly keys: readonly Buffer[]; readonly multikey: number };

const NO_KEYS: DocumentKeys = { keys: [], multikey: 0 };

/** The keys under which the index holds a document: one, or one an element where a field is an array; none where the index leaves it out. */
export function keysOfDocument(spec: IndexSpec, document: Buffer): DocumentKeys {
  if (spec.partial?.matcher && !spec.partial.matcher.matches(document)) return NO_KEYS;
  const columns: ValueRef[][] = [];
  let multikey = 0;
  let arrayRoot: string | undefined;
  for (let i = 0; i < spec.fields.length; i++) {
    const field = spec.fields[i] as IndexField;
    const found = valuesAt(document, 0, field.path);
    if (found.multikey) {
      if (field.order === "hashed") throw new CommandFailure("Location16766", "hashed indexes do not currently support array values");
      const root = field.path.text.split(".")[0];
      if (arrayRoot !== undefined && arrayRoot !== root)
        throw new CommandFailure("CannotIndexParallelArrays", `cannot index parallel arrays [${field.path.text}] [${arrayRoot}]`);
      arrayRoot = root;
      multikey |= 1 << i;
    }
    columns.push(found.values);
  }
  if (spec.sparse && columns.every((values) => values.every((value) => value === MISSING_VALUE))) return NO_KEYS;
  if (multikey === 0) return { keys: [compoundKey(spec, document, columns, 0)], multikey };
  const total = columns.reduce((product, values) => product * values.length, 1);
  const keys = new Map<string, Buffer>();
  for (let n = 0; n < total; n++) {
    const key = compoundKey(spec, document, columns, n);
    keys.set(key.toString("latin1"), key);
  }
  return { keys: [...keys.values()], multikey };
}

/** The n-th combination of the columns' values, as one key. */
function compoundKey(spec: IndexSpec, document: Buffer, columns: readonly ValueRef[][], n: number): Buffer {
  writer.length = 0;
  let rest = n;
  for (let i = 0; i < columns.length; i++) {
    const values = columns[i] as ValueRef[];
    const value = values[rest % values.length] as ValueRef;
    rest = Math.floor(rest / values.length);
    writeKey(writer, document, value.type, value.start, value.end, (spec.fields[i] as IndexField).descending);
  }
  return takeKey(writer);
}

/** The order key of a document's `_id`; undefined when it has none. */
export function idKeyOf(document: Buffer): Buffer | undefined {
  const first = elementAt(document, 4, document.length - 1);
  if (first === undefined || first.nameEnd - first.nameStart !== 3 || document.toString("latin1", first.nameStart, first.nameEnd) !== "_id")
    return undefined;
  writer.length = 0;
  writeKey(writer, document, first.type, first.start, first.end);
  return takeKey(writer);
}
