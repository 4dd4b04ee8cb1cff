import { StreamlabError } from "../../base/errors.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { sessionEndByText, sessionEndUs } from "../operators/session.ts";
import { rowFunction } from "../operators/sort.ts";
import { referencesOf } from "../plan/expressions.ts";
import type { Column, Node } from "../plan/node.ts";
import { allNodes, inputsOf } from "../plan/node.ts";
import type { OutputMode } from "../plan/plan.ts";
import type { Row } from "../types/data-type.ts";
import type { JsonValue } from "../types/json-value.ts";
import type { PartitionReach } from "./partition-progress.ts";
import { fromJsonValue } from "../types/json-value.ts";
import { formatIso } from "../types/timestamp-text.ts";

/** One (row, deadline) test against the late watermark: late if `end <= lateWatermark`. `marginMs` is how far `end` lies ahead of it, negative or 0 when late. */
export type WhyDeadline = { readonly start: string; readonly end: string; readonly late: boolean; readonly marginMs: number };

/** What one operator of the plan does with the row. */
export type WhyStep = {
  readonly operator: string;
  readonly verdict: "passes" | "counts" | "counts in some windows" | "late" | "filtered" | "no event time" | "ahead of time" | "not known";
  readonly reason: string;
  /** The watermark of the batch before, which decides what is late; ISO-8601. */
  readonly lateWatermark?: string;
  readonly windows?: readonly WhyDeadline[];
};

/** Why a row is kept or dropped: plain data. */
export type WhyRow = {
  readonly batchId: number;
  readonly verdict: "kept" | "dropped" | "not known";
  readonly steps: readonly WhyStep[];
  readonly text: string;
};

/** Why a window is still open; `missingMs` is how far the watermark has to rise, 0 once it is closed. */
export type WhyWindow = {
  readonly end: string;
  readonly watermark: string;
  readonly open: boolean;
  readonly missingMs: number;
  /** What each input has to see before the window closes: an event time of at least `neededEventTime`. */
  readonly inputs: readonly {
    /** The event-time column and its source. */
    readonly input: string;
    readonly delayMs: number;
    readonly watermark: string;
    readonly neededEventTime: string;
    /** Whether the query's watermark waits for it: by the policy "min" the input that lags most, by "max" the one that is furthest. */
    readonly holds: boolean;
  }[];
  readonly text: string;
};

/** What the next batch will do, as far as it is known before it reads. */
export type WhyNextBatch = {
  readonly batchId: number;
  readonly lateWatermark: string;
  readonly watermark: string;
  /** Whether it runs though there is no new data. */
  readonly runsWithoutData: boolean;
  /** Whether it repeats a batch that was begun but not committed. */
  readonly repeats: boolean;
  readonly text: string;
};

/** The numbers of one batch: times in milliseconds since the epoch. */
export interface Outlook {
  readonly batchId: number;
  /** The time of the batch; of one that has not begun, what the clock says. */
  readonly timeMs: number;
  /** Rows further ahead of that time do not move the watermark; undefined where all do. */
  readonly maxFutureMs: number | undefined;
  /** The watermark of the batch before: what is behind it is late. */
  readonly lateWatermarkMs: number;
  /** The batch's own watermark: what is behind it is emitted and evicted. */
  readonly watermarkMs: number;
  readonly runsWithoutData: boolean;
  readonly repeats: boolean;
  readonly policy: "min" | "max";
  /** One for each watermark of the plan: its delay, and how far its event times have brought it. */
  readonly marks: readonly { readonly input: string; readonly delayMs: number; readonly watermarkMs: number }[];
  /** How far each partition has come in event time; empty for sources without partitions. */
  readonly partitions: readonly PartitionReach[];
}

/** The plan that is asked about. */
export interface WhyPlan {
  readonly plan: Node;
  readonly mode: OutputMode;
  readonly settings: ExpressionSettings;
  /** The input watermark of a stateful node under a global one, microseconds. */
  watermarkOf(node: Node, watermarkUs: number): number;
}

const iso = (ms: number): string => formatIso(ms * 1000, "millis");
const isoUs = (us: number): string => formatIso(us, "needed");

/** A row on its way: values by ordinal, and which of them are known. */
interface Walk {
  readonly rows: readonly Row[];
  readonly known: readonly boolean[];
}

/**
 * Follows a row from its stream to the operator that keeps or drops it. The row names columns of the stream below its watermark (timestamps as ISO
 * text); columns that are left out are not known, and so is what depends on them. Lateness is judged by the previous batch's watermark (Spark's
 * WatermarkSupport.watermarkPredicateForDataForLateEvents).
 */
