import type { Document } from "bson";
import { compareValues, keyOf } from "../bson/values.ts";
import { RANK } from "../bson/order-key.ts";
import { shown } from "../bson/shown.ts";
import { CommandFailure } from "../failure.ts";

/** An order of text other than by bytes, as a command asked for it. */
export type Collation = { readonly spec: Document; readonly compare: (left: string, right: string) => number };

const FIELDS = new Set([
  "locale",
  "caseLevel",
  "caseFirst",
  "strength",
  "numericOrdering",
  "alternate",
  "maxVariable",
  "normalization",
  "backwards",
  "version",
]);
const SENSITIVITY = { 1: "base", 2: "accent", 3: "variant", 4: "variant", 5: "variant" } as const;

function invalid(what: string): CommandFailure {
  return new CommandFailure("BadValue", what);
}

/**
 * Reads a `collation` document; undefined for none and for `simple`, which compares bytes. The order is ICU's, through Intl.Collator: locale, strength,
 * caseLevel with strength 1, caseFirst, numericOrdering and alternate. Throws FailedToParse, TypeMismatch and BadValue as MongoDB does, and BadValue for
 * the two rules that ICU gives no program in JavaScript (backwards, caseLevel with strength 2).
 */
export function parseCollation(value: unknown): Collation | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value))
    throw new CommandFailure("TypeMismatch", "BSON field 'collation' is the wrong type, expected type 'object'");
  const spec = value as Document;
  if (Object.keys(spec).length === 0) return undefined;
  const unknown = Object.keys(spec).find((name) => !FIELDS.has(name));
  if (unknown) throw new CommandFailure("Location40415", `BSON field 'collation.${unknown}' is an unknown field.`);
  const {
    locale,
    strength = 3,
    caseLevel = false,
    caseFirst = "off",
    numericOrdering = false,
    alternate = "non-ignorable",
    backwards = false,
  } = spec;
  if (locale === undefined) throw new CommandFailure("Location40414", "BSON field 'collation.locale' is missing but a required field");
  if (typeof locale !== "string")
    throw new CommandFailure("TypeMismatch", "BSON field 'collation.locale' is the wrong type, expected type 'string'");
  if (locale === "simple") return undefined;
  if (!(strength in SENSITIVITY))
    throw invalid(`Enumeration value '${shown(strength)}' for field 'collation.strength' is not a valid value.`);
  if (!["off", "upper", "lower"].includes(caseFirst as string))
    throw invalid(`Enumeration value '${shown(caseFirst)}' for field 'collation.caseFirst' is not a valid value.`);
  if (!["non-ignorable", "shifted"].includes(alternate as string))
    throw invalid(`Enumeration value '${shown(alternate)}' for field 'collation.alternate' is not a valid value.`);
  if (backwards === true) throw invalid("a collation with backwards is not offered by this development server");
  if (caseLevel === true && strength === 2)
    throw invalid("a collation with caseLevel and strength 2 is not offered by this development server");
  const sensitivity = caseLevel === true && strength === 1 ? "case" : SENSITIVITY[strength as keyof typeof SENSITIVITY];
  const collator = new Intl.Collator(localeTag(locale, spec), {
    sensitivity,
    numeric: numericOrdering === true,
    caseFirst: caseFirst === "off" ? "false" : (caseFirst as "upper" | "lower"),
    ignorePunctuation: alternate === "shifted",
  });
  const isIdentical = strength === 5;
  const compare = (left: string, right: string): number => {
    const order = collator.compare(left, right);
    return order === 0 && isIdentical && left !== right ? (left < right ? -1 : 1) : order;
  };
  return { spec: completed(spec), compare };
}

/** `de_DE@collation=phonebook` is Intl's `de-DE-u-co-phonebk`. */
function localeTag(locale: string, spec: Document): string {
  const [name, variant] = locale.split("@collation=") as [string, string | undefined];
  const kinds: Readonly<Record<string, string>> = { phonebook: "phonebk", traditional: "trad", dictionary: "dict" };
  const tag = name.replaceAll("_", "-") + (variant === undefined ? "" : `-u-co-${kinds[variant] ?? variant}`);
  try {
    if (Intl.Collator.supportedLocalesOf(tag).length > 0) return tag;
  } catch {
    // not a language tag at all: refused below
  }
  throw invalid(`Field 'locale' is invalid in: ${shown(spec)}`);
}

/** The document with MongoDB's defaults, as listIndexes and listCollections show it. */
function completed(spec: Document): Document {
  return {
    locale: spec.locale as unknown,
    caseLevel: false,
    caseFirst: "off",
    strength: 3,
    numericOrdering: false,
    alternate: "non-ignorable",
    maxVariable: "punct",
    normalization: false,
    backwards: false,
    version: "57.1",
    ...spec,
  };
}

function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** The order of two values, text by the collation, in sub-documents and arrays too. */
export function compareCollated(left: unknown, right: unknown, collation: Collation | undefined): number {
  if (collation === undefined) return compareValues(left, right);
  if (typeof left === "string" && typeof right === "string") return collation.compare(left, right);
  if (Array.isArray(left) && Array.isArray(right)) {
    for (let i = 0; i < Math.min(left.length, right.length); i++) {
      const order = compareCollated(left[i], right[i], collation);
      if (order !== 0) return order;
    }
    return left.length - right.length;
  }
  if (isDocument(left) && isDocument(right)) {
    const [a, b] = [Object.entries(left), Object.entries(right)];
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const [name, value] = a[i] as [string, unknown];
      const [otherName, otherValue] = b[i] as [string, unknown];
      const order = rankOf(value) - rankOf(otherValue) || compareValues(name, otherName) || compareCollated(value, otherValue, collation);
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
  return compareValues(left, right);
}

function rankOf(value: unknown): number {
  return keyOf(value)[0] ?? RANK.maxKey;
}

/**
 * A function that gives values that a collation holds equal the same key, those of others another: for grouping. It remembers one text of each kind
 * in their order.
 */
export function collatedKeys(collation: Collation | undefined): (value: unknown) => string {
  const plain = (value: unknown): string => keyOf(value).toString("latin1");
  if (collation === undefined) return plain;
  const known: string[] = [];
  const standIn = (text: string): string => {
    let low = 0;
    let high = known.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (collation.compare(known[middle] as string, text) < 0) low = middle + 1;
      else high = middle;
    }
    if (known[low] === undefined || collation.compare(known[low] as string, text) !== 0) known.splice(low, 0, text);
    return known[low] as string;
  };
  const through = (value: unknown): unknown => {
    if (typeof value === "string") return standIn(value);
    if (Array.isArray(value)) return value.map(through);
    return isDocument(value) ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, through(inner)])) : value;
  };
  return (value) => plain(through(value));
}
