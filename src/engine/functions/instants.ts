import { cannotParseTimestamp, invalidTimeZone } from "../codegen/execution-error.ts";
import { isIntegral } from "../columns/coerce.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { Long } from "../types/long.ts";
import { formatPattern, parsePattern } from "../types/timestamp-pattern.ts";
import { zoneOffsetAtUs, zoneOffsetUs } from "../types/time-zone.ts";
import { dates, kept } from "./dates.ts";
import type { FunctionEntry, ResolvedCallNode } from "./function-entry.ts";
import { anyIntegral, BIGINT, DOUBLE, implicitCast, scalar, STRING, TIMESTAMP, unexpectedType } from "./scalar.ts";

/** Instants as numbers since the epoch and back, and the wall clocks of zones. */
export const instants: readonly FunctionEntry[] = [
  scalar({
    name: "unix_seconds",
    doc: "Seconds since the epoch.",
    params: [instantOnly],
    result: BIGINT,
    inline: ([t]) => `Math.floor(${t} / 1e6)`,
    total: true,
  }),
  scalar({
    name: "unix_millis",
    doc: "Milliseconds since the epoch.",
    params: [instantOnly],
    result: BIGINT,
    inline: ([t]) => `Math.floor(${t} / 1e3)`,
    total: true,
  }),
  scalar({
    name: "unix_micros",
    doc: "Microseconds since the epoch.",
    params: [instantOnly],
    result: BIGINT,
    run: (us: number) => (Number.isSafeInteger(us) ? us : BigInt(us)),
  }),
  scalar({
    name: "timestamp_seconds",
    doc: "The instant so many seconds after the epoch.",
    params: [numberOnly],
    result: TIMESTAMP,
    inline: ([n]) => `Math.trunc(${n} * 1e6)`,
    total: true,
  }),
  scalar({
    name: "timestamp_millis",
    doc: "The instant so many milliseconds after the epoch.",
    params: [integralOnly],
    result: TIMESTAMP,
    inline: ([n]) => `Number(${n}) * 1000`,
    total: true,
  }),
  scalar({
    name: "timestamp_micros",
    doc: "The instant so many microseconds after the epoch.",
    params: [integralOnly],
    result: TIMESTAMP,
    inline: ([n]) => `Number(${n})`,
    total: true,
  }),
  ofNow(
    scalar({
      name: "unix_timestamp",
      doc: "Seconds since the epoch of an instant, or of text by a pattern; of the batch's beginning without arguments.",
      params: [instantOrText, STRING],
      required: 1,
      result: BIGINT,
      make: unixTimestamp,
      partial: true,
    }),
  ),
  scalar({
    name: "to_unix_timestamp",
    doc: "The same as unix_timestamp.",
    params: [instantOrText, STRING],
    required: 1,
    result: BIGINT,
    make: unixTimestamp,
    partial: true,
  }),
  scalar({
    name: "from_unixtime",
    doc: "Seconds since the epoch by a pattern, yyyy-MM-dd HH:mm:ss when not given.",
    params: [BIGINT, STRING],
    required: 1,
    result: STRING,
    make: fromUnixTime,
  }),
  scalar({
    name: "from_utc_timestamp",
    doc: "The wall clock of a zone at an instant.",
    params: [TIMESTAMP, STRING],
    result: TIMESTAMP,
    run: fromUtc,
  }),
  scalar({
    name: "to_utc_timestamp",
    doc: "The instant at which a zone's wall clock shows a time.",
    params: [TIMESTAMP, STRING],
    result: TIMESTAMP,
    run: toUtc,
  }),
];

/** The same of the instant at which the batch began when it is called without arguments. */
function ofNow(entry: FunctionEntry): FunctionEntry {
  return {
    ...entry,
    resolve(args, options, settings) {
      const now = dates.find((one) => one.name === "current_timestamp");
      if (args.length > 0 || now === undefined) return entry.resolve(args, options, settings);
      return entry.resolve([{ kind: "call", entry: now, options: {}, ...now.resolve([], {}, settings) }], options, settings);
    },
  };
}

function fromUnixTime(): (seconds: Long, pattern?: string) => string {
  const formats = kept(formatPattern);
  return (seconds, pattern = "yyyy-MM-dd HH:mm:ss") => formats(pattern)(Number(seconds) * 1_000_000);
}

function instantOrText(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (arg.dataType.type === "timestamp" || arg.dataType.type === "string") return arg;
  if (arg.dataType.type === "null") return implicitCast(arg, STRING, name, settings);
  if (arg.dataType.type !== "date") throw unexpectedType(name, arg, '"TIMESTAMP", "DATE" or "STRING"');
  return implicitCast(arg, TIMESTAMP, name, settings);
}

function unixTimestamp(call: ResolvedCallNode, settings: ExpressionSettings): (value: number | string, pattern?: string) => number | null {
  const patterns = kept(parsePattern);
  const seconds = (us: number): number => Math.trunc(us / 1_000_000) + 0;
  if (call.args[0]?.dataType.type === "timestamp") return (value) => seconds(Number(value));
  return (value, pattern = "yyyy-MM-dd HH:mm:ss") => {
    const us = patterns(pattern)(String(value));
    if (us === null && settings.ansi) throw cannotParseTimestamp(String(value), pattern);
    return us === null ? null : seconds(us);
  };
}

function fromUtc(us: number, zone: string): number {
  return us + known(zoneOffsetAtUs(zone, us), zone);
}

function toUtc(us: number, zone: string): number {
  return us - known(zoneOffsetUs(zone, us), zone);
}

function known(offset: number | null, zone: string): number {
  if (offset === null) throw invalidTimeZone(zone);
  return offset;
}

/** An instant, not converted from anything else. */
function instantOnly(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (arg.dataType.type === "timestamp" || arg.dataType.type === "null") return implicitCast(arg, TIMESTAMP, name, settings);
  throw unexpectedType(name, arg, '"TIMESTAMP"');
}

function integralOnly(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (isIntegral(arg.dataType) || arg.dataType.type === "null") return anyIntegral(arg, name, settings);
  throw unexpectedType(name, arg, '"INTEGRAL"');
}

function numberOnly(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (arg.dataType.type !== "string") return implicitCast(arg, DOUBLE, name, settings);
  throw unexpectedType(name, arg, '"NUMERIC"');
}
