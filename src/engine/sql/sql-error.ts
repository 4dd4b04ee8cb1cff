import { AnalysisError } from "../columns/analysis-error.ts";

/** A place in an SQL text, counted from 1. */
export type Place = { readonly line: number; readonly column: number };

/** "line 2, column 7", or the end of the text where nothing stands any more. */
export function placeText(place: Place | undefined): string {
  return place ? `line ${place.line}, column ${place.column}` : "the end of the text";
}

/** A text that is no SQL. */
export function syntaxError(found: string, place: Place | undefined, cause?: unknown): AnalysisError {
  return new AnalysisError("PARSE_SYNTAX_ERROR", {
    failed: `Syntax error at ${placeText(place)}`,
    found,
    remedy: "Write a query as Spark SQL has it: SELECT … FROM … WHERE … GROUP BY … HAVING … ORDER BY … LIMIT ….",
    cause,
  });
}

/** A place number of GROUP BY or ORDER BY beyond the select list. */
export function outOfRange(clause: "GROUP BY" | "ORDER BY", position: number, items: number, place: Place | undefined): AnalysisError {
  return new AnalysisError(`${clause.replace(" ", "_")}_POS_OUT_OF_RANGE`, {
    failed: `${clause} position ${position} is not in select list (valid range is [1, ${items}])`,
    found: placeText(place),
    remedy: "Name a place of the select list, or the column.",
  });
}

/** SQL that is right but is not there. */
export function unsupportedSql(what: string, place: Place | undefined, remedy: string): AnalysisError {
  return new AnalysisError("UNSUPPORTED_FEATURE", { failed: `${what} is not supported in SQL`, found: `at ${placeText(place)}`, remedy });
}

/** Runs a step whose AnalysisError gets the place in the text at which it went wrong. */
export function atPlace<T>(place: Place | undefined, step: () => T): T {
  try {
    return step();
  } catch (thrown) {
    if (!(thrown instanceof AnalysisError) || place === undefined || /line \d+, column \d+|the end of the text/.test(thrown.message))
      throw thrown;
    const { failed, found, remedy } = thrown.problem;
    throw new AnalysisError(thrown.code, { failed, found: `${found}; ${placeText(place)}`, remedy, cause: thrown });
  }
}
