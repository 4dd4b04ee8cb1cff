import { evalExpr as evaluate } from "mingo/core";
import type { Any, Options } from "mingo/types";

/** The value of an aggregation expression on one document. */
export function evalExpr(document: Any, expr: Any, options: Options): Any {
  return evaluate(document, expr, options);
}
