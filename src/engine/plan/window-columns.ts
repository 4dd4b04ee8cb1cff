import { structuralKey } from "../codegen/structural-key.ts";
import { AnalysisError } from "../columns/analysis-error.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { ResolvedCallNode } from "../functions/function-entry.ts";
import { someOf } from "./expressions.ts";
import { addWindow } from "./scope.ts";
import type { Node } from "./node.ts";
import { fieldRef } from "./node.ts";

/**
 * Makes columns of the time windows of one select or grouping: equal windows share a column, a window inside an expression (`window(ts, '1 hour').start`) is
 * replaced by it, different ones are refused (Spark's TimeWindowing).
 */
export class WindowColumns {
  /** The input with the window column, if there is one by now. */
  below: Node;
  #known: { readonly key: string; readonly ordinal: number } | undefined;

  constructor(input: Node) {
    this.below = input;
  }

  /** The reference to the column of a window call. */
  column(call: ResolvedCallNode, name: string): Resolved {
    const key = structuralKey(call);
    if (this.#known && this.#known.key !== key) throw severalWindows();
    if (!this.#known) {
      this.below = addWindow(this.below, call, name);
      this.#known = { key, ordinal: this.below.columns.length - 1 };
    }
    return fieldRef(this.below.columns, this.#known.ordinal);
  }

  /** The expression with its windows replaced by their column. */
  lifted(expression: Resolved): Resolved {
    if (!someOf(expression, isWindowCall)) return expression;
    switch (expression.kind) {
      case "call":
        if (isWindowCall(expression)) return this.column(expression, expression.entry.name);
        return { ...expression, args: expression.args.map((one) => this.lifted(one)) };
      case "cast":
      case "getField":
        return { ...expression, input: this.lifted(expression.input) };
      case "case":
        return {
          ...expression,
          branches: expression.branches.map(([when, then]): [Resolved, Resolved] => [this.lifted(when), this.lifted(then)]),
          ...(expression.otherwise && { otherwise: this.lifted(expression.otherwise) }),
        };
      default:
        return expression;
    }
  }
}

function isWindowCall(part: Resolved): boolean {
  return part.kind === "call" && part.entry.generator?.kind === "window";
}

/** More than one different window where one is possible. */
export function severalWindows(): AnalysisError {
  return new AnalysisError("_LEGACY_ERROR_TEMP_1039", {
    failed:
      "Multiple time/session window expressions would result in a cartesian product of rows, therefore they are currently not supported",
    found: "more than one window in one select or among the grouping keys",
    remedy: "Use one window; aggregate again for another size.",
  });
}
