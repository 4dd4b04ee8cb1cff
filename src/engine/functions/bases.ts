import { arithmeticOverflow } from "../codegen/execution-error.ts";
import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { isNumeric } from "../columns/coerce.ts";
import type { Long } from "../types/long.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { BIGINT, BINARY, implicitCast, INT, scalar, STRING } from "./scalar.ts";

/** Numbers and bytes as digits of other bases. */
export const bases: readonly FunctionEntry[] = [
  scalar({ name: "hex", doc: "A whole number, text or bytes as hexadecimal text.", params: [hexadecimal], result: STRING, run: hex }),
  scalar({
    name: "unhex",
    doc: "The bytes of hexadecimal text, null if it is none.",
    params: [STRING],
    result: BINARY,
    run: unhex,
    partial: true,
  }),
  scalar({
    name: "bin",
    doc: "A whole number in binary.",
    params: [BIGINT],
    result: STRING,
    run: (n: Long) => BigInt.asUintN(64, BigInt(n)).toString(2),
  }),
  scalar({
    name: "conv",
    doc: "A number as text from one base to another; under ANSI rules one beyond 64 bits stops the query.",
    params: [STRING, INT, INT],
    result: STRING,
    make: (_call, { ansi }) => conv(ansi),
    partial: true,
  }),
];

function hexadecimal(arg: Resolved, name: string, settings: ExpressionSettings): Resolved {
  if (arg.dataType.type === "string" || arg.dataType.type === "binary") return arg;
  return implicitCast(arg, isNumeric(arg.dataType) || arg.dataType.type === "null" ? BIGINT : STRING, name, settings);
}

function hex(value: Long | string | Uint8Array): string {
  if (typeof value === "string") return Buffer.from(value, "utf8").toString("hex").toUpperCase();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex").toUpperCase();
  return BigInt.asUintN(64, BigInt(value)).toString(16).toUpperCase();
}

/** An odd number of digits begins with a half byte. */
export function unhex(text: string): Uint8Array | null {
  if (!/^[0-9a-fA-F]*$/.test(text)) return null;
  return new Uint8Array(Buffer.from(text.length % 2 === 0 ? text : `0${text}`, "hex"));
}

const MAX = 2n ** 64n - 1n;

function conv(ansi: boolean): (text: string, from: number, to: number) => string | null {
  return (text, from, to) => {
    if (from < 2 || from > 36 || Math.abs(to) < 2 || Math.abs(to) > 36) return null;
    const trimmed = text.trim();
    if (trimmed === "") return null;
    const negative = trimmed.startsWith("-");
    let value = 0n;
    for (const letter of negative ? trimmed.slice(1) : trimmed) {
      const digit = parseInt(letter, from);
      if (Number.isNaN(digit)) break;
      value = value * BigInt(from) + BigInt(digit);
    }
    if (value > MAX) {
      if (ansi) throw arithmeticOverflow("conv()");
      value = MAX;
    }
    const unsigned = negative && value <= MAX ? BigInt.asUintN(64, -value) : value;
    if (to > 0) return unsigned.toString(to).toUpperCase();
    return BigInt.asIntN(64, unsigned).toString(-to).toUpperCase();
  };
}
