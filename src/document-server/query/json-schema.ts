import type { Document } from "bson";
import { numericKind, toDouble, type Numeric } from "../bson/arithmetic.ts";
import { keyOf } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { isPlain } from "./predicates.ts";
import { parseTypes, typeName } from "./value-types.ts";

/** A compiled $jsonSchema. `explain` gives the rules that a document breaks, in the form of errInfo's schemaRulesNotSatisfied; none for a valid one. */
export type Schema = { readonly matches: (document: unknown) => boolean; readonly explain: (document: unknown) => Document[] };

/** What is wrong with a value; undefined for nothing. */
type Check = (value: unknown) => Document | undefined;

const JSON_TYPES: Readonly<Record<string, string>> = {
  object: "object",
  array: "array",
  number: "number",
  boolean: "bool",
  string: "string",
  null: "null",
};
const NUMBERS = new Set(["int", "long", "double", "decimal"]);

function broken(message: string): CommandFailure {
  return new CommandFailure("FailedToParse", message);
}

function mistyped(keyword: string, wanted: string): CommandFailure {
  return new CommandFailure("TypeMismatch", `$jsonSchema keyword '${keyword}' must be ${wanted}`);
}

function isOf(value: unknown, names: ReadonlySet<string>): boolean {
  const name = typeName(value);
  return names.has(name) || (names.has("number") && NUMBERS.has(name));
}

function considered(value: unknown): Document {
  return { consideredValue: value };
}

function numberOf(keyword: string, value: unknown): number {
  if (numericKind(value) === undefined) throw mistyped(keyword, "a number");
  return toDouble(value as Numeric);
}

function countOf(keyword: string, value: unknown): number {
  const number = numberOf(keyword, value);
  if (!Number.isInteger(number) || number < 0) throw broken(`$jsonSchema keyword '${keyword}' must be a non-negative integer`);
  return number;
}

function stringsOf(keyword: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw mistyped(keyword, "an array");
  if (value.length === 0) throw broken(`$jsonSchema keyword '${keyword}' cannot be an empty array`);
  if (value.some((item) => typeof item !== "string")) throw mistyped(keyword, "an array of strings");
  if (new Set(value).size < value.length) throw broken(`$jsonSchema keyword '${keyword}' array cannot contain duplicate values`);
  return value as string[];
}

function schemasOf(keyword: string, value: unknown): Compiled[] {
  if (!Array.isArray(value)) throw mistyped(keyword, "an array");
  if (value.length === 0) throw broken(`$jsonSchema keyword '${keyword}' must be a non-empty array`);
  return value.map((item) => compile(item, keyword));
}

/** A check for values of one kind; it says nothing about others. */
function on<T>(
  isKind: (value: unknown) => value is T,
  keyword: string,
  specified: unknown,
  reason: string,
  holds: (value: T) => boolean,
): Check {
  return (value) =>
    !isKind(value) || holds(value)
      ? undefined
      : { operatorName: keyword, specifiedAs: { [keyword]: specified }, reason, ...considered(value) };
}

const isNumeric = (value: unknown): value is Numeric => numericKind(value) !== undefined;
const isText = (value: unknown): value is string => typeof value === "string";
const isList = (value: unknown): value is unknown[] => Array.isArray(value);

type Compiled = { readonly checks: readonly Check[]; readonly description: Document };
type Reader = (argument: unknown, schema: Document) => Check | undefined;

const NOTED = new Set(["title", "description"]);
const REFUSED = new Set(["$ref", "$schema", "default", "definitions", "format", "id"]);

function types(keyword: "type" | "bsonType", argument: unknown): Check {
  let names: ReadonlySet<string>;
  if (keyword === "bsonType") names = parseTypes(argument);
  else {
    const list = Array.isArray(argument) ? (argument as unknown[]) : [argument];
    names = new Set(
      list.map((item) => {
        if (typeof item !== "string") throw mistyped("type", "either a string or an array of strings");
        if (item === "integer") throw broken("$jsonSchema type 'integer' is not currently supported.");
        const name = JSON_TYPES[item];
        if (name === undefined) throw new CommandFailure("BadValue", `Unknown type name alias: ${item}`);
        return name;
      }),
    );
  }
  return (value) =>
    value === undefined || isOf(value, names)
      ? undefined
      : {
          operatorName: keyword,
          specifiedAs: { [keyword]: argument },
          reason: "type did not match",
          ...considered(value),
          consideredType: typeName(value),
        };
}

