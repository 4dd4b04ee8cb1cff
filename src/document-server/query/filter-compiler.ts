import type { Document } from "bson";
import { decodeDocument, decodeTyped, encodeDocument } from "../bson/values.ts";
import { CommandFailure } from "../failure.ts";
import type { Collation } from "./collation.ts";
import { compileSchema } from "./json-schema.ts";
import { fieldPredicate, isPlain, type Predicate, type QueryRules } from "./predicates.ts";

/** Tells whether a stored document matches a filter. */
export type Matcher = {
  readonly matches: (document: Buffer) => boolean;
  readonly matchesDecoded: (document: Document) => boolean;
};

/** What a filter may refer to: the command's `let`, and the order of text it asked for. */
export type MatchOptions = { readonly variables?: Document | undefined; readonly collation?: Collation | undefined };

/** How the expression of an $expr becomes a test of documents with plain numbers. */
export type ExpressionCompiler = (expression: unknown, options: MatchOptions) => (document: Document) => boolean;

/** Compiles a filter; undefined for the empty one. Throws BadValue for operators that do not exist. */
export function compileWith(filter: Document, options: MatchOptions, compileExpr: ExpressionCompiler): Matcher | undefined {
  const names = Object.keys(filter);
  if (names.length === 0 || (names.length === 1 && names[0] === "$comment")) return undefined;
  const isTyped = dependsOnTypes(filter);
  const compile = (part: Document): Predicate => compileDocument(part, rules);
  const rules: QueryRules & Rules = { collation: options.collation, compile, options, isTyped, compileExpr };
  const matchesDecoded = compile(filter);
  const decode = isTyped ? decodeTyped : decodeDocument;
  return { matches: (document) => matchesDecoded(decode(document)), matchesDecoded };
}

type Rules = { readonly options: MatchOptions; readonly isTyped: boolean; readonly compileExpr: ExpressionCompiler };

/** Whether an answer depends on which of BSON's number types a value has: documents are decoded with them then. */
function dependsOnTypes(filter: unknown): boolean {
  if (Array.isArray(filter)) return filter.some(dependsOnTypes);
  if (!isPlain(filter)) return false;
  return Object.entries(filter).some(
    ([name, value]) => name === "$type" || name === "$jsonSchema" || (name !== "$expr" && dependsOnTypes(value)),
  );
}

function compileDocument(filter: Document, rules: QueryRules & Rules): Predicate {
  const predicates = Object.entries(filter).flatMap(([name, condition]) => {
    if (!name.startsWith("$")) return [fieldPredicate(name, condition, rules)];
    const predicate = compileTopLevel(name, condition, rules);
    return predicate ? [predicate] : [];
  });
  if (predicates.length === 1) return predicates[0] as Predicate;
  return (document) => predicates.every((predicate) => predicate(document));
}

function compileTopLevel(name: string, condition: unknown, rules: QueryRules & Rules): Predicate | undefined {
  switch (name) {
    case "$and":
    case "$or":
    case "$nor":
      return compileClauses(name, condition, rules);
    case "$comment":
      return undefined;
    case "$expr":
      return compileExpression(condition, rules);
    case "$jsonSchema":
      if (!isPlain(condition)) throw new CommandFailure("TypeMismatch", "$jsonSchema must be an object");
      return compileSchema(condition).matches;
    case "$alwaysTrue":
      return () => true;
    case "$alwaysFalse":
      return () => false;
    case "$sampleRate": {
      if (typeof condition !== "number" || condition < 0 || condition > 1)
        throw new CommandFailure("BadValue", "numeric argument to $sampleRate must be in [0, 1]");
      return () => Math.random() < condition;
    }
    case "$where":
    case "$text":
      throw new CommandFailure("BadValue", `${name} is not offered by this development server`);
    default:
      throw new CommandFailure(
        "BadValue",
        `unknown top level operator: ${name}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`,
      );
  }
}

function compileClauses(name: "$and" | "$or" | "$nor", clauses: unknown, rules: QueryRules & Rules): Predicate {
  if (!Array.isArray(clauses)) throw new CommandFailure("BadValue", `${name} must be an array`);
  if (clauses.length === 0) throw new CommandFailure("BadValue", `${name} argument must be a non-empty array`);
  const parts = (clauses as unknown[]).map((clause) => {
    if (!isPlain(clause)) throw new CommandFailure("BadValue", `${name} argument's entries must be objects`);
    return compileDocument(clause, rules);
  });
  if (name === "$and") return (document) => parts.every((part) => part(document));
  const isAny = name === "$or";
  return (document) => parts.some((part) => part(document)) === isAny;
}

function compileExpression(expression: unknown, { options, isTyped, compileExpr }: Rules): Predicate {
  const test = compileExpr(expression, options);
  return (document) => test(isTyped ? decodeDocument(encodeDocument(document as Document)) : (document as Document));
}
