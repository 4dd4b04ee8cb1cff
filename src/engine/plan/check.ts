import { StreamlabError } from "../../base/errors.ts";
import { structuralKey } from "../codegen/structural-key.ts";
import type { Node } from "./node.ts";
import { allNodes, inputsOf } from "./node.ts";
import type { JoinType, OutputMode } from "./plan.ts";
import { isDeterministic, referencesOf, someOf } from "./expressions.ts";
import { boundsState, watermarkKey } from "./join-watermarks.ts";
import type { JoinSide } from "./join-watermarks.ts";

/** A query that is understood but that streaming does not run. `code` is Spark's error class. The rules are those of its UnsupportedOperationChecker. */
export class UnsupportedQueryError extends StreamlabError {}

const LEGACY = "_LEGACY_ERROR_TEMP_3102";

function refuse(failed: string, remedy: string, found: string = "the plan of this query", code: string = LEGACY): never {
  throw new UnsupportedQueryError(code, { failed, found, remedy });
}

const MODES: readonly string[] = ["append", "update", "complete"];

/** The output mode of a text, any case; refuses others. */
export function outputModeOf(text: string): OutputMode {
  const mode = text.toLowerCase();
  if (MODES.includes(mode)) return mode as OutputMode;
  return refuse(
    `Invalid streaming output mode: ${text}`,
    "Accepted output modes are 'Append', 'Complete', 'Update'.",
    text,
    "STREAMING_OUTPUT_MODE.INVALID",
  );
}

/** Refuses what a batch query cannot do. */
export function checkBatch(plan: Node): void {
  for (const node of allNodes(plan)) {
    if (node.streaming)
      refuse(
        "Queries with streaming sources must be executed with writeStream.start()",
        "Use writeStream, or read the input with session.read.",
      );
    if (node.op === "deduplicate" && node.withinWatermark) {
      refuse("dropDuplicatesWithinWatermark is not supported with batch DataFrames/DataSets", "Use dropDuplicates.");
    }
  }
}

/** Refuses what a streaming query cannot do in this output mode, with the reason and the remedy. */
export function checkStreaming(plan: Node, mode: OutputMode): void {
  if (!plan.streaming)
    refuse(
      "Queries without streaming sources cannot be executed with writeStream.start()",
      "Use write, or read the input with session.readStream.",
      "every input of the query is a table",
      "WRITE_STREAM_NOT_ALLOWED",
    );
  checkOutputMode(plan, mode);
  for (const node of allNodes(plan).reverse()) checkNode(node, mode);
  checkChain(plan, mode);
}

/** Refuses what shows only in the optimised plan: event times that a column has got there. */
export function checkOptimized(plan: Node): void {
  for (const node of allNodes(plan)) if (node.op === "deduplicate" && node.streaming) checkOneEventTime(node.input.columns);
}

type Aggregation = Extract<Node, { op: "aggregate" | "session" }>;

function aggregations(plan: Node): Aggregation[] {
  return allNodes(plan).filter((node): node is Aggregation => (node.op === "aggregate" || node.op === "session") && node.streaming);
}

function checkOutputMode(plan: Node, mode: OutputMode): void {
  const [first] = aggregations(plan);
  const code = "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION";
  const failed = `Invalid streaming output mode: ${mode}. This output mode is not supported for`;
  if (mode === "append" && first && !first.keyColumns.some((column) => column.eventTimeDelayMs !== undefined)) {
    refuse(
      `${failed} streaming aggregations without watermark on streaming DataFrames/DataSets`,
      "Define a watermark on the event time and group by it or by a window of it; or use update or complete mode.",
      `grouped by ${first.keyColumns.map((column) => column.name).join(", ") || "nothing"}`,
      code,
    );
  }
  if (mode === "update" && first?.op === "session") {
    refuse(
      `${failed} session window streaming aggregations on streaming DataFrames/DataSets`,
      "Use append or complete mode.",
      "a session_window among the keys",
      code,
    );
  }
  if (mode === "complete" && !first) {
    refuse(
      `${failed} no streaming aggregations on streaming DataFrames/DataSets`,
      "Use append mode, or aggregate.",
      "no aggregation in the query",
      code,
    );
  }
}

