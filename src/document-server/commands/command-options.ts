import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { parseCollation } from "../query/collation.ts";
import type { MatchOptions } from "../query/matcher.ts";
import { checkExpressionOf, mingo } from "../query/mingo-context.ts";
import { asCommandFailure } from "../query/mingo-failure.ts";
import { isPlain } from "../query/predicates.ts";

/** The `let` of a command: names to values, each a constant expression. */
function readVariables(given: unknown): Document | undefined {
  if (given === undefined || given === null) return undefined;
  if (!isPlain(given)) throw new CommandFailure("TypeMismatch", "BSON field 'let' is the wrong type, expected type 'object'");
  for (const name of Object.keys(given))
    if (!/^[a-z\u0080-\uffff][\w\u0080-\uffff]*$/i.test(name) || /^[A-Z]/.test(name))
      throw new CommandFailure("FailedToParse", `'${name}' starts with an invalid character for a user variable name`);
  const { evaluate, options } = mingo();
  return asCommandFailure(() => Object.fromEntries(Object.entries(given).map(([name, expression]) => [name, constant(expression)])));
  function constant(expression: unknown): unknown {
    checkExpressionOf(expression, {});
    return evaluate({}, expression as never, options) as unknown;
  }
}

/** What a command says about matching: its `let` and its collation. */
export function readMatchOptions(body: Document, collation: unknown = body.collation): MatchOptions {
  if (body.let === undefined && collation === undefined) return {};
  return { variables: readVariables(body.let), collation: parseCollation(collation) };
}

/** The same variables with another collation: one operation of a bulk. */
export function withCollation(match: MatchOptions, collation: unknown): MatchOptions {
  return collation === undefined ? match : { ...match, collation: parseCollation(collation) };
}
