import { StreamlabError } from "../../base/errors.ts";

/**
 * A row that stops the query. `code` is Spark's error class ("DIVIDE_BY_ZERO", "CAST_INVALID_INPUT", "ARITHMETIC_OVERFLOW");
 * the query ends with it as its exception.
 */
export class QueryExecutionError extends StreamlabError {}

const BYPASS = 'If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error.';

export function divideByZero(): QueryExecutionError {
  return new QueryExecutionError("DIVIDE_BY_ZERO", {
    failed: "Division by zero",
    found: "a divisor is 0",
    remedy: `Use \`try_divide\` to tolerate divisor being 0 and return NULL instead. ${BYPASS}`,
  });
}

export function remainderByZero(): QueryExecutionError {
  return new QueryExecutionError("REMAINDER_BY_ZERO", {
    failed: "Remainder by zero",
    found: "a divisor is 0",
    remedy: `Use \`try_mod\` to tolerate divisor being 0 and return NULL instead. ${BYPASS}`,
  });
}

/** `what` names the type ("integer", "long"), `instead` the function that gives null ("try_add"). */
export function arithmeticOverflow(what: string, instead?: string): QueryExecutionError {
  return new QueryExecutionError("ARITHMETIC_OVERFLOW", {
    failed: `${what} overflow`,
    found: "the result does not fit its type",
    remedy: `${instead === undefined ? "" : `Use '${instead}' to tolerate overflow and return NULL instead. `}${BYPASS}`,
  });
}

/** A text that is no value of the type. */
export function castInvalidInput(value: unknown, from: string, to: string): QueryExecutionError {
  const shown = typeof value === "string" ? `'${value}'` : String(value);
  return new QueryExecutionError("CAST_INVALID_INPUT", {
    failed: `The value ${shown} of the type "${from}" cannot be cast to "${to}" because it is malformed`,
    found: `${shown} is not in the syntax of ${to}`,
    remedy:
      "Correct the value as per the syntax, or change its target type. Use `try_cast` to tolerate malformed input and return NULL instead.",
  });
}

/** A number that is out of the range of the type. */
export function castOverflow(value: unknown, from: string, to: string): QueryExecutionError {
  return new QueryExecutionError("CAST_OVERFLOW", {
    failed: `The value ${String(value)} of the type "${from}" cannot be cast to "${to}" due to an overflow`,
    found: `it is out of the range of ${to}`,
    remedy: `Use \`try_cast\` to tolerate overflow and return NULL instead. ${BYPASS}`,
  });
}

export function decimalOverflow(value: string, precision: number, scale: number): QueryExecutionError {
  return new QueryExecutionError("NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", {
    failed: `The ${value} cannot be represented as Decimal(${precision}, ${scale})`,
    found: "it has more digits",
    remedy: `Use a wider decimal. ${BYPASS}`,
  });
}

/** A number with more digits before its point than any decimal has. */
export function decimalUnsupported(value: string): QueryExecutionError {
  return new QueryExecutionError("NUMERIC_OUT_OF_SUPPORTED_RANGE", {
    failed: `The value ${value} cannot be interpreted as a numeric`,
    found: "it has more than 38 digits",
    remedy: "Correct the value, or cast it to DOUBLE.",
  });
}

export function invalidArrayIndex(index: number, length: number): QueryExecutionError {
  return new QueryExecutionError("INVALID_ARRAY_INDEX", {
    failed: `The index ${index} is out of bounds`,
    found: `the array has ${length} elements`,
    remedy: `Use the SQL function \`get()\` to tolerate accessing an element at an invalid index and return NULL instead. ${BYPASS}`,
  });
}

export function invalidElementIndex(index: number, length: number): QueryExecutionError {
  return new QueryExecutionError("INVALID_ARRAY_INDEX_IN_ELEMENT_AT", {
    failed: `The index ${index} is out of bounds`,
    found: `the array has ${length} elements`,
    remedy: `Use \`try_element_at\` to tolerate accessing an element at an invalid index and return NULL instead. ${BYPASS}`,
  });
}

/** Positions of element_at count from 1, or from −1 at the end. */
export function indexOfZero(): QueryExecutionError {
  return new QueryExecutionError("INVALID_INDEX_OF_ZERO", {
    failed: "The index 0 is invalid",
    found: "an index is less than 0 or greater than 0",
    remedy: "The first element has index 1.",
  });
}

/** A value that an argument may not have; `what` is a sentence without its full stop. */
export function invalidParameter(name: string, what: string, found: string, kind?: string): QueryExecutionError {
  return new QueryExecutionError(kind === undefined ? "INVALID_PARAMETER_VALUE" : `INVALID_PARAMETER_VALUE.${kind}`, {
    failed: `The value of a parameter of \`${name}\` is invalid: ${what}`,
    found,
    remedy: "Correct the argument.",
  });
}

/** A text that a date or timestamp pattern does not read. */
export function cannotParseTimestamp(text: string, pattern: string): QueryExecutionError {
  return new QueryExecutionError("CANNOT_PARSE_TIMESTAMP", {
    failed: `Text '${text}' could not be parsed as a timestamp`,
    found: `it does not follow the pattern '${pattern}'`,
    remedy: `Use \`try_to_timestamp\` to tolerate invalid input string and return NULL instead. ${BYPASS}`,
  });
}

/** A part of a date or time that no calendar has; `problem` is the sentence that says which. */
export function fieldOutOfBounds(problem: string): QueryExecutionError {
  return new QueryExecutionError("DATETIME_FIELD_OUT_OF_BOUNDS.WITHOUT_SUGGESTION", {
    failed: problem,
    found: "there is no such date or time",
    remedy: BYPASS,
  });
}

/** A map may not have a null among its keys. */
export function nullMapKey(): QueryExecutionError {
  return new QueryExecutionError("NULL_MAP_KEY", {
    failed: "Cannot use null as map key",
    found: "a key is null",
    remedy: "Filter such rows, or replace the key by coalesce.",
  });
}

/** A map may not have a key twice. */
export function duplicatedMapKey(key: unknown): QueryExecutionError {
  return new QueryExecutionError("DUPLICATED_MAP_KEY", {
    failed: `Duplicate map key ${String(key)} was found`,
    found: "a key occurs twice",
    remedy: "Check the input data, or make the keys distinct.",
  });
}

/** A name or offset that is no time zone. */
export function invalidTimeZone(zone: string): QueryExecutionError {
  return new QueryExecutionError("INVALID_TIMEZONE", {
    failed: `The timezone: ${zone} is invalid`,
    found: "it is neither an offset nor a name of the zone database",
    remedy: "Give a region such as Europe/Berlin, or an offset such as +02:00.",
  });
}