function checkNode(node: Node, mode: OutputMode): void {
  switch (node.op) {
    case "watermark":
      if (node.streaming && redefines(node.input, mode)) {
        refuse(
          "Redefining watermark is disallowed",
          "Keep one withWatermark per stream.",
          "a watermark is defined on an input that has one",
          "STREAM_FAILED",
        );
      }
      break;
    case "aggregate":
    case "session":
      if (node.streaming) checkOneEventTime(node.op === "aggregate" ? differentKeys(node) : node.keyColumns);
      if (node.input.streaming && node.calls.some((call) => call.distinct)) {
        refuse(
          "Distinct aggregations are not supported on streaming DataFrames/Datasets",
          "Consider using approx_count_distinct() instead.",
        );
      }
      if (node.op === "session" && node.streaming && node.keys.every((key) => isDeterministic(key) && referencesOf(key).size === 0)) {
        refuse(
          "Global aggregation with session window in streaming query is not supported",
          "Group by another column besides the session.",
          "session_window is the only key that is no constant",
          "STREAM_FAILED",
        );
      }
      break;
    case "join":
      checkJoin(node, mode);
      if (node.left.streaming && node.right.streaming) for (const side of [node.left, node.right]) checkOneEventTime(side.columns);
      break;
    case "deduplicate":
      if (!node.streaming && node.withinWatermark) {
        refuse(
          "dropDuplicatesWithinWatermark is not supported with batch DataFrames/DataSets",
          "Use dropDuplicates.",
          "a table without stream below dropDuplicatesWithinWatermark",
          "INTERNAL_ERROR",
        );
      }
      if (node.streaming) checkOneEventTime(node.input.columns);
      if (node.streaming && node.withinWatermark && !node.input.columns.some((column) => column.eventTimeDelayMs !== undefined)) {
        refuse(
          "dropDuplicatesWithinWatermark is not supported on streaming DataFrames/DataSets without watermark",
          "Define one with withWatermark first.",
        );
      }
      break;
    case "union":
      if (node.left.streaming !== node.right.streaming) {
        refuse("Union between streaming and batch DataFrames/Datasets is not supported", "Read both as streams, or both as tables.");
      }
      break;
    case "except":
      if (node.right.streaming)
        refuse("Except on a streaming DataFrame/Dataset on the right is not supported", "Use a left anti join with a table on the right.");
      break;
    case "intersect":
      if (node.streaming) refuse("Intersect of streaming DataFrames/Datasets is not supported", "Use a left semi join.");
      break;
    case "limit":
      if (node.streaming && mode === "update")
        refuse("Limits are not supported on streaming DataFrames/Datasets in Update output mode", "Use append or complete mode.");
      break;
    case "offset":
      if (node.streaming) refuse("Offset is not supported on streaming DataFrames/Datasets", "Leave the offset out.");
      break;
    case "sort":
      if (node.streaming && !(mode === "complete" && aggregations(node).length > 0)) {
        refuse(
          "Sorting is not supported on streaming DataFrames/Datasets, unless it is on aggregated DataFrame/Dataset in Complete output mode",
          "Sort what an aggregation gives in complete mode, or sort in the sink.",
        );
      }
      break;
    case "sample":
      if (node.streaming) refuse("Sampling is not supported on streaming DataFrames/Datasets", "Filter by a hash of a key instead.");
      break;
    default:
      break;
  }
  if (
    node.streaming &&
    "expressions" in node &&
    node.expressions.some((one) => someOf(one, (part) => part.kind === "call" && part.entry.name === "monotonically_increasing_id"))
  ) {
    refuse(
      "Expression(s): monotonically_increasing_id() is not supported with streaming DataFrames/Datasets",
      "Use partition and offset of the source as an id.",
    );
  }
}

/** Whether a watermark is defined below; in append mode an aggregation in between ends it (Spark's PropagateWatermarkSimulator). */
function redefines(node: Node, mode: OutputMode): boolean {
  if (node.op === "watermark") return node.streaming;
  if (mode === "append" && (node.op === "aggregate" || node.op === "session")) return false;
  return inputsOf(node).some((input) => redefines(input, mode));
}

/** The columns of the keys, without those that are another one again. */
function differentKeys(node: Extract<Node, { op: "aggregate" }>): Node["columns"] {
  const keys = node.keys.map(structuralKey);
  return node.keyColumns.filter((_, i) => keys.indexOf(keys[i] ?? "") === i);
}

