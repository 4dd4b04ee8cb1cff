import type { DataType, Row, StructType } from "../types/data-type.ts";
import type { JsonValue } from "../types/json-value.ts";
import { formatDecimal, formatDouble, formatFloat } from "../types/number-text.ts";
import { formatTimestamp } from "../types/timestamp-text.ts";
import { toJsonValue } from "../types/json-value.ts";
import type { SourceProgress, StateOperatorProgress, StreamingQueryProgress } from "./progress.ts";

const printed: unique symbol = Symbol("printed");
/** A number as it is to be printed: "0.0", "3.50". */
type NumberText = { readonly [printed]: string };
const numberText = (text: string): NumberText => ({ [printed]: text });

/** What the writer takes; undefined leaves a field out. */
type Tree = null | boolean | number | string | NumberText | readonly Tree[] | { readonly [key: string]: Tree | undefined };

/**
 * The progress as Spark prints it, on one line: its fields in their order, maps by their keys, rates with one decimal, what is no number and what is
 * empty left out (StreamingQueryProgress.json).
 */
export function progressJson(progress: StreamingQueryProgress): string {
  return compact(tree(progress));
}

/** The same over several lines, as Spark's prettyJson. */
export function prettyProgressJson(progress: StreamingQueryProgress): string {
  return pretty(tree(progress), "");
}

function tree(progress: StreamingQueryProgress): Tree {
  const { id, runId, name, timestamp, batchId, batchDuration, numInputRows, sink } = progress;
  return {
    id,
    runId,
    name,
    timestamp,
    batchId,
    batchDuration,
    numInputRows,
    inputRowsPerSecond: rate(progress.inputRowsPerSecond),
    processedRowsPerSecond: rate(progress.processedRowsPerSecond),
    durationMs: sorted(progress.durationMs),
    eventTime: sorted(progress.eventTime),
    stateOperators: progress.stateOperators.map(operator),
    sources: progress.sources.map(source),
    sink: { description: sink.description, numOutputRows: sink.numOutputRows, metrics: sorted(sink.metrics) },
    observedMetrics: sorted(
      progress.observedMetrics as Readonly<Record<string, JsonValue>>,
      (one) => observedTrees.get(one as object) ?? one,
    ),
  };
}

function operator(one: StateOperatorProgress): Tree {
  return {
    operatorName: one.operatorName,
    numRowsTotal: one.numRowsTotal,
    numRowsUpdated: one.numRowsUpdated,
    allUpdatesTimeMs: one.allUpdatesTimeMs,
    numRowsRemoved: one.numRowsRemoved,
    allRemovalsTimeMs: one.allRemovalsTimeMs,
    commitTimeMs: one.commitTimeMs,
    memoryUsedBytes: one.memoryUsedBytes,
    numRowsDroppedByWatermark: one.numRowsDroppedByWatermark,
    numShufflePartitions: one.numShufflePartitions ?? 1,
    numStateStoreInstances: one.numStateStoreInstances ?? 1,
    customMetrics: sorted(one.customMetrics),
  };
}

function source(one: SourceProgress): Tree {
  return {
    description: one.description,
    startOffset: one.startOffset as JsonValue,
    endOffset: one.endOffset as JsonValue,
    latestOffset: one.latestOffset as JsonValue,
    numInputRows: one.numInputRows,
    inputRowsPerSecond: rate(one.inputRowsPerSecond),
    processedRowsPerSecond: rate(one.processedRowsPerSecond),
    metrics: sorted(one.metrics),
  };
}

/** A map by its keys; an empty one is left out. */
function sorted<T extends Tree>(map: Readonly<Record<string, T>>, as: (value: T) => Tree = (value) => value): Tree | undefined {
  const keys = Object.keys(map).sort();
  return keys.length === 0 ? undefined : Object.fromEntries(keys.map((key) => [key, as(map[key] as T)]));
}

