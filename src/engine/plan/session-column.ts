import { AnalysisError } from "../columns/analysis-error.ts";
import { literal } from "../columns/coerce.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { ResolvedCallNode } from "../functions/function-entry.ts";
import { builtinFunctions } from "../functions/registry.ts";
import { sessionSpec } from "../functions/time-window.ts";
import { isNotNull } from "./conditions.ts";
import type { AnalysisContext } from "./scope.ts";
import type { Node } from "./node.ts";

/** A session in a select is that of the row alone: from its time to the end of its gap. Sessions are merged by grouping only. */
export function sessionOfRow(call: ResolvedCallNode, context: AnalysisContext): Resolved {
  const { time, fixedGap } = sessionSpec(call);
  if (fixedGap === undefined || fixedGap.months !== 0)
    throw new AnalysisError("UNSUPPORTED_FEATURE", {
      failed: "session_window with a computed gap outside groupBy is not supported",
      found: "session_window in a select",
      remedy: "Group by session_window(…) directly.",
    });
  const end = builtinCall("+", [time, literal(fixedGap.us, { type: "interval" })], context);
  const parts = [literal("start", { type: "string" }), time, literal("end", { type: "string" }), end];
  return { ...builtinCall("named_struct", parts, context), dataType: call.dataType, nullable: false };
}

/** The rows that have a time and are in a session. */
export function withTime(input: Node, call: ResolvedCallNode): Node {
  const { time, fixedGap, never } = sessionSpec(call);
  const none = never === true || (fixedGap !== undefined && fixedGap.months === 0 && fixedGap.us <= 0);
  const condition = none ? literal(false, { type: "boolean" }) : isNotNull(time);
  return { op: "filter", input, condition, columns: input.columns, streaming: input.streaming };
}

function builtinCall(name: string, args: readonly Resolved[], context: AnalysisContext): Resolved {
  const entry = builtinFunctions.get(name);
  if (entry === undefined) throw new RangeError(name);
  const made = entry.resolve(args, {}, context.settings);
  return { kind: "call", entry, args: made.args, options: made.options ?? {}, dataType: made.dataType, nullable: made.nullable };
}
