import { StreamlabError } from "../../base/errors.ts";

/**
 * A query that cannot be understood: an unknown column or function, operands of the wrong types. `code` is Spark's error class
 * ("UNRESOLVED_COLUMN.WITH_SUGGESTION", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES"), so that Spark's manual explains it.
 */
export class AnalysisError extends StreamlabError {}

/** A name that is not there, with the names that are most like it. */
export function unresolvedColumn(name: string, known: readonly string[]): AnalysisError {
  const near = suggestions(name, known);
  return new AnalysisError(near.length === 0 ? "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION" : "UNRESOLVED_COLUMN.WITH_SUGGESTION", {
    failed: `A column, variable, or function parameter with name ${quoted(name)} cannot be resolved`,
    found: known.length === 0 ? "the input has no columns" : `the columns are ${known.map(quoted).join(", ")}`,
    remedy: near.length === 0 ? "Name a column of the input." : `Did you mean one of the following? [${near.map(quoted).join(", ")}].`,
  });
}

/** A field that a struct does not have. */
export function unresolvedField(name: string, known: readonly string[]): AnalysisError {
  return new AnalysisError("FIELD_NOT_FOUND", {
    failed: `No such struct field ${quoted(name)}`,
    found: `the fields are ${known.map(quoted).join(", ")}`,
    remedy: `Did you mean one of the following? [${suggestions(name, known).map(quoted).join(", ")}].`,
  });
}

/** A function that is not there. */
export function unresolvedRoutine(name: string, known: readonly string[]): AnalysisError {
  return new AnalysisError("UNRESOLVED_ROUTINE", {
    failed: `Cannot resolve routine ${quoted(name)} on search path [\`system\`.\`builtin\`, \`system\`.\`session\`, \`spark_catalog\`.\`default\`]`,
    found: "no function of that name",
    remedy: `The nearest names are ${suggestions(name, known).slice(0, 3).map(quoted).join(", ")}. A function of your own has to be registered by session.udf.register before the query is made or started again.`,
  });
}

/** `DATATYPE_MISMATCH.<kind>`: `expression` is its SQL text, `reason` the sentence that says what does not fit. */
export function datatypeMismatch(kind: string, expression: string, reason: string, remedy: string): AnalysisError {
  return new AnalysisError(`DATATYPE_MISMATCH.${kind}`, {
    failed: `Cannot resolve "${expression}" due to data type mismatch`,
    found: reason,
    remedy,
  });
}

/** A call with a number of arguments that the function does not take. */
export function wrongArgumentCount(name: string, expected: string, actual: number): AnalysisError {
  return new AnalysisError("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", {
    failed: `The ${quoted(name)} requires ${expected} parameters`,
    found: `the actual number is ${actual}`,
    remedy: "See the function's line in the documentation.",
  });
}

function quoted(name: string): string {
  return name
    .split(".")
    .map((part) => `\`${part}\``)
    .join(".");
}

/** Up to five names, the likest first (Levenshtein's distance without case). */
export function suggestions(name: string, known: readonly string[]): string[] {
  const wanted = name.toLowerCase();
  return known
    .map((one, order) => ({ one, order, far: distance(wanted, one.toLowerCase()) }))
    .sort((a, b) => a.far - b.far || a.order - b.order)
    .slice(0, 5)
    .map(({ one }) => one);
}

function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(swap, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
