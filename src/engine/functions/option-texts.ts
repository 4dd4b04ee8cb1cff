import { AnalysisError } from "../columns/analysis-error.ts";
import type { Resolved } from "../columns/resolved.ts";
import { sqlTypeName } from "../types/type-text.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { literalOf } from "./scalar.ts";

/** A function that may have `map('option', 'value', …)` as one more argument: the texts join its options, and `resolve` sees the arguments before it. */
export function withOptionTexts(entry: FunctionEntry, before: number): FunctionEntry {
  return {
    ...entry,
    resolve(args, options, settings) {
      const given = args[before];
      if (!given || args.length !== before + 1) return entry.resolve(args, options, settings);
      const joined = { ...options, options: { ...options.options, ...optionTexts(given) } };
      return { options: joined, ...entry.resolve(args.slice(0, before), joined, settings) };
    },
  };
}

function optionTexts(map: Resolved): Record<string, string> {
  const texts = map.kind === "call" && map.entry.name === "map" ? map.args.map(literalOf) : [];
  if (texts.length === 0 || texts.some((one) => typeof one !== "string")) {
    throw new AnalysisError("INVALID_OPTIONS.NON_MAP_FUNCTION", {
      failed: "Invalid options",
      found: "options that are no map() of texts",
      remedy: "Write map('option', 'value').",
    });
  }
  return Object.fromEntries(texts.flatMap((name, i) => (i % 2 === 0 ? [[String(name), String(texts[i + 1])]] : [])));
}

/** The rule of an argument that must be a text written in the query. */
export function constantText(name: string): (arg: Resolved) => Resolved {
  return (arg) => {
    if (typeof literalOf(arg) === "string") return arg;
    throw new AnalysisError("DATATYPE_MISMATCH.NON_FOLDABLE_INPUT", {
      failed: `${name} needs a text that is written in the query`,
      found: arg.dataType.type,
      remedy: "Write an example of the records as a text.",
    });
  };
}

/** An argument of a type that the function does not write. */
export function unsupportedInput(name: string, arg: Resolved): AnalysisError {
  return new AnalysisError("DATATYPE_MISMATCH.UNSUPPORTED_INPUT_TYPE", {
    failed: `The input of ${name} can't be ${sqlTypeName(arg.dataType)} type data`,
    found: sqlTypeName(arg.dataType),
    remedy: "Put the columns into a struct: struct(a, b).",
  });
}