export function whyRow(values: Readonly<Record<string, JsonValue>>, at: Outlook, asked: WhyPlan): WhyRow {
  const entry = entryOf(asked.plan, Object.keys(values));
  const byName = new Map(Object.entries(values).map(([name, value]) => [name.toLowerCase(), value]));
  const row = entry.columns.map((column) => fromJsonValue(byName.get(column.name.toLowerCase()), column.dataType));
  let walk: Walk = { rows: [row], known: entry.columns.map((column) => byName.has(column.name.toLowerCase())) };
  const steps: WhyStep[] = [];
  let child: Node = entry;
  for (const node of parentsOf(asked.plan, entry)) {
    const next = step(node, child, walk, at, asked);
    if (next.step) steps.push(next.step);
    if (!next.walk) break;
    walk = next.walk;
    child = node;
  }
  const last = steps.at(-1);
  const dropped = last?.verdict === "late" || last?.verdict === "filtered" || last?.verdict === "no event time";
  const verdict = dropped ? "dropped" : steps.some((one) => one.verdict === "not known") ? "not known" : "kept";
  const reasons = steps.filter((one) => one === last || one.verdict !== "passes").map((one) => one.reason);
  const told = `In batch ${at.batchId} the row is ${verdict === "not known" ? "kept as far as is known" : verdict}: ${reasons.join(" ") || "nothing on its way drops rows."}`;
  const text = last?.verdict === "late" ? `${told}${furthest(at.partitions)}` : told;
  return { batchId: at.batchId, verdict, steps, text };
}

/** Who has moved the watermark, where there are several partitions: the one that is furthest, not the one that lags. */
function furthest(partitions: readonly PartitionReach[]): string {
  const sorted = [...partitions].sort((a, b) => b.maxEventTimeMs - a.maxEventTimeMs);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (!first || !last || first === last || first.maxEventTimeMs === last.maxEventTimeMs) return "";
  return (
    ` The watermark follows the partition that is furthest: ${first.partition} has come to ${iso(first.maxEventTimeMs)}, ` +
    `${last.partition} only to ${iso(last.maxEventTimeMs)}.`
  );
}

/** An operator that keeps windows, and its input watermark: behind the query's where a join below may still give older rows. */
export type WindowOperator = { readonly name: string; readonly watermarkMs: number };

/**
 * Why the window that ends at `endUs` is open (Spark's WatermarkSupport.watermarkPredicateForDataForEviction: `end <= watermark`). Of several operators
 * in a chain it is the one whose watermark is furthest behind that is asked.
 */
export function whyWindow(endUs: number, at: Outlook, mode: OutputMode, operators: readonly WindowOperator[] = []): WhyWindow {
  const slowest = [...operators].sort((a, b) => a.watermarkMs - b.watermarkMs)[0];
  const watermarkMs = Math.min(at.watermarkMs, slowest?.watermarkMs ?? Infinity);
  const behindMs = at.watermarkMs - watermarkMs;
  const missingMs = Math.max(0, Math.ceil(endUs / 1000 - watermarkMs));
  const open = missingMs > 0 || mode === "complete";
  const marks = at.marks.map((one) => one.watermarkMs);
  const holder = marks.indexOf(at.policy === "max" ? Math.max(...marks) : Math.min(...marks));
  const inputs = at.marks.map((mark, i) => ({
    input: mark.input,
    delayMs: mark.delayMs,
    watermark: iso(mark.watermarkMs),
    neededEventTime: iso(Math.ceil(endUs / 1000) + behindMs + mark.delayMs),
    holds: i === holder,
  }));
  const behind = at.policy === "max" ? inputs : inputs.filter((_, i) => ((marks[i] ?? 0) - behindMs) * 1000 < endUs);
  const needs = behind.map((one) => `${one.input} (delay ${one.delayMs} ms, now at ${one.watermark}) has to reach ${one.neededEventTime}`);
  const through = slowest && behindMs > 0 ? ` (that of ${slowest.name}, ${behindMs} ms behind the query's ${iso(at.watermarkMs)})` : "";
  let text: string;
  if (mode === "complete") text = "Complete mode keeps every window for ever.";
  else if (at.marks.length === 0) text = "The query has no watermark, so no window ever closes.";
  else if (!open) text = `The window is closed: its end ${isoUs(endUs)} is not after the watermark ${iso(watermarkMs)}${through}.`;
  else {
    const held = inputs.length > 1 ? ` By the policy "${at.policy}" the watermark waits for ${inputs[holder]?.input ?? ""}.` : "";
    text = `The window is open: the watermark ${iso(watermarkMs)}${through} is ${missingMs} ms before its end ${isoUs(endUs)}; to close it, ${needs.join(at.policy === "max" ? ", or " : ", and ")}.${held}`;
  }
  return { end: isoUs(endUs), watermark: iso(watermarkMs), open: open || at.marks.length === 0, missingMs, inputs, text };
}

