import { AnalysisError, datatypeMismatch, wrongArgumentCount } from "../columns/analysis-error.ts";
import { castTo, literal } from "../columns/coerce.ts";
import type { Expression } from "../columns/expression.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { CalendarInterval } from "../types/interval-text.ts";
import { parseInterval, parseIntervalLiteral } from "../types/interval-text.ts";
import { intervalValue, typeOfText } from "../types/interval-type.ts";
import { windowType } from "../types/schema.ts";
import { sqlTypeName } from "../types/type-text.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { TIMESTAMP, unexpectedType } from "./scalar.ts";

/** A tumbling or sliding window in microseconds. */
export interface WindowSpec {
  /** The instant that is put into windows; a window column has been replaced by its `window_time`. */
  readonly time: Resolved;
  readonly sizeUs: number;
  readonly slideUs: number;
  readonly startUs: number;
}

/** A session window: a fixed gap, or an expression that gives the gap's text row by row. */
export interface SessionSpec {
  readonly time: Resolved;
  readonly fixedGap?: CalendarInterval;
  readonly gap?: Resolved;
  /** The fixed gap is no interval, so that no row is in any session. */
  readonly never?: true;
}

/** window, session_window, window_time. */
export const timeWindows: readonly FunctionEntry[] = [
  {
    name: "window",
    doc: "The windows [start, end) that hold an instant: window(ts, size[, slide[, start]]), durations as text.",
    generator: { kind: "window", columns: () => [{ name: "window", dataType: windowType, nullable: false }] },
    resolve(args, _options, settings) {
      const [time, size, slide, start] = args;
      if (!time || !size || args.length > 4) throw wrongArgumentCount("window", "2 to 4", args.length);
      const instant = timeOf("window", time, settings);
      const sizeUs = durationOf("window", size);
      const slideUs = slide === undefined ? sizeUs : durationOf("window", slide);
      const startUs = start === undefined ? 0 : durationOf("window", start);
      checkWindow(sizeUs, slideUs, startUs);
      const parts = [sizeUs, slideUs, startUs].map((us) => literal(us, { type: "interval" }));
      return { args: [instant, ...parts], dataType: windowType, nullable: false };
    },
    emit: neverEmitted,
  },
  {
    name: "session_window",
    doc: "The session that an instant belongs to: session_window(ts, gap), the gap a text or an expression that gives one.",
    generator: { kind: "session", columns: () => [{ name: "session_window", dataType: windowType, nullable: false }] },
    resolve(args, _options, settings) {
      const [time, gap] = args;
      if (!time || !gap || args.length !== 2) throw wrongArgumentCount("session_window", "2", args.length);
      const instant = timeOf("session_window", time, settings);
      if (gap.dataType.type !== "string" && gap.dataType.type !== "null") throw unexpectedType("session_window", gap, '"STRING"');
      return { args: [instant, gap], dataType: windowType, nullable: false };
    },
    emit: neverEmitted,
  },
  {
    name: "window_time",
    doc: "The last microsecond of a window: its end − 1 µs.",
    resolve(args) {
      const [window] = args;
      if (!window || args.length !== 1) throw wrongArgumentCount("window_time", "1", args.length);
      if (!isWindow(window)) throw unexpectedType("window_time", window, '"STRUCT<start: TIMESTAMP, end: TIMESTAMP>"');
      const end: Resolved = { kind: "getField", input: window, ordinal: 1, name: "end", dataType: TIMESTAMP, nullable: window.nullable };
      return { args: [end], dataType: TIMESTAMP, nullable: window.nullable };
    },
    emit(call, context) {
      const [end] = call.args;
      if (!end) throw wrongArgumentCount("window_time", "1", 0);
      const { value, isNull } = context.emit(end);
      return { value: `${value} - 1`, isNull };
    },
  },
];

/** Reads a resolved `window` call. */
export function windowSpec(call: ResolvedCallNode): WindowSpec {
  const [time, size, slide, start] = call.args;
  if (!time) throw new RangeError("window without a time");
  return { time, sizeUs: us(size), slideUs: us(slide), startUs: us(start) };
}

/** What a text is that is no duration: such rows are in no session. */
const NO_GAP: CalendarInterval = { months: 0, us: 0 };

/** Reads a resolved `session_window` call. */
export function sessionSpec(call: ResolvedCallNode): SessionSpec {
  const [time, gap] = call.args;
  if (!time || !gap) throw new RangeError("session_window without a time");
  if (gap.kind !== "literal") return { time, gap };
  const fixedGap = gap.value === null ? undefined : parseInterval(String(gap.value));
  return fixedGap ? { time, fixedGap } : { time, fixedGap: NO_GAP, never: true };
}

