import type { Document } from "bson";
import { decodeTyped } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import { compileSchema, type Schema } from "../query/json-schema.ts";
import { compileFilter, type Matcher } from "../query/matcher.ts";
import { isPlain } from "../query/predicates.ts";
import { typeName } from "../query/value-types.ts";
import type { Collection } from "../storage/collection.ts";

const LEVELS = ["off", "strict", "moderate"];
const ACTIONS = ["error", "warn", "errorAndLog"];

/** The validator's part of create and collMod, checked; the fields as the catalog keeps them. */
export function readValidator(body: Document): Document {
  const { validator, validationLevel, validationAction } = body;
  if (validator !== undefined && !isPlain(validator))
    throw new CommandFailure("TypeMismatch", "BSON field 'validator' is the wrong type, expected type 'object'");
  if (isPlain(validator)) {
    for (const name of ["$near", "$nearSphere", "$geoNear", "$text", "$where"])
      if (name in validator) throw new CommandFailure("BadValue", `${name} is not allowed in collection validators`);
    compileFilter(validator);
  }
  if (validationLevel !== undefined && !LEVELS.includes(validationLevel as string))
    throw new CommandFailure(
      "BadValue",
      `Enumeration value '${String(validationLevel)}' for field 'validationLevel' is not a valid value.`,
    );
  if (validationAction !== undefined && !ACTIONS.includes(validationAction as string))
    throw new CommandFailure(
      "BadValue",
      `Enumeration value '${String(validationAction)}' for field 'validationAction' is not a valid value.`,
    );
  return Object.fromEntries(
    Object.entries({ validator, validationLevel, validationAction } as Document).filter(([, value]) => value !== undefined),
  );
}

type Validator = { readonly filter: Document; readonly matcher: Matcher; readonly schema: Schema | undefined };

const compiled = new WeakMap<Document, Validator | undefined>();

function validatorOf(collection: Collection): Validator | undefined {
  const filter = collection.options.validator as Document | undefined;
  if (filter === undefined || collection.options.validationLevel === "off") return undefined;
  if (!compiled.has(filter)) {
    const matcher = compileFilter(filter);
    const schema = isPlain(filter.$jsonSchema) && Object.keys(filter).length === 1 ? compileSchema(filter.$jsonSchema) : undefined;
    compiled.set(filter, matcher && { filter, matcher, schema });
  }
  return compiled.get(filter);
}

/** Throws DocumentValidationFailure, with errInfo, for a document that the collection's validator refuses. `before` is what the write replaces. */
export function checkValid(collection: Collection, document: Buffer, bypass: boolean, before?: Buffer): void {
  if (bypass || collection.options.validator === undefined) return;
  const validator = validatorOf(collection);
  if (!validator || collection.options.validationAction === "warn" || validator.matcher.matches(document)) return;
  if (before && collection.options.validationLevel === "moderate" && !validator.matcher.matches(before)) return;
  const typed = decodeTyped(document);
  const details = validator.schema
    ? { operatorName: "$jsonSchema", schemaRulesNotSatisfied: validator.schema.explain(typed) }
    : explain(validator.filter, typed);
  throw new CommandFailure("DocumentValidationFailure", "Document failed validation", {
    errInfo: { failingDocumentId: typed._id as unknown, details },
  });
}

const REASONS: Readonly<Record<string, string>> = {
  $type: "type did not match",
  $exists: "path does not exist",
  $in: "no matching value found in array",
  $nin: "matching value found in array",
  $regex: "regular expression did not match",
  $mod: "$mod did not evaluate to expected remainder",
  $size: "array length was not equal to given size",
  $elemMatch: "array did not satisfy the child predicate",
};

/** Which clauses of a query a document fails, in the form of MongoDB's errInfo.details. */
function explain(filter: Document, document: Document): Document {
  const clauses = Object.entries(filter).flatMap(([name, condition]): Document[] => {
    if (!isPlain(condition) || !Object.keys(condition)[0]?.startsWith("$")) return [{ [name]: condition as unknown }];
    return Object.entries(condition).map(([operator, value]) => ({ [name]: { [operator]: value } }));
  });
  const failing = clauses.flatMap((clause, index) =>
    compileFilter(clause)?.matchesDecoded(document) === false ? [{ index, details: fault(clause, document) }] : [],
  );
  return clauses.length === 1 && failing[0] ? failing[0].details : { operatorName: "$and", clausesNotSatisfied: failing };
}

function fault(clause: Document, document: Document): Document {
  const [name, condition] = Object.entries(clause)[0] as [string, unknown];
  if (name === "$and" || name === "$or") {
    const clausesNotSatisfied = (condition as Document[]).flatMap((part, index) => {
      const holds = compileFilter(part)?.matchesDecoded(document) ?? true;
      return holds ? [] : [{ index, details: explain(part, document) }];
    });
    return { operatorName: name, clausesNotSatisfied };
  }
  if (name === "$jsonSchema")
    return { operatorName: name, schemaRulesNotSatisfied: compileSchema(condition as Document).explain(document) };
  if (name.startsWith("$"))
    return { operatorName: name, specifiedAs: clause, reason: name === "$expr" ? "expression did not match" : "child expression matched" };
  const operator = isPlain(condition) ? (Object.keys(condition)[0] ?? "$eq") : "$eq";
  const value = name.split(".").reduce<unknown>((at, part) => (isPlain(at) ? at[part] : undefined), document);
  const reason = value === undefined && operator !== "$exists" ? "field was missing" : (REASONS[operator] ?? "comparison failed");
  return {
    operatorName: operator,
    specifiedAs: clause,
    reason,
    ...(value === undefined ? {} : { consideredValue: value }),
    ...(operator === "$type" && value !== undefined ? { consideredType: typeName(value) } : {}),
  };
}
