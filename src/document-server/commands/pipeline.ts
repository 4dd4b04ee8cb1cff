import type { Document } from "bson";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type MatchOptions } from "../query/matcher.ts";
import { checkExpressionOf, mingo } from "../query/mingo-context.ts";
import { isPlain } from "../query/predicates.ts";
import { numericKind, toDouble, type Numeric } from "../bson/arithmetic.ts";
import { isSystemStage } from "./system-stages.ts";
import { textOf } from "../bson/shown.ts";

/** Checks the stages of a pipeline before anything runs: their names, their places, and what can be told of their arguments. */
export function checkPipeline(pipeline: unknown, match: MatchOptions = {}): Document[] {
  if (!Array.isArray(pipeline)) throw new CommandFailure("TypeMismatch", "'pipeline' option must be specified as an array");
  for (const [i, stage] of (pipeline as unknown[]).entries()) {
    if (!isPlain(stage)) throw new CommandFailure("TypeMismatch", "Each element of the 'pipeline' array must be an object");
    if (Object.keys(stage).length !== 1)
      throw new CommandFailure("Location40323", "A pipeline stage specification object must contain exactly one field.");
    const name = Object.keys(stage)[0] as string;
    if ((name === "$out" || name === "$merge") && i !== pipeline.length - 1)
      throw new CommandFailure("Location40601", `${name} can only be the final stage in the pipeline`);
    if (name === "$changeStream") throw new CommandFailure("Location40573", "The $changeStream stage is only supported on replica sets");
    if (isSystemStage(name) || name === "$documents") {
      if (i === 0) continue;
      throw new CommandFailure("Location40602", `${name} is only valid as the first stage in a pipeline.`);
    }
    if (!mingo().options.context.getOperator("pipeline" as never, name))
      throw new CommandFailure("Location40324", `Unrecognized pipeline stage name: '${name}'`);
    checkStage(name, stage[name], match);
  }
  return pipeline as Document[];
}

function wholeNumber(name: string, value: unknown, code: "Location5107200" | "Location5107201"): number {
  if (numericKind(value) === undefined || !Number.isInteger(toDouble(value as Numeric)))
    throw new CommandFailure(code, `invalid argument to ${name} stage: Expected an integer: ${name}: ${textOf(value)}`);
  return toDouble(value as Numeric);
}

function checkStage(name: string, argument: unknown, match: MatchOptions): void {
  switch (name) {
    case "$match":
      if (!isPlain(argument)) throw new CommandFailure("Location15959", "the match filter must be an expression in an object");
      compileFilter(argument, match);
      return;
    case "$limit": {
      const limit = wholeNumber(name, argument, "Location5107201");
      if (limit < 0)
        throw new CommandFailure(
          "Location5107201",
          `invalid argument to $limit stage: Expected a non-negative number in: $limit: ${limit}`,
        );
      if (limit === 0) throw new CommandFailure("Location15958", "the limit must be positive");
      return;
    }
    case "$skip":
      if (wholeNumber(name, argument, "Location5107200") < 0)
        throw new CommandFailure(
          "Location5107200",
          `invalid argument to $skip stage: Expected a non-negative number in: $skip: ${String(argument)}`,
        );
      return;
    case "$sort":
      if (!isPlain(argument)) throw new CommandFailure("Location15973", "the $sort key specification must be an object");
      if (Object.keys(argument).length === 0) throw new CommandFailure("Location15976", "$sort stage must have at least one sort key");
      return;
    case "$group":
      if (!isPlain(argument)) throw new CommandFailure("Location15947", "a group's fields must be specified in an object");
      if (!("_id" in argument)) throw new CommandFailure("Location15955", "a group specification must include an _id");
      return;
    case "$project":
      if (!isPlain(argument)) throw new CommandFailure("Location15969", "$project specification must be an object");
      if (Object.keys(argument).length === 0)
        throw new CommandFailure("Location51272", "Invalid $project :: caused by :: projection specification must have at least one field");
      checkExpressionOf(argument, match);
      return;
    case "$addFields":
    case "$set":
      if (!isPlain(argument)) throw new CommandFailure("Location40272", `${name} specification stage must be an object`);
      checkExpressionOf(argument, match);
      return;
    case "$replaceRoot":
    case "$replaceWith":
      checkExpressionOf(name === "$replaceRoot" ? (argument as Document | null)?.newRoot : argument, match);
      return;
    case "$unwind":
      checkUnwind(argument);
      return;
    case "$count":
      if (typeof argument !== "string" || argument === "")
        throw new CommandFailure("Location40156", "the count field must be a non-empty string");
      if (argument.startsWith("$")) throw new CommandFailure("Location40158", "the count field cannot be a $-prefixed path");
      if (argument.includes(".")) throw new CommandFailure("Location40160", "the count field cannot contain '.'");
      return;
    case "$facet":
      if (!isPlain(argument) || Object.keys(argument).length === 0)
        throw new CommandFailure("Location40169", "the $facet specification must be a non-empty object");
      for (const inner of Object.values(argument)) {
        for (const stage of checkPipeline(inner, match)) {
          const forbidden = ["$out", "$merge", "$facet", "$geoNear", "$indexStats", "$collStats"].find((one) => one in stage);
          if (forbidden) throw new CommandFailure("Location40600", `${forbidden} is not allowed to be used within a $facet stage`);
        }
      }
  }
}

function checkUnwind(argument: unknown): void {
  const path = isPlain(argument) ? argument.path : argument;
  if (path === undefined || path === null) throw new CommandFailure("Location28812", "no path specified to $unwind stage");
  if (typeof path !== "string") throw new CommandFailure("Location28808", "expected a string as the path for $unwind stage");
  if (!path.startsWith("$"))
    throw new CommandFailure("Location28818", `path option to $unwind stage should be prefixed with a '$': ${path}`);
}