/** What the next batch does with its two watermarks, and whether it needs data. */
export function whyNextBatch(at: Outlook): WhyNextBatch {
  const run = at.repeats
    ? "repeats the offsets of a batch that was begun but not committed"
    : at.runsWithoutData
      ? "runs at once, even without data, because the watermark rose"
      : "waits for new data";
  const text =
    `Batch ${at.batchId} ${run}. Rows up to ${iso(at.lateWatermarkMs)} (the watermark of the batch before) are late; ` +
    `what ends up to ${iso(at.watermarkMs)} (its own watermark) is closed.${
      at.maxFutureMs === undefined
        ? ""
        : ` Rows more than ${at.maxFutureMs} ms ahead of its time do not move the watermark (maxFutureEventTime).`
    }`;
  const { batchId, runsWithoutData, repeats } = at;
  return { batchId, lateWatermark: iso(at.lateWatermarkMs), watermark: iso(at.watermarkMs), runsWithoutData, repeats, text };
}

/** Where a row with these columns comes in: below the watermark and the filters that moved under it, else at the lowest node that has them all. */
function entryOf(plan: Node, names: readonly string[]): Node {
  const wanted = names.map((name) => name.toLowerCase());
  const has = (node: Node): boolean => {
    const columns = new Set(node.columns.map((column) => column.name.toLowerCase()));
    return node.streaming && wanted.every((name) => columns.has(name));
  };
  const nodes = allNodes(plan).reverse();
  const marked = nodes.find((node) => node.op === "watermark" && has(node.input));
  let found = marked?.op === "watermark" ? marked.input : nodes.find(has);
  while (found?.op === "filter") found = found.input;
  if (found) return found;
  throw new StreamlabError("WHY_UNKNOWN_COLUMN", {
    failed: `Cannot follow a row with the columns ${names.join(", ")}`,
    found: "no step of the query has all of them",
    remedy: `Name columns of one stream, such as ${[...new Set(nodes.filter((node) => node.streaming).flatMap((node) => node.columns.map((one) => one.name)))].slice(0, 8).join(", ")}.`,
  });
}

/** The nodes above one, the nearest first. */
function parentsOf(plan: Node, below: Node): Node[] {
  if (plan === below) return [];
  for (const input of inputsOf(plan)) {
    const found = parentsOf(input, below);
    if (found.length > 0 || input === below) return [...found, plan];
  }
  return [];
}

type Next = { readonly step?: WhyStep; readonly walk?: Walk };