function bound(keyword: "minimum" | "maximum", argument: unknown, schema: Document): Check {
  const edge = numberOf(keyword, argument);
  const other = keyword === "minimum" ? "exclusiveMinimum" : "exclusiveMaximum";
  const isExclusive = schema[other] === true;
  return on(isNumeric, keyword, argument, "comparison failed", (value) => {
    const number = toDouble(value);
    if (keyword === "minimum") return isExclusive ? number > edge : number >= edge;
    return isExclusive ? number < edge : number <= edge;
  });
}

const READERS: Readonly<Record<string, Reader>> = {
  type: (argument) => types("type", argument),
  bsonType: (argument) => types("bsonType", argument),
  enum: (argument) => {
    if (!Array.isArray(argument)) throw mistyped("enum", "an array");
    if (argument.length === 0) throw broken("$jsonSchema keyword 'enum' cannot be an empty array");
    const keys = new Set(argument.map((item) => keyOf(item).toString("latin1")));
    return (value) =>
      value === undefined || keys.has(keyOf(value).toString("latin1"))
        ? undefined
        : { operatorName: "enum", specifiedAs: { enum: argument }, reason: "value was not found in enum", ...considered(value) };
  },
  minimum: (argument, schema) => bound("minimum", argument, schema),
  maximum: (argument, schema) => bound("maximum", argument, schema),
  exclusiveMinimum: (argument, schema) => exclusive("exclusiveMinimum", "minimum", argument, schema),
  exclusiveMaximum: (argument, schema) => exclusive("exclusiveMaximum", "maximum", argument, schema),
  multipleOf: (argument) => {
    const step = numberOf("multipleOf", argument);
    if (step <= 0) throw broken("$jsonSchema keyword 'multipleOf' must have a positive value");
    return on(
      isNumeric,
      "multipleOf",
      argument,
      "considered value is not a multiple of the specified value",
      (value) => toDouble(value) % step === 0,
    );
  },
  minLength: (argument) => lengthCheck("minLength", argument, (length, count) => length >= count),
  maxLength: (argument) => lengthCheck("maxLength", argument, (length, count) => length <= count),
  pattern: (argument) => {
    if (typeof argument !== "string") throw mistyped("pattern", "a string");
    const pattern = new RegExp(argument, "u");
    return on(isText, "pattern", argument, "regular expression did not match", (value) => pattern.test(value));
  },
  minItems: (argument) => {
    const count = countOf("minItems", argument);
    return on(isList, "minItems", argument, "array did not match specified length", (value) => value.length >= count);
  },
  maxItems: (argument) => {
    const count = countOf("maxItems", argument);
    return on(isList, "maxItems", argument, "array did not match specified length", (value) => value.length <= count);
  },
  uniqueItems: (argument) => {
    if (typeof argument !== "boolean") throw mistyped("uniqueItems", "a boolean");
    if (!argument) return undefined;
    return on(
      isList,
      "uniqueItems",
      argument,
      "found a duplicate item",
      (value) => new Set(value.map((item) => keyOf(item).toString("latin1"))).size === value.length,
    );
  },
  items: (argument, schema) => itemsCheck(argument, schema.additionalItems),
  additionalItems: () => undefined,
  required: (argument) => {
    const names = stringsOf("required", argument);
    return (value) => {
      if (!isPlain(value)) return undefined;
      const missingProperties = names.filter((name) => !Object.hasOwn(value, name)).sort();
      return missingProperties.length > 0
        ? { operatorName: "required", specifiedAs: { required: argument }, missingProperties }
        : undefined;
    };
  },
  properties: (argument) => {
    if (!isPlain(argument)) throw mistyped("properties", "an object");
    const properties = Object.entries(argument).map(([name, schema]) => ({ name, schema: compile(schema, "properties") }));
    return (value) => {
      if (!isPlain(value)) return undefined;
      const propertiesNotSatisfied = properties.flatMap(({ name, schema }) => {
        const details = Object.hasOwn(value, name) ? faults(schema, value[name]) : [];
        return details.length > 0 ? [{ propertyName: name, ...schema.description, details }] : [];
      });
      return propertiesNotSatisfied.length > 0 ? { operatorName: "properties", propertiesNotSatisfied } : undefined;
    };
  },
  patternProperties: (argument) => {
    if (!isPlain(argument)) throw mistyped("patternProperties", "an object");
    const patterns = Object.entries(argument).map(([text, schema]) => ({
      text,
      pattern: new RegExp(text, "u"),
      schema: compile(schema, "patternProperties"),
    }));
    return (value) => {
      if (!isPlain(value)) return undefined;
      const details = patterns.flatMap(({ text, pattern, schema }) =>
        Object.entries(value).flatMap(([name, inner]) => {
          const wrong = pattern.test(name) ? faults(schema, inner) : [];
          return wrong.length > 0 ? [{ propertyName: name, regexMatched: text, ...schema.description, details: wrong }] : [];
        }),
      );
      return details.length > 0 ? { operatorName: "patternProperties", details } : undefined;
    };
  },
  additionalProperties: (argument, schema) => additionalCheck(argument, schema),
  minProperties: (argument) => {
    const count = countOf("minProperties", argument);
    return on(
      isPlain,
      "minProperties",
      argument,
      "specified number of properties was not satisfied",
      (value) => Object.keys(value).length >= count,
    );
  },
  maxProperties: (argument) => {
    const count = countOf("maxProperties", argument);
    return on(
      isPlain,
      "maxProperties",
      argument,
      "specified number of properties was not satisfied",
      (value) => Object.keys(value).length <= count,
    );
  },
  dependencies: (argument) => {
    if (!isPlain(argument)) throw mistyped("dependencies", "an object");
    const rules = Object.entries(argument).map(
      ([name, rule]): { readonly name: string; readonly names: readonly string[]; readonly schema: Compiled | undefined } =>
        Array.isArray(rule)
          ? { name, names: stringsOf("dependencies", rule), schema: undefined }
          : { name, names: [], schema: compile(rule, "dependencies") },
    );
    return (value) => {
      if (!isPlain(value)) return undefined;
      const failing = rules.flatMap(({ name, names, schema }): Document[] => {
        if (!Object.hasOwn(value, name)) return [];
        const missingProperties = names.filter((one) => !Object.hasOwn(value, one));
        const details = schema ? faults(schema, value) : [];
        if (missingProperties.length > 0) return [{ conditionalProperty: name, missingProperties }];
        return details.length > 0 ? [{ conditionalProperty: name, details }] : [];
      });
      return failing.length > 0 ? { operatorName: "dependencies", failingDependencies: failing } : undefined;
    };
  },
  allOf: (argument) => {
    const schemas = schemasOf("allOf", argument);
    return (value) => {
      const schemasNotSatisfied = notSatisfied(schemas, value);
      return schemasNotSatisfied.length > 0 ? { operatorName: "allOf", schemasNotSatisfied } : undefined;
    };
  },
  anyOf: (argument) => {
    const schemas = schemasOf("anyOf", argument);
    return (value) => {
      const schemasNotSatisfied = notSatisfied(schemas, value);
      return schemasNotSatisfied.length === schemas.length ? { operatorName: "anyOf", schemasNotSatisfied } : undefined;
    };
  },
  oneOf: (argument) => {
    const schemas = schemasOf("oneOf", argument);
    return (value) => {
      const schemasNotSatisfied = notSatisfied(schemas, value);
      const holding = schemas.length - schemasNotSatisfied.length;
      if (holding === 1) return undefined;
      return holding === 0
        ? { operatorName: "oneOf", schemasNotSatisfied }
        : {
            operatorName: "oneOf",
            reason: "more than one subschema matched",
            matchingSchemaIndexes: schemas.flatMap((one, i) => (faults(one, value).length === 0 ? [i] : [])),
          };
    };
  },
  not: (argument) => {
    const schema = compile(argument, "not");
    return (value) => (faults(schema, value).length === 0 ? { operatorName: "not", reason: "child expression matched" } : undefined);
  },
};

