import type { AggregateCall } from "../columns/resolve-aggregate.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { ResolvedCallNode } from "../functions/function-entry.ts";
import type { DataType, Row, StructType } from "../types/data-type.ts";
import type { CalendarInterval } from "../types/interval-text.ts";
import type { JoinType, Options } from "./plan.ts";

/** A column of a node's result. `eventTimeDelayMs` is there when a watermark is defined on it (Spark's `spark.watermarkDelayMs`). */
export interface Column {
  readonly name: string;
  readonly dataType: DataType;
  readonly nullable: boolean;
  readonly eventTimeDelayMs?: number;
  /** The event times among the fields of a struct that was made of columns: they are event times again where a field is taken out. */
  readonly fieldTimes?: readonly (EventTime | undefined)[];
  /** Whether the column is a window's or a session's, which may be grouped by again and has a window_time. */
  readonly window?: "window" | "session";
}

/** What a value knows of event time: the delay of its watermark, when it is one, and what its fields know. */
export type EventTime = Pick<Column, "eventTimeDelayMs" | "fieldTimes">;

/** What every node of an analysed plan has. */
export interface NodeBase {
  readonly columns: readonly Column[];
  /** Whether any input is a stream. */
  readonly streaming: boolean;
}

/** A tumbling or sliding window in microseconds. */
export type TimeWindow = { readonly sizeUs: number; readonly slideUs: number; readonly startUs: number };

export interface AggregateNode extends NodeBase {
  readonly op: "aggregate";
  readonly input: Node;
  /** Grouping keys over the input. */
  readonly keys: readonly Resolved[];
  readonly keyColumns: readonly Column[];
  readonly calls: readonly AggregateCall[];
  /** The result columns, over the keys followed by the calls' results. */
  readonly results: readonly Resolved[];
  /** Grouping sets as masks (bit i: key i is null), for rollup and cube; undefined for a plain GROUP BY. */
  readonly sets?: readonly number[];
}

export interface SessionNode extends NodeBase {
  readonly op: "session";
  readonly input: Node;
  /** The event time, over the input. */
  readonly time: Resolved;
  /** The gap: fixed, or an expression over the input that gives its text. */
  readonly fixedGap?: CalendarInterval;
  readonly gap?: Resolved;
  /** Which of `keyColumns` is the session. */
  readonly sessionKey: number;
  /** The other keys, in order. */
  readonly keys: readonly Resolved[];
  /** All keys, the session among them. */
  readonly keyColumns: readonly Column[];
  readonly calls: readonly AggregateCall[];
  readonly results: readonly Resolved[];
}

export interface DeduplicateNode extends NodeBase {
  readonly op: "deduplicate";
  readonly input: Node;
  readonly ordinals: readonly number[];
  readonly withinWatermark: boolean;
}

export interface JoinNode extends NodeBase {
  readonly op: "join";
  readonly left: Node;
  readonly right: Node;
  readonly type: JoinType;
  /** Pairs of expressions that must be equal: over the left side, over the right side. */
  readonly leftKeys: readonly Resolved[];
  readonly rightKeys: readonly Resolved[];
  /** For each pair whether null equals null (`<=>`); nowhere when absent. */
  readonly nullSafe?: readonly boolean[];
  /** What is left of the condition, over the left columns followed by the right ones. */
  readonly condition?: Resolved;
}

/** Aggregates over all rows that come by, told in the progress under `name`; the rows go on as they are. */
export interface ObserveNode extends NodeBase {
  readonly op: "observe";
  readonly input: Node;
  readonly name: string;
  readonly calls: readonly AggregateCall[];
  /** The metrics, over the calls' results. */
  readonly results: readonly Resolved[];
  readonly metrics: StructType;
}

export interface LimitNode extends NodeBase {
  readonly op: "limit" | "offset";
  readonly input: Node;
  readonly n: number;
}

/** A plan after analysis: names are ordinals, types and event times are known. What walks it (check, optimise, compile, explain) lives elsewhere. */
export type Node =
  | (NodeBase & { readonly op: "source"; readonly format: string; readonly options: Options; readonly schema: StructType })
  | (NodeBase & { readonly op: "local"; readonly rows: readonly Row[] })
  | (NodeBase & { readonly op: "watermark"; readonly input: Node; readonly ordinal: number; readonly delayMs: number })
  | (NodeBase & { readonly op: "filter"; readonly input: Node; readonly condition: Resolved })
  | (NodeBase & { readonly op: "project"; readonly input: Node; readonly expressions: readonly Resolved[] })
  /** The input's columns followed by the generator's. */
  | (NodeBase & { readonly op: "generate"; readonly input: Node; readonly call: ResolvedCallNode })
  /** The input's columns followed by one window column; rows without event time go. */
  | (NodeBase & { readonly op: "window"; readonly input: Node; readonly time: Resolved; readonly window: TimeWindow })
  | AggregateNode
  | SessionNode
  | DeduplicateNode
  | JoinNode
  | (NodeBase & { readonly op: "union" | "intersect" | "except"; readonly left: Node; readonly right: Node })
  | (NodeBase & {
      readonly op: "sort";
      readonly input: Node;
      readonly by: readonly { readonly expr: Resolved; readonly descending: boolean; readonly nullsFirst: boolean }[];
    })
  | LimitNode
  | ObserveNode
  | (NodeBase & { readonly op: "sample"; readonly input: Node; readonly fraction: number });

/** A node's inputs. */
export function inputsOf(node: Node): readonly Node[] {
  if ("left" in node) return [node.left, node.right];
  return "input" in node ? [node.input] : [];
}

/** The node and everything below it, the node first. */
export function allNodes(node: Node): Node[] {
  return [node, ...inputsOf(node).flatMap(allNodes)];
}

/** The row type of a node's result. */
export function schemaOf(columns: readonly Column[]): StructType {
  return { type: "struct", fields: columns.map(({ name, dataType, nullable }) => ({ name, dataType, nullable })) };
}

/** A reference to an input column. */
export function fieldRef(columns: readonly Column[], ordinal: number): Resolved {
  const column = columns[ordinal];
  if (column === undefined) throw new RangeError(`no column ${ordinal}`);
  return { kind: "field", ordinal, name: column.name, dataType: column.dataType, nullable: column.nullable };
}
