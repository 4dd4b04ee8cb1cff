import { builtinFunctions } from "../functions/registry.ts";
import type { FunctionEntry } from "../functions/function-entry.ts";
import { lambdaVariable } from "../functions/lambda.ts";
import type { DataType, StructType } from "../types/data-type.ts";
import { fieldOrdinals } from "../types/schema.ts";
import { simpleString, sqlTypeName } from "../types/type-text.ts";
import { AnalysisError, datatypeMismatch, unresolvedColumn, unresolvedField, unresolvedRoutine } from "./analysis-error.ts";
import { castAllowed, castRefusal } from "./cast-rules.ts";
import { castMayBeNull, castTo, commonTypeOf, literal } from "./coerce.ts";
import { expressionText } from "./expression-text.ts";
import type { Expression } from "./expression.ts";
import { literalValue } from "./literal-value.ts";
import type { ExpressionSettings, Resolved } from "./resolved.ts";

/** What names mean during one resolution. */
export interface ResolveScope {
  readonly input: StructType;
  readonly settings: ExpressionSettings;
  /** The scalar functions by lower-case name; the built-in ones when absent. */
  readonly functions?: ReadonlyMap<string, FunctionEntry>;
  /** The parameters of the lambdas around the expression, by name. */
  readonly variables?: ReadonlyMap<string, Resolved>;
  /** How many lambdas are around it. */
  readonly lambdaDepth?: number;
  /** Whether the input is a stream, where that is known. */
  readonly streaming?: boolean;
  /** Gives each random function of a query a seed of its own; 0 when absent. */
  readonly seeds?: { next(): number };
  /** Looked at before anything else: gives the meaning of a sub-expression that the caller knows better (aggregate results, grouping keys). */
  readonly intercept?: (expression: Expression) => Resolved | undefined;
}

/**
 * Gives every name of an expression its meaning: columns become ordinals of `input` (names without case), functions their entries, implicit casts
 * explicit nodes, types known everywhere. Throws AnalysisError with Spark's error class.
 */
export function resolveExpression(expression: Expression, input: StructType, settings: ExpressionSettings): Resolved {
  return resolveIn(expression, { input, settings });
}

/** The same with functions of the user's own, or with sub-expressions that the caller resolves. */
export function resolveIn(expression: Expression, scope: ResolveScope): Resolved {
  const known = scope.intercept?.(expression);
  if (known) return known;
  switch (expression.kind) {
    case "column":
      return resolvePath(expression.path, scope);
    case "literal":
      return literal(literalValue(expression.value, expression.dataType), expression.dataType);
    case "cast":
      return resolveCast(expression, scope);
    case "case":
      return resolveCase(expression, scope);
    case "over":
      if (scope.streaming === false)
        throw new AnalysisError("UNSUPPORTED_FEATURE", {
          failed: `Window functions (OVER) are not supported: ${expressionText(expression)}`,
          found: `${expression.fn} over rows of a table`,
          remedy: "Aggregate by the key and join the result with the table; Spark itself answers it on tables.",
        });
      throw new AnalysisError("NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING", {
        failed: `Window function is not supported in ${expressionText(expression)} on streaming DataFrames/Datasets`,
        found: `${expression.fn} over rows`,
        remedy: "Structured Streaming only supports time-window aggregation using the window and session_window functions.",
      });
    case "variable":
      return resolveVariable(expression.name, scope);
    case "lambda":
      throw misplacedLambda(expressionText(expression));
    case "call":
      return resolveCall(expression, scope);
  }
}

/** A condition: must be boolean. */
export function resolveCondition(expression: Expression, scope: ResolveScope): Resolved {
  return requireCondition(resolveIn(expression, scope), expression);
}

/** The same for what is resolved already; a null is a condition. */
export function requireCondition(resolved: Resolved, expression: Expression): Resolved {
  if (resolved.dataType.type === "null") return literal(null, { type: "boolean" });
  if (resolved.dataType.type !== "boolean") {
    throw datatypeMismatch(
      "FILTER_NOT_BOOLEAN",
      expressionText(expression),
      `the filter expression is of type "${sqlTypeName(resolved.dataType)}"`,
      "A condition must be of type BOOLEAN: compare the value with something.",
    );
  }
  return resolved;
}

function resolvePath(path: readonly string[], scope: ResolveScope): Resolved {
  const [first = "", ...rest] = path;
  const ordinals = fieldOrdinals(scope.input, first);
  const ordinal = ordinals[0];
  const column = ordinal === undefined ? undefined : scope.input.fields[ordinal];
  if (ordinal === undefined || column === undefined) {
    throw unresolvedColumn(
      path.join("."),
      scope.input.fields.map((one) => one.name),
    );
  }
  if (ordinals.length > 1) {
    throw new AnalysisError("AMBIGUOUS_REFERENCE", {
      failed: `Reference \`${first}\` is ambiguous`,
      found: `${ordinals.length} columns have that name`,
      remedy: "Give the columns different names before they meet.",
    });
  }
  let resolved: Resolved = { kind: "field", ordinal, name: column.name, dataType: column.dataType, nullable: column.nullable };
  for (const name of rest) resolved = fieldOf(resolved, name, scope);
  return resolved;
}