function exclusive(keyword: string, needs: string, argument: unknown, schema: Document): undefined {
  if (typeof argument !== "boolean") throw mistyped(keyword, "a boolean");
  if (!(needs in schema)) throw broken(`$jsonSchema keyword '${needs}' must be a present if ${keyword} is present`);
  return undefined;
}

function lengthCheck(keyword: "minLength" | "maxLength", argument: unknown, holds: (length: number, count: number) => boolean): Check {
  const count = countOf(keyword, argument);
  return on(isText, keyword, argument, "specified string length was not satisfied", (value) => holds([...value].length, count));
}

function itemsCheck(argument: unknown, additional: unknown): Check {
  const each = Array.isArray(argument) ? undefined : compile(argument, "items");
  const byPlace = Array.isArray(argument) ? argument.map((item) => compile(item, "items")) : [];
  const rest =
    additional === undefined || additional === true || each
      ? undefined
      : additional === false
        ? false
        : compile(additional, "additionalItems");
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    for (const [itemIndex, item] of value.entries()) {
      const schema = each ?? byPlace[itemIndex] ?? rest;
      if (schema === undefined) continue;
      if (schema === false)
        return {
          operatorName: "additionalItems",
          specifiedAs: { additionalItems: false },
          reason: "found additional items",
          additionalItems: value.slice(byPlace.length),
        };
      const details = faults(schema, item);
      if (details.length > 0)
        return { operatorName: "items", reason: "At least one item did not match the sub-schema", itemIndex, details };
    }
    return undefined;
  };
}