/** One decimal, half up by the digits of the number (Java's BigDecimal of its text). */
function rate(value: number): Tree | undefined {
  if (!Number.isFinite(value)) return undefined;
  const [whole = "0", fraction = ""] = String(value).split(".");
  if (/e/.test(whole + fraction)) return numberText(formatDouble(Math.abs(value) < 1 ? 0 : value));
  const tenths = BigInt(whole) * 10n + BigInt(fraction.charAt(0) || "0") + (fraction.charAt(1) >= "5" ? 1n : 0n);
  return numberText(formatDouble(Number(tenths) / 10));
}

const observedTrees = new WeakMap<object, Tree>();

/** Observed metrics by name, as JSON values; as Spark's `Row.json` has them, instants are texts as the cast gives them. */
export function observedMetrics(row: Row, schema: StructType): Readonly<Record<string, JsonValue>> {
  const metrics = Object.fromEntries(schema.fields.map((one, i) => [one.name, observedValue(row[i], one.dataType)]));
  observedTrees.set(metrics, Object.fromEntries(schema.fields.map((one, i) => [one.name, observedTree(row[i], one.dataType)])));
  return metrics;
}

function observedValue(value: unknown, type: DataType): JsonValue {
  return JSON.parse(compact(observedTree(value, type))) as JsonValue;
}

function observedTree(value: unknown, type: DataType): Tree {
  if (value === null || value === undefined) return null;
  switch (type.type) {
    case "float":
    case "double": {
      const text = type.type === "double" ? formatDouble(value as number) : formatFloat(value as number);
      return Number.isFinite(value) ? numberText(text) : text;
    }
    case "bigint":
      return numberText(String(value));
    case "decimal":
      return numberText(formatDecimal(value as bigint, type.scale));
    case "timestamp":
      return formatTimestamp(value as number);
    case "array":
      return (value as unknown[]).map((one) => observedTree(one, type.element));
    case "struct":
      return Object.fromEntries(type.fields.map((one, i) => [one.name, observedTree((value as unknown[])[i], one.dataType)]));
    case "map":
      if (type.key.type === "string")
        return Object.fromEntries([...(value as Map<string, unknown>)].map(([k, v]) => [k, observedTree(v, type.value)]));
      return [...(value as Map<unknown, unknown>)].map(([k, v]) => ({
        key: observedTree(k, type.key),
        value: observedTree(v, type.value),
      }));
    default:
      return toJsonValue(value, type);
  }
}

function entriesOf(value: object): [string, Tree][] {
  return Object.entries(value as Readonly<Record<string, Tree | undefined>>).filter(
    (entry): entry is [string, Tree] => entry[1] !== undefined,
  );
}

function scalar(value: Tree): string | undefined {
  if (typeof value === "object" && value !== null && printed in value) return (value as NumberText)[printed];
  return typeof value === "object" && value !== null ? undefined : JSON.stringify(value);
}

function compact(value: Tree): string {
  const text = scalar(value);
  if (text !== undefined) return text;
  if (Array.isArray(value)) return `[${(value as readonly Tree[]).map(compact).join(",")}]`;
  return `{${entriesOf(value as object)
    .map(([key, one]) => `${JSON.stringify(key)}:${compact(one)}`)
    .join(",")}}`;
}

/** As Jackson's default pretty printer: objects over lines, arrays on one. */
function pretty(value: Tree, indent: string): string {
  const text = scalar(value);
  if (text !== undefined) return text;
  if (Array.isArray(value)) {
    const items = (value as readonly Tree[]).map((one) => pretty(one, indent));
    return items.length === 0 ? "[ ]" : `[ ${items.join(", ")} ]`;
  }
  const entries = entriesOf(value as object);
  if (entries.length === 0) return "{ }";
  const deeper = `${indent}  `;
  return `{\n${entries.map(([key, one]) => `${deeper}${JSON.stringify(key)} : ${pretty(one, deeper)}`).join(",\n")}\n${indent}}`;
}
