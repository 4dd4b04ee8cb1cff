import { emitRawText } from "../../codegen/cast.ts";
import type { QueryExecutionError } from "../../codegen/execution-error.ts";
import { structuralKey } from "../../codegen/structural-key.ts";
import type { Resolved } from "../../columns/resolved.ts";
import type { EmitContext, FieldBinding, FunctionEntry, RawText, ResolvedCallNode } from "../function-entry.ts";
import { rawText } from "./raw-text.ts";

/** A split of a text that lies as bytes, at one ASCII character. */
interface RawSplit {
  readonly call: ResolvedCallNode;
  readonly context: EmitContext;
  readonly raw: RawText;
  readonly separator: number;
}

function rawSplit(list: Resolved, context: EmitContext): RawSplit | undefined {
  const { expression: call, context: own } = context.origin(list);
  if (call.kind !== "call" || call.entry.name !== "split" || call.args.length !== 2) return undefined;
  const [text, pattern] = call.args;
  const separator = pattern?.kind === "literal" && typeof pattern.value === "string" ? soleCharacter(pattern.value) : undefined;
  const raw = separator === undefined ? undefined : rawText(text, own);
  return raw && separator !== undefined ? { call, context: own, raw, separator } : undefined;
}

/** The code of the one ASCII character that a pattern stands for: itself, or escaped. */
function soleCharacter(pattern: string): number | undefined {
  if (/^[^\\^$.|?*+()[\]{}\u0080-\uffff]$/.test(pattern)) return pattern.charCodeAt(0);
  return /^\\[^\sA-Za-z0-9\u0080-\uffff]$/.test(pattern) ? pattern.charCodeAt(1) : undefined;
}

/** The rows of explode over such a split: a loop over its parts. False where the array has to be made. */
export function emitRawParts(
  list: Resolved,
  context: EmitContext,
  each: (values: readonly FieldBinding[]) => void,
  position: boolean,
): boolean {
  const split = rawSplit(list, context);
  if (!split) return false;
  const { raw, separator } = split;
  const { writer } = context;
  const [from, to, at] = [writer.local("from"), writer.local("to"), writer.local("k")];
  const part: FieldBinding = { kind: "bytes", text: true, buffer: raw.buffer, start: from, end: to, nullable: false };
  const loop = (): void => {
    const next = `${from} = ${to} + 1${position ? `, ${at}++` : ""}`;
    writer.block(`for (let ${from} = ${raw.start}, ${to} = 0${position ? `, ${at} = 0` : ""}; ${from} <= ${raw.end}; ${next})`, () => {
      writer.line(`${to} = ${from};`);
      writer.line(`while (${to} < ${raw.end} && ${raw.buffer}[${to}] !== ${separator}) ${to}++;`);
      each(position ? [{ kind: "value", emitted: { value: at, isNull: "false" } }, part] : [part]);
    });
  };
  writer.comment(`the parts between ${JSON.stringify(String.fromCharCode(separator))}, from the bytes`);
  if (raw.nullable === false) loop();
  else writer.block(`if (${raw.start} >= 0)`, loop);
  return true;
}

/** Where the parts of the last text lie, as many as are needed. */
interface Cutter {
  readonly starts: number[];
  readonly ends: number[];
  /** The greatest part that is needed. */
  last: number;
}

const cutters = new WeakMap<EmitContext, Map<string, Cutter>>();

/** How elements of an array are counted, and what an index outside of it is under ANSI rules; null where it is no error. */
interface ElementRule {
  readonly first: 0 | 1;
  readonly outside?: (index: number, length: number) => QueryExecutionError;
}

/** An element of an array that needs no array where the array is a split of raw text. */
export function withRawParts(entry: FunctionEntry, rule: ElementRule): FunctionEntry {
  const emitRaw = (call: ResolvedCallNode, context: EmitContext): RawText | undefined => emitPart(call, context, rule);
  return {
    ...entry,
    emitRaw,
    emit: (call, context) => {
      const raw = emitRaw(call, context);
      return raw ? emitRawText(raw, context) : entry.emit(call, context);
    },
  };
}

function emitPart(call: ResolvedCallNode, context: EmitContext, rule: ElementRule): RawText | undefined {
  const [list, position] = call.args;
  if (!list || position?.kind !== "literal" || typeof position.value !== "number" || position.value < rule.first) return undefined;
  const split = rawSplit(list, context);
  if (!split) return undefined;
  const { raw } = split;
  const index = position.value - rule.first;
  const cutter = cutterOf(split);
  cutter.last = Math.max(cutter.last, index);
  const { writer } = context;
  const count = split.context.once(`cut ${structuralKey(split.call)}`, () => {
    writer.comment(`${JSON.stringify(String.fromCharCode(split.separator))} parts it, from the bytes`);
    const cut = writer.constant("cut", cutting(cutter, split.separator));
    const place = `${cut}(${raw.buffer}, ${raw.start}, ${raw.end})`;
    return { value: writer.assign("parts", raw.nullable === false ? place : `${raw.start} < 0 ? -1 : ${place}`), isNull: "false" };
  }).value;
  const start = context.once(`part ${structuralKey(call)}`, () => {
    if (rule.outside && context.settings.ansi) {
      const outside = writer.constant("outside", rule.outside);
      writer.line(`if (${count} >= 0 && ${count} <= ${index}) throw ${outside}(${String(position.value)}, ${count});`);
    }
    const starts = writer.constant("starts", cutter.starts);
    return { value: writer.assign("part", `${count} > ${index} ? ${starts}[${index}] : -1`), isNull: "false" };
  }).value;
  return { buffer: raw.buffer, start, end: `${writer.constant("ends", cutter.ends)}[${index}]` };
}

function cutterOf({ call, context }: RawSplit): Cutter {
  const known = cutters.get(context) ?? new Map<string, Cutter>();
  cutters.set(context, known);
  const key = structuralKey(call);
  const cutter = known.get(key) ?? { starts: [], ends: [], last: 0 };
  known.set(key, cutter);
  return cutter;
}

/** Cuts a text into the parts that are needed; answers how many it found, all of them where it has fewer. */
function cutting(cutter: Cutter, separator: number): (buffer: Uint8Array, start: number, end: number) => number {
  const { starts, ends } = cutter;
  return (buffer, start, end) => {
    const { last } = cutter;
    let count = 0;
    for (let from = start, to = start; count <= last && from <= end; from = to + 1) {
      to = from;
      while (to < end && buffer[to] !== separator) to++;
      starts[count] = from;
      ends[count++] = to;
    }
    return count;
  };
}