function us(arg: Resolved | undefined): number {
  return arg?.kind === "literal" && typeof arg.value === "number" ? arg.value : 0;
}

function isWindow(arg: Resolved): boolean {
  const type = arg.dataType;
  return (
    type.type === "struct" &&
    type.fields.length === 2 &&
    type.fields[0]?.name === "start" &&
    type.fields[1]?.name === "end" &&
    type.fields.every((one) => one.dataType.type === "timestamp")
  );
}

/** An instant, a date or a text that is one, or a window, which stands for its last microsecond. */
function timeOf(name: string, arg: Resolved, settings: ExpressionSettings): Resolved {
  if (isWindow(arg)) {
    const entry = timeWindows.find((one) => one.name === "window_time");
    if (entry) return { kind: "call", entry, options: {}, ...entry.resolve([arg], {}, settings) };
  }
  if (!["timestamp", "date", "string", "null"].includes(arg.dataType.type)) {
    throw unexpectedType(name, arg, `"TIMESTAMP" instead of "${sqlTypeName(arg.dataType)}"`);
  }
  return castTo(arg, TIMESTAMP, settings);
}

function durationOf(name: string, arg: Resolved): number {
  if (arg.kind !== "literal") {
    throw new AnalysisError("DATATYPE_MISMATCH.NON_FOLDABLE_INPUT", {
      failed: `The durations of ${name} must be fixed`,
      found: "an expression",
      remedy: 'Write a text such as "10 seconds".',
    });
  }
  if (typeof arg.value === "number") return arg.value;
  return intervalUs(String(arg.value));
}

/** An interval literal of a text, with the type of the units that it names. @throws AnalysisError CANNOT_PARSE_INTERVAL, _LEGACY_ERROR_TEMP_0029 */
export function intervalLiteral(text: string): Extract<Expression, { kind: "literal" }> {
  const found = parseIntervalLiteral(text);
  const dataType = typeOfText(text);
  if (found !== undefined && dataType !== undefined) return { kind: "literal", value: intervalValue(found, dataType), dataType };
  if (found === undefined) return { kind: "literal", value: intervalUs(text), dataType: { type: "interval" } };
  throw new AnalysisError("_LEGACY_ERROR_TEMP_0029", {
    failed: `Cannot mix year-month and day-time fields: ${text}`,
    found: "months and years have no fixed length",
    remedy: "Add two intervals in turn: one of months, one of days to seconds.",
  });
}

/** The microseconds of an interval text; months and years are refused as Spark does (_LEGACY_ERROR_TEMP_3231), other texts by CANNOT_PARSE_INTERVAL. */
export function intervalUs(text: string): number {
  const found = parseIntervalLiteral(text);
  if (found === undefined) {
    throw new AnalysisError("CANNOT_PARSE_INTERVAL", {
      failed: `Unable to parse '${text}'`,
      found: "it is no number with a unit",
      remedy: 'Ensure that the value is in a valid format for defining an interval, as in "10 seconds".',
    });
  }
  if (found.months !== 0) {
    throw new AnalysisError("_LEGACY_ERROR_TEMP_3231", {
      failed: `Intervals greater than a month is not supported (${text})`,
      found: "months and years have no fixed length",
      remedy: "Write days or weeks instead.",
    });
  }
  return found.us;
}

function checkWindow(sizeUs: number, slideUs: number, startUs: number): void {
  const text = `window(…, ${sizeUs}, ${slideUs}, ${startUs})`;
  for (const [name, value] of [
    ["window_duration", sizeUs],
    ["slide_duration", slideUs],
  ] as const) {
    if (value > 0) continue;
    throw datatypeMismatch(
      "VALUE_OUT_OF_RANGE",
      text,
      `the \`${name}\` must be between (0, 9223372036854775807] (current value = ${value}L)`,
      "Give a positive duration.",
    );
  }
  const constraint = (left: string, relation: string, right: string): Error =>
    datatypeMismatch("PARAMETER_CONSTRAINT_VIOLATION", text, `the ${left} must be ${relation} the ${right}`, "Correct the durations.");
  if (slideUs > sizeUs) throw constraint(`\`slide_duration\`(${slideUs}L)`, "<=", `\`window_duration\`(${sizeUs}L)`);
  if (Math.abs(startUs) >= slideUs) throw constraint(`\`abs(start_time)\`(${Math.abs(startUs)}L)`, "<", `\`slide_duration\`(${slideUs}L)`);
}

function neverEmitted(call: ResolvedCallNode): never {
  throw new AnalysisError("UNSUPPORTED_GENERATOR.OUTSIDE_SELECT", {
    failed: `${call.entry.name} cannot be computed here`,
    found: "it stands inside another expression",
    remedy: "Use it as a grouping key or as a whole column of a select.",
  });
}