function step(node: Node, child: Node, walk: Walk, at: Outlook, asked: WhyPlan): Next {
  const timeUs = at.timeMs * 1000;
  const evaluate = (expression: Resolved, columns: readonly Column[]): readonly unknown[] | undefined => {
    if (![...referencesOf(expression)].every((ordinal) => walk.known[ordinal])) return undefined;
    const values = rowFunction([expression], columns, asked.settings);
    return walk.rows.map((row) => values(row, timeUs)[0] ?? null);
  };
  const unknown = (reason: string): WhyStep => ({ operator: node.op, verdict: "not known", reason });
  switch (node.op) {
    case "filter": {
      const passes = evaluate(node.condition, child.columns);
      if (!passes) return { step: unknown("A filter reads columns that are not given."), walk };
      const rows = walk.rows.filter((_, i) => passes[i] === true);
      if (rows.length === 0)
        return { step: { operator: "filter", verdict: "filtered", reason: "A filter's condition is not true for it." } };
      return { step: { operator: "filter", verdict: "passes", reason: "It passes a filter." }, walk: { ...walk, rows } };
    }
    case "project": {
      const columns = node.expressions.map((expression) => evaluate(expression, child.columns));
      const rows = walk.rows.map((_, i) => columns.map((column) => column?.[i] ?? null));
      return { walk: { rows, known: columns.map((column) => column !== undefined) } };
    }
    case "window": {
      const times = evaluate(node.time, child.columns);
      const { sizeUs, slideUs, startUs } = node.window;
      if (!times) return { step: unknown("The event time of its windows is not given.") };
      const rows = walk.rows.flatMap((row, i) => {
        const time = times[i];
        if (typeof time !== "number") return [];
        const made: Row[] = [];
        const last = Math.floor((time - startUs) / slideUs) * slideUs + startUs;
        for (let start = last; start > time - sizeUs; start -= slideUs) made.unshift([...row, [start, start + sizeUs]]);
        return made;
      });
      if (rows.length > 0) return { walk: { rows, known: [...walk.known, true] } };
      return { step: { operator: "window", verdict: "no event time", reason: "Its event time is null, so it falls in no window." } };
    }
    case "watermark": {
      const value = walk.known[node.ordinal] ? walk.rows[0]?.[node.ordinal] : undefined;
      const time = Array.isArray(value) ? (value as unknown[])[1] : value;
      if (at.maxFutureMs === undefined || typeof time !== "number" || time <= timeUs + at.maxFutureMs * 1000) return { walk };
      const ahead = (time - timeUs) / 1000;
      const reason =
        `Its event time ${isoUs(time)} is ${ahead} ms ahead of the batch's time ${iso(at.timeMs)}, more than the ${at.maxFutureMs} ms of ` +
        "maxFutureEventTime: it does not move the watermark.";
      return { step: { operator: "watermark", verdict: "ahead of time", reason }, walk };
    }
    case "generate":
      return { step: unknown("It is taken apart by explode, which is not followed.") };
    case "aggregate": {
      const key = node.keyColumns.findIndex((column) => column.eventTimeDelayMs !== undefined);
      const expression = node.keys[key];
      if (asked.mode === "complete") return { step: counts("aggregate", "Complete mode counts late rows too.") };
      if (!expression) return { step: counts("aggregate", "It is not grouped by its event time, so it is never late.") };
      const values = evaluate(expression, child.columns);
      return { step: values ? judged("aggregate", values, node, at, asked) : unknown("The event time is not given.") };
    }
    case "session": {
      const times = evaluate(node.time, child.columns);
      const gaps = node.gap ? evaluate(node.gap, child.columns) : [];
      if (!times || !gaps) return { step: unknown("The event time or the gap is not given.") };
      const [time, gap] = [times[0], gaps[0]];
      if (typeof time !== "number") return { step: noSession };
      const end = node.fixedGap ? sessionEndUs(time, node.fixedGap) : sessionEndByText(time, String(gap ?? ""));
      if (end <= time) return { step: noSession };
      if (node.keyColumns[node.sessionKey]?.eventTimeDelayMs === undefined)
        return { step: counts("session", "Without a watermark no row is late.") };
      return { step: judged("session", [[time, end]], node, at, asked) };
    }
    case "deduplicate":
    case "join": {
      if (node.op === "join" && !(node.left.streaming && node.right.streaming))
        return { step: unknown("Whether it finds a row in the table of the join is not followed.") };
      const ordinal = child.columns.findIndex((column) => column.eventTimeDelayMs !== undefined);
      const known = node.op === "join" ? "It is kept, and joined with what matches it." : "It goes on, unless its key has come before.";
      if (ordinal < 0) return { step: counts(node.op, `Without a watermark no row is late. ${known}`) };
      if (!walk.known[ordinal]) return { step: unknown("The event time is not given.") };
      const judgement = judged(
        node.op,
        walk.rows.map((row) => row[ordinal] ?? null),
        node,
        at,
        asked,
      );
      if (judgement.verdict === "late") return { step: judgement };
      return { step: { ...judgement, reason: `${judgement.reason} ${known}` }, ...(node.op === "deduplicate" && { walk }) };
    }
    default:
      return { walk };
  }
}

function counts(operator: string, reason: string): WhyStep {
  return { operator, verdict: "counts", reason };
}

/** Event times or windows against the late watermark of a stateful operator. */
const noSession: WhyStep = {
  operator: "session",
  verdict: "no event time",
  reason: "Its event time is null, or its gap is not positive.",
};

function judged(operator: string, values: readonly unknown[], node: Node, at: Outlook, asked: WhyPlan): WhyStep {
  const lateUs = asked.watermarkOf(node, at.lateWatermarkMs * 1000);
  const lateWatermark = isoUs(lateUs);
  const windows = values.flatMap((value): WhyDeadline[] => {
    const [start, end] = Array.isArray(value) ? (value as [number, number]) : [value, value];
    if (typeof start !== "number" || typeof end !== "number") return [];
    return [{ start: isoUs(start), end: isoUs(end), late: end <= lateUs, marginMs: (end - lateUs) / 1000 }];
  });
  if (windows.length === 0) return { operator, verdict: "counts", lateWatermark, reason: "Its event time is null, which is never late." };
  const late = windows.filter((one) => one.late);
  const tell = (one: WhyDeadline): string =>
    one.start === one.end
      ? `its event time ${one.end} is ${Math.abs(one.marginMs)} ms ${one.late ? "behind" : "ahead of"} it`
      : `${one.start}–${one.end} ${one.late ? `closed ${-one.marginMs} ms before it` : `has ${one.marginMs} ms left`}`;
  const verdict = late.length === 0 ? "counts" : late.length === windows.length ? "late" : "counts in some windows";
  return { operator, verdict, lateWatermark, windows, reason: `The late watermark is ${lateWatermark}: ${windows.map(tell).join("; ")}.` };
}
