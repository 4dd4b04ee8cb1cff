import { messageOf } from "../../base/errors.ts";
import { valueOrNull } from "../codegen/emit.ts";
import { QueryExecutionError } from "../codegen/execution-error.ts";
import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { Column } from "../columns/column.ts";
import { call } from "../columns/column.ts";
import type { DataType } from "../types/data-type.ts";
import { parseDataType } from "../types/ddl.ts";
import type { Typed } from "../types/schema-builder.ts";
import { simpleString } from "../types/type-text.ts";
import { fromUserValue, isUserValue, toUserValue } from "../types/user-value.ts";
import type { FunctionEntry } from "./function-entry.ts";
import type { Argument } from "./api/arguments.ts";
import { builtinAggregates, builtinFunctions } from "./registry.ts";

/** A user's own function over the values of one row: synchronous; a null of a column comes as null. */
export type UserFunction = (...values: never[]) => unknown;

/** What Spark calls `asNondeterministic`. */
export interface UserFunctionOptions {
  /** False: two calls with the same values may differ, so that no call is left out or shared. True when not given. */
  readonly deterministic?: boolean;
}

/** Makes columns by a user's function: as many arguments as it takes, columns or plain values. */
export type UserColumnFunction<T> = (...columns: readonly Argument[]) => Column<T>;

/** The user's own functions of a session, Spark's UDFRegistration. They run in this engine only: a plan carries nothing but their names. */
export interface UserFunctions {
  /**
   * Registers a function under a name, for SQL (`select clean(name) …`), for `callFunction` and by what it returns for columns.
   * A function registered again under its name replaces the one before for frames that are analysed from then on.
   *
   * Values come as `foreachBatch` shows them (timestamps, dates and decimals as text, structs and maps as objects, arrays as arrays, null as null), except
   * that numbers are always numbers: NaN stays NaN, a bigint beyond 2^53 is a BigInt; binary is a Uint8Array. Results are given in the same form; a Date
   * serves as a timestamp or date, a Map as a map. What the function throws, or a result that is no value of the type, stops the query with
   * FAILED_EXECUTE_UDF.
   *
   * @param returns the type of the results: `double()`, `struct({…})`, or its name such as "array<string>"
   */
  register<T>(name: string, fn: UserFunction, returns: Typed<T> | string, options?: UserFunctionOptions): UserColumnFunction<T>;
  /** The names that are registered. */
  readonly names: readonly string[];
}

/** An empty registry; `functions` is what names mean to expressions, built-in functions included. */
export function createUserFunctions(): UserFunctions & { readonly functions: ReadonlyMap<string, FunctionEntry> } {
  const own = new Map<string, string>();
  let functions: ReadonlyMap<string, FunctionEntry> = builtinFunctions;
  return {
    get functions() {
      return functions;
    },
    get names() {
      return [...own.values()];
    },
    register: <T>(name: string, fn: UserFunction, returns: Typed<T> | string, options: UserFunctionOptions = {}) => {
      const key = name.toLowerCase();
      if (!/^[a-z_][a-z0-9_]*$/.test(key)) throw refused(name, "a name has letters, digits and underscores only", "Choose such a name.");
      if (builtinFunctions.has(key) || builtinAggregates.has(key) || key === "field")
        throw refused(name, "a built-in function has that name", "Choose another name: SQL would not say which of the two it means.");
      const type = typeof returns === "string" ? parseDataType(returns) : returns;
      functions = new Map([...functions, [key, userFunctionEntry(name, fn, type, options)]]);
      own.set(key, name);
      return (...columns) => call<T>(name, columns);
    },
  };
}

function refused(name: string, found: string, remedy: string): AnalysisError {
  return new AnalysisError("INVALID_UDF_NAME", { failed: `Cannot register a function as "${name}"`, found, remedy });
}

/** A user's function as the engine calls it. */
export function userFunctionEntry(name: string, fn: UserFunction, returns: DataType, options: UserFunctionOptions = {}): FunctionEntry {
  return {
    name: name.toLowerCase(),
    doc: "A function of the user's own.",
    volatile: options.deterministic === false,
    resolve(args) {
      if (args.length < fn.length) throw wrongArgumentCount(name, String(fn.length), args.length);
      return { args, dataType: returns, nullable: true };
    },
    emit: ({ args }, context) => {
      const { writer } = context;
      const types = args.map((arg) => arg.dataType);
      const run = writer.constant(name, runner(name, fn, types, returns));
      const value = writer.assign("udf", `${run}(${args.map((arg) => valueOrNull(context.emit(arg))).join(", ")})`);
      return { value, isNull: `${value} === null` };
    },
  };
}

function runner(name: string, fn: UserFunction, types: readonly DataType[], returns: DataType): (...values: unknown[]) => unknown {
  const failed = (values: readonly unknown[], reason: string, cause?: unknown): QueryExecutionError =>
    new QueryExecutionError("FAILED_EXECUTE_UDF", {
      failed: `User defined function (\`${name}\` (${types.map(simpleString).join(", ")}) => ${simpleString(returns)}) failed due to: ${reason}`,
      found: `its row gave it (${values.map(shown).join(", ")})`,
      remedy: "Let the function answer null for values that it cannot take, or filter such rows before.",
      ...(cause !== undefined && { cause }),
    });
  return (...values) => {
    const given = values.map((value, i) => toUserValue(value, types[i] ?? { type: "null" }));
    let result: unknown;
    try {
      result = fn(...(given as never[]));
    } catch (thrown) {
      throw failed(given, messageOf(thrown), thrown);
    }
    if (result === null || result === undefined) return null;
    if (result instanceof Promise) {
      result.catch(() => undefined);
      throw failed(given, "it returned a promise, but functions of rows are synchronous");
    }
    if (!isUserValue(result, returns)) throw failed(given, `it returned ${shown(result)}, which is no ${simpleString(returns)}`);
    return fromUserValue(result, returns);
  };
}

function shown(value: unknown): string {
  if (typeof value === "bigint" || typeof value === "number" || value === undefined) return String(value);
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? String(part) : part)) ?? typeof value;
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