/** A stateful operator reads one event time (Spark's WatermarkSupport.findEventTimeColumn). */
function checkOneEventTime(columns: Node["columns"]): void {
  const marked = columns.filter((column) => column.eventTimeDelayMs !== undefined);
  if (marked.length < 2) return;
  refuse(
    "More than one event time columns are available",
    "Ensure there is at most one event time column per stream.",
    `event time columns: ${marked.map((column) => `${column.name}-T${column.eventTimeDelayMs}ms`).join(", ")}`,
    "MULTIPLE_EVENT_TIME_COLUMNS",
  );
}

const JOIN_NAMES = {
  inner: "Inner",
  left: "LeftOuter",
  right: "RightOuter",
  full: "FullOuter",
  semi: "LeftSemi",
  anti: "LeftAnti",
  cross: "Cross",
} as const;

function checkJoin(join: Extract<Node, { op: "join" }>, mode: OutputMode): void {
  const [left, right] = [join.left.streaming, join.right.streaming];
  if (!left && !right) return;
  const name = JOIN_NAMES[join.type];
  const [stream, table] = ["streaming DataFrame/Dataset", "static DataFrame/Dataset"];
  if (left && right && mode !== "append" && !(mode === "update" && (join.type === "inner" || join.type === "semi"))) {
    refuse(
      `${name} join between two streaming DataFrames/Datasets is not supported in ${mode === "update" ? "Update" : "Complete"} output mode, only in Append output mode`,
      "Use append mode.",
    );
  }
  if (left && right && join.type === "cross") {
    refuse(
      "StreamingSymmetricHashJoinExec should not take Cross as the JoinType",
      "Use an inner join.",
      "a cross join of two streams",
      "STREAM_FAILED",
    );
  }
  switch (join.type) {
    case "inner":
    case "cross":
      return;
    case "anti":
      if (right)
        refuse(
          `LeftAnti joins with a ${stream} on the right are not supported`,
          "Put a table on the right side, or use a left outer join and keep the rows without a match.",
        );
      return;
    case "full":
      if (!left || !right) {
        const [streamSide, tableSide] = left ? ["left", "right"] : ["right", "left"];
        refuse(
          `FullOuter joins with streaming DataFrames/Datasets on the ${streamSide} and a ${table} on the ${tableSide} is not supported`,
          "Use an outer join that keeps the stream's side.",
        );
      }
      break;
    case "left":
    case "semi":
      if (!left)
        refuse(
          `${name} join with a ${stream} on the right and a ${table} on the left is not supported`,
          "Put the stream on the left, or use a right outer join.",
        );
      break;
    case "right":
      if (!right)
        refuse(
          `RightOuter join with a ${stream} on the left and a static DataFrame/DataSet on the right not supported`,
          "Put the stream on the right, or use a left outer join.",
        );
      break;
  }
  if (left && right && watermarkKey(join) < 0 && !WAITING[join.type]?.some((side) => boundsState(join, side))) {
    refuse(
      `Stream-stream ${name} join between two streaming DataFrame/Datasets is not supported without a watermark in the join keys, or a watermark on the nullable side and an appropriate range condition`,
      "Define watermarks on both sides and bound the time between matching rows in the condition.",
    );
  }
}

/** The sides whose unmatched rows must end their wait some day: one of them needs a bound. */
const WAITING: Readonly<Partial<Record<JoinType, readonly JoinSide[]>>> = {
  left: ["left"],
  semi: ["left"],
  right: ["right"],
  full: ["left", "right"],
};

function isStateful(node: Node): boolean {
  if (!node.streaming) return false;
  if (node.op === "join") return node.left.streaming && node.right.streaming;
  if (node.op === "deduplicate")
    return node.withinWatermark || node.ordinals.some((ordinal) => node.input.columns[ordinal]?.eventTimeDelayMs !== undefined);
  return node.op === "aggregate" || node.op === "session";
}

/** Outside append mode nothing stateful may follow an aggregation. */
function checkChain(plan: Node, mode: OutputMode): void {
  if (mode === "append") return;
  for (const node of allNodes(plan)) {
    if (!isStateful(node)) continue;
    if (inputsOf(node).some((input) => aggregations(input).length > 0)) {
      refuse(
        "Detected pattern of possible 'correctness' issue due to global watermark. The query contains stateful operation which can emit rows older than the current watermark plus allowed late record delay, which are \"late rows\" in downstream stateful operations and these rows can be discarded",
        "Use append mode, or put the second operation into a query of its own.",
      );
    }
  }
}
