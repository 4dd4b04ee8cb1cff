import type { Emitted } from "../../codegen/code.ts";
import type { Resolved } from "../../columns/resolved.ts";
import type { EmitContext, RawText } from "../function-entry.ts";

/** Where the text of an expression lies as bytes, so that it can be read without a string: a text column of a block, `cast(… as string)` of a binary one, a part of such a text. */
export function rawText(expression: Resolved | undefined, context: EmitContext): RawText | undefined {
  if (expression?.dataType.type !== "string") return undefined;
  const { expression: found, context: own } = context.origin(expression);
  switch (found.kind) {
    case "field":
      return rawColumn(found, own);
    case "cast":
      return found.input.dataType.type === "binary" ? rawColumn(found.input, own) : undefined;
    case "call":
      return found.entry.emitRaw?.(found, own);
    default:
      return undefined;
  }
}

function rawColumn(column: Resolved, context: EmitContext): RawText | undefined {
  const { expression, context: own } = context.origin(column);
  if (expression.kind !== "field") return undefined;
  const binding = own.binding(expression.ordinal);
  return binding.kind === "bytes" ? binding : undefined;
}

/** Whether a text is equal to another exactly when their bytes are: it has no character that broken UTF-8 is read as. */
export function isPlainText(text: string): boolean {
  return !/[\p{Surrogate}\ufffd]/u.test(text);
}

/** A comparison of a raw text with a literal. */
export type RawTest = (buffer: Uint8Array, start: number, end: number) => boolean;

/**
 * A test of the first of two arguments by the second, without a string: where the first lies as bytes and the second is a literal whose bytes can be
 * compared with it. `testOf` makes the test of the literal, undefined for one that needs the string.
 */
export function emitRawTest(
  args: readonly Resolved[],
  context: EmitContext,
  testOf: (text: string) => RawTest | undefined,
): Emitted | undefined {
  const [text, literal] = args;
  if (args.length !== 2 || literal?.kind !== "literal" || typeof literal.value !== "string" || !isPlainText(literal.value))
    return undefined;
  const raw = rawText(text, context);
  const test = raw && testOf(literal.value);
  if (!test) return undefined;
  const isNull = raw.nullable === false ? "false" : `${raw.start} < 0`;
  return { value: `${context.writer.constant("bytesTest", test)}(${raw.buffer}, ${raw.start}, ${raw.end})`, isNull };
}

/** Tests of raw texts by the bytes of another. */
export function sameBytes(text: string | Uint8Array): RawTest {
  const wanted = bytesOf(text);
  return (buffer, start, end) => end - start === wanted.length && matches(buffer, start, wanted);
}

export function startsWithBytes(text: string | Uint8Array): RawTest {
  const wanted = bytesOf(text);
  return (buffer, start, end) => end - start >= wanted.length && matches(buffer, start, wanted);
}

export function endsWithBytes(text: string | Uint8Array): RawTest {
  const wanted = bytesOf(text);
  return (buffer, start, end) => end - start >= wanted.length && matches(buffer, end - wanted.length, wanted);
}

export function containsBytes(text: string | Uint8Array): RawTest {
  const wanted = bytesOf(text);
  const first = wanted[0];
  return (buffer, start, end) => {
    if (first === undefined) return true;
    const last = end - wanted.length;
    for (let p = start; p <= last; p++) if (buffer[p] === first && matches(buffer, p, wanted)) return true;
    return false;
  };
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? Buffer.from(text) : text;
}

function matches(buffer: Uint8Array, p: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (buffer[p + i] !== wanted[i]) return false;
  return true;
}