/** `input.name`: a field of a struct, the value under a key of a map, the field of every struct of an array. */
export function fieldOf(input: Resolved, name: string, scope: ResolveScope): Resolved {
  const type = input.dataType;
  if (type.type === "struct") {
    const ordinal = fieldOrdinals(type, name)[0];
    const field = ordinal === undefined ? undefined : type.fields[ordinal];
    if (ordinal === undefined || field === undefined) {
      throw unresolvedField(
        name,
        type.fields.map((one) => one.name),
      );
    }
    return { kind: "getField", input, ordinal, name: field.name, dataType: field.dataType, nullable: input.nullable || field.nullable };
  }
  if (type.type === "map" || (type.type === "array" && type.element.type === "struct")) {
    return callEntry("getitem", [input, literal(name, { type: "string" })], scope);
  }
  throw new AnalysisError("INVALID_EXTRACT_BASE_FIELD_TYPE", {
    failed: `Can't extract the field \`${name}\``,
    found: `the value before it is of type "${sqlTypeName(type)}"`,
    remedy: "Only structs, maps and arrays of structs have fields.",
  });
}

function callEntry(name: string, args: readonly Resolved[], scope: ResolveScope): Resolved {
  const entry = (scope.functions ?? builtinFunctions).get(name) ?? builtinFunctions.get(name);
  if (entry === undefined) throw unresolvedRoutine(name, [...(scope.functions ?? builtinFunctions).keys()]);
  const { args: resolvedArgs, dataType, nullable, options } = entry.resolve(args, {}, scope.settings);
  return { kind: "call", entry, args: resolvedArgs, options: options ?? {}, dataType, nullable };
}

function resolveCall(expression: Extract<Expression, { kind: "call" }>, scope: ResolveScope): Resolved {
  const name = expression.fn.toLowerCase();
  if (name === "field") {
    const [input, field] = expression.args;
    if (input === undefined || field?.kind !== "literal" || typeof field.value !== "string") throw unresolvedRoutine("field", []);
    return fieldOf(resolveIn(input, scope), field.value, scope);
  }
  const functions = scope.functions ?? builtinFunctions;
  const entry = functions.get(name);
  if (entry === undefined) throw unresolvedRoutine(expression.fn, [...functions.keys()]);
  if (entry.lambda || expression.args.some((one) => one.kind === "lambda")) return resolveLambdas(expression, entry, scope);
  const given = expression.args.flatMap((one) => allColumns(one, scope));
  const args = given.map((one) => noGenerator(resolveIn(one, scope), expression));
  if (SEEDED.has(name) && args.length === 0) args.push(literal(scope.seeds?.next() ?? 0, { type: "bigint" }));
  const call = entry.resolve(args, expression.options ?? {}, scope.settings);
  return {
    kind: "call",
    entry,
    args: call.args,
    options: call.options ?? expression.options ?? {},
    dataType: call.dataType,
    nullable: call.nullable,
  };
}

/** A call of a higher-order function: its lambdas are resolved from left to right, by what the arguments before them are. */
function resolveLambdas(expression: Extract<Expression, { kind: "call" }>, entry: FunctionEntry, scope: ResolveScope): Resolved {
  if (entry.lambda === undefined) throw misplacedLambda(expression.fn);
  const depth = scope.lambdaDepth ?? 0;
  const args: Resolved[] = [];
  const lambdas: (readonly string[] | null)[] = [];
  for (const [at, one] of expression.args.entries()) {
    const known = entry.lambda(args, at);
    if (one.kind !== "lambda") {
      args.push(noGenerator(resolveIn(one, scope), expression));
      lambdas.push(known ? [] : null);
      continue;
    }
    if (known === undefined) throw misplacedLambda(expression.fn);
    const optional = known.filter((parameter) => parameter.optional === true).length;
    const count = one.parameters.length;
    if (count > known.length || count < known.length - optional) throw lambdaArguments(count, known.length);
    if (new Set(one.parameters).size < count) throw repeatedParameter(one.parameters);
    const ids = one.parameters.map((_, i) => `${depth}.${i}`);
    const own = one.parameters.map((name, i): [string, Resolved] => {
      const parameter = known[i];
      if (parameter === undefined) throw lambdaArguments(count, known.length);
      return [name, lambdaVariable(ids[i] ?? "", parameter)];
    });
    const variables = new Map([...(scope.variables ?? []), ...own]);
    args.push(noGenerator(resolveIn(one.body, { ...scope, variables, lambdaDepth: depth + 1 }), expression));
    lambdas.push(ids);
  }
  const call = entry.resolve(args, { lambdas }, scope.settings);
  return { kind: "call", entry, args: call.args, options: { lambdas }, dataType: call.dataType, nullable: call.nullable };
}

