import type { Resolved } from "../columns/resolved.ts";

/** Functions that give null as soon as one argument is null, as far as Spark's optimizer knows (its null-intolerant expressions). */
const NULL_INTOLERANT: ReadonlySet<string> = new Set(
  (
    "= < <= > >= <> != + - * / % div mod pmod not ! negative positive abs ceil ceiling floor round bround sqrt exp ln log10 log2 power pow signum sign " +
    "sin cos tan upper ucase lower lcase initcap trim ltrim rtrim substring substr left right length char_length reverse repeat replace translate like rlike " +
    "startswith endswith contains instr year quarter month day dayofmonth dayofweek weekday dayofyear weekofyear hour minute second last_day date_add " +
    "date_sub datediff date_diff add_months date_format unix_timestamp to_unix_timestamp unix_seconds unix_millis unix_micros timestamp_seconds timestamp_millis " +
    "timestamp_micros md5 sha1 sha2 hex unhex base64 unbase64 isnan between"
  ).split(" "),
);

/** The columns whose null makes the whole expression null, as far as its functions tell. */
export function nullIntolerant(expression: Resolved): number[] {
  switch (expression.kind) {
    case "field":
      return [expression.ordinal];
    case "cast":
    case "getField":
      return nullIntolerant(expression.input);
    case "call":
      return NULL_INTOLERANT.has(expression.entry.name) ? expression.args.flatMap(nullIntolerant) : [];
    default:
      return [];
  }
}

/** Whether a condition on one side of a join drops the row of nulls that an outer join makes up for that side. */
export function dropsNulls(condition: Resolved): boolean {
  const value = onNulls(condition);
  return value === null || value === false;
}

/** What an expression gives where every column is null: null, a truth value, or undefined when that is not known. */
function onNulls(expression: Resolved): boolean | null | undefined {
  switch (expression.kind) {
    case "field":
      return null;
    case "literal":
      return expression.value === null || typeof expression.value === "boolean" ? expression.value : undefined;
    case "cast":
    case "getField":
      return onNulls(expression.input) === null ? null : undefined;
    case "call":
      return callOnNulls(expression.entry.name, expression.args.map(onNulls));
    default:
      return undefined;
  }
}

function callOnNulls(name: string, args: readonly (boolean | null | undefined)[]): boolean | null | undefined {
  switch (name) {
    case "isnull":
      return args[0] === undefined ? undefined : args[0] === null;
    case "isnotnull":
      return args[0] === undefined ? undefined : args[0] !== null;
    case "and":
      if (args.includes(false)) return false;
      return args.includes(undefined) ? undefined : args.includes(null) ? null : true;
    case "or":
      if (args.includes(true)) return true;
      return args.includes(undefined) ? undefined : args.includes(null) ? null : false;
    case "not":
    case "!":
      return typeof args[0] === "boolean" ? !args[0] : args[0];
    case "in":
      return args[0] === null ? null : undefined;
    default:
      return NULL_INTOLERANT.has(name) && args.includes(null) ? null : undefined;
  }
}