function additionalCheck(argument: unknown, schema: Document): Check | undefined {
  if (typeof argument !== "boolean" && !isPlain(argument)) throw mistyped("additionalProperties", "an object or a boolean");
  if (argument === true) return undefined;
  const named = new Set(Object.keys((schema.properties ?? {}) as Document));
  const patterns = Object.keys((schema.patternProperties ?? {}) as Document).map((text) => new RegExp(text, "u"));
  const rest = argument === false ? undefined : compile(argument, "additionalProperties");
  return (value) => {
    if (!isPlain(value)) return undefined;
    const additionalProperties = Object.keys(value).filter((name) => !named.has(name) && !patterns.some((pattern) => pattern.test(name)));
    if (rest === undefined)
      return additionalProperties.length > 0
        ? { operatorName: "additionalProperties", specifiedAs: { additionalProperties: false }, additionalProperties }
        : undefined;
    for (const failingProperty of additionalProperties) {
      const details = faults(rest, value[failingProperty]);
      if (details.length > 0)
        return {
          operatorName: "additionalProperties",
          reason: "at least one additional property did not match the subschema",
          failingProperty,
          details,
        };
    }
    return undefined;
  };
}

function notSatisfied(schemas: readonly Compiled[], value: unknown): Document[] {
  return schemas.flatMap((schema, index) => {
    const details = faults(schema, value);
    return details.length > 0 ? [{ index, details }] : [];
  });
}

function faults(schema: Compiled, value: unknown): Document[] {
  return schema.checks.flatMap((check) => check(value) ?? []);
}

function compile(schema: unknown, where: string): Compiled {
  if (!isPlain(schema)) throw mistyped(where, "an object");
  if ("type" in schema && "bsonType" in schema) throw broken("Cannot specify both $jsonSchema keywords 'type' and 'bsonType'");
  const description: Document = {};
  const checks: Check[] = [];
  for (const [keyword, argument] of Object.entries(schema)) {
    if (NOTED.has(keyword)) {
      if (typeof argument !== "string") throw mistyped(keyword, "of type string");
      description[keyword] = argument;
      continue;
    }
    if (REFUSED.has(keyword)) throw broken(`$jsonSchema keyword '${keyword}' is not currently supported`);
    const reader = Object.hasOwn(READERS, keyword) ? READERS[keyword] : undefined;
    if (!reader) throw broken(`Unknown $jsonSchema keyword: ${keyword}`);
    const check = reader(argument, schema);
    if (check) checks.push(check);
  }
  return { checks, description };
}

/** Reads a $jsonSchema (JSON Schema draft 4 as MongoDB has it, with bsonType). Throws FailedToParse or TypeMismatch for what it does not know. */
export function compileSchema(schema: Document): Schema {
  const compiled = compile(schema, "$jsonSchema");
  return {
    matches: (document) => compiled.checks.every((check) => check(document) === undefined),
    explain: (document) => faults(compiled, document),
  };
}