function resolveVariable(name: string, scope: ResolveScope): Resolved {
  const variable = scope.variables?.get(name);
  if (variable === undefined) throw unresolvedColumn(name, [...(scope.variables?.keys() ?? [])]);
  return variable;
}

function misplacedLambda(fn: string): AnalysisError {
  return new AnalysisError("INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION", {
    failed: `A lambda function should only be used in a higher order function: ${fn}`,
    found: "a lambda where a value is taken",
    remedy: "Give lambdas to transform, filter, exists, forall, aggregate, zip_with and their kin.",
  });
}

function lambdaArguments(found: number, known: number): AnalysisError {
  return new AnalysisError("INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH", {
    failed: `A higher order function expects ${known} arguments, but got ${found}`,
    found: `a lambda with ${found} parameters`,
    remedy: "Give the lambda as many parameters as the function has values for.",
  });
}

/** Functions that need a seed: without one they get it from their place in the query, so that a batch that runs again gives the same numbers. */
const SEEDED: ReadonlySet<string> = new Set(["rand", "random", "randn"]);

/** `*` as an argument stands for all columns. */
function allColumns(argument: Expression, scope: ResolveScope): readonly Expression[] {
  if (argument.kind !== "column" || argument.path.length !== 1 || argument.path[0] !== "*") return [argument];
  return scope.input.fields.map(({ name }) => ({ kind: "column", path: [name] }));
}

function repeatedParameter(parameters: readonly string[]): AnalysisError {
  return new AnalysisError("INVALID_LAMBDA_FUNCTION_CALL.DUPLICATE_ARG_NAMES", {
    failed: "The lambda function has duplicate arguments",
    found: parameters.join(", "),
    remedy: "Rename the parameters.",
  });
}

/** A part of an expression: rows can only be made by a column of its own. */
export function noGenerator(part: Resolved, expression: Expression): Resolved {
  if (part.kind !== "call" || part.entry.generator?.kind !== "rows") return part;
  throw new AnalysisError("UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", {
    failed: `The generator is not supported: nested in expressions "${expressionText(expression)}"`,
    found: `${part.entry.name} inside another expression`,
    remedy: "Select the generator alone first, then compute with the new column.",
  });
}

/** A cast to the type that a value has does nothing, but an instant is an event time no longer: only a column itself carries its watermark. */
function resolveCast(expression: Extract<Expression, { kind: "cast" }>, scope: ResolveScope): Resolved {
  const input = noGenerator(resolveIn(expression.input, scope), expression);
  const to = expression.to;
  if (!castAllowed(input.dataType, to, scope.settings.ansi || expression.mode === "try")) {
    const { kind, remedy } = castRefusal(input.dataType, to, scope.settings.ansi, expression.mode);
    throw datatypeMismatch(
      kind,
      expressionText(expression),
      `cannot cast "${sqlTypeName(input.dataType)}" to "${sqlTypeName(to)}"`,
      remedy,
    );
  }
  if (simpleString(input.dataType) === simpleString(to) && !(input.kind === "field" && to.type === "timestamp")) return input;
  const nullable = input.nullable || expression.mode === "try" || castMayBeNull(input.dataType, to, scope.settings);
  return { kind: "cast", input, mode: expression.mode, dataType: to, nullable };
}

function resolveCase(expression: Extract<Expression, { kind: "case" }>, scope: ResolveScope): Resolved {
  const conditions = expression.branches.map(([condition]) => {
    const resolved = resolveIn(condition, scope);
    if (resolved.dataType.type !== "boolean") {
      throw datatypeMismatch(
        "UNEXPECTED_INPUT_TYPE",
        expressionText(expression),
        `the condition ${expressionText(condition)} is of type "${sqlTypeName(resolved.dataType)}"`,
        'A condition of CASE WHEN has the "BOOLEAN" type.',
      );
    }
    return castTo(resolved, { type: "boolean" }, scope.settings);
  });
  const values = expression.branches.map(([, value]) => resolveIn(value, scope));
  const otherwise = expression.otherwise && resolveIn(expression.otherwise, scope);
  const all = otherwise ? [...values, otherwise] : values;
  const types = all.map((one) => one.dataType);
  const dataType: DataType | undefined = commonTypeOf(types, scope.settings);
  if (dataType === undefined) {
    throw datatypeMismatch(
      "DATA_DIFF_TYPES",
      expressionText(expression),
      `the branches are of the types ${types.map((type) => `"${sqlTypeName(type)}"`).join(", ")}`,
      "Cast the branches of CASE WHEN to one type.",
    );
  }
  const cast = values.map((value) => castTo(value, dataType, scope.settings));
  const last = otherwise && castTo(otherwise, dataType, scope.settings);
  const branches = conditions.map((condition, i): [Resolved, Resolved] => [condition, cast[i] ?? literal(null, dataType)]);
  const nullable = last === undefined || last.nullable || cast.some((value) => value.nullable);
  return { kind: "case", branches, ...(last && { otherwise: last }), dataType, nullable };
}
