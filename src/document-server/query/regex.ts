import { BSONRegExp } from "bson";
import { shown } from "../bson/shown.ts";
import { CommandFailure } from "../failure.ts";

/** The expression as it is to be tested: BSON's `s` (a dot is any character) comes out of the decoder as `g`, which would remember where it stood. */
export function patternOf(pattern: RegExp): RegExp {
  return pattern.global ? new RegExp(pattern.source, pattern.flags.replace("g", "s")) : pattern;
}

/** Reads `$regex` with its `$options` (i, m, s, x, u). Throws BadValue for other options, 51091 for an expression that is none. */
export function readRegex(wanted: unknown, options: unknown): RegExp {
  if (options !== undefined && typeof options !== "string") throw new CommandFailure("BadValue", "$options has to be a string");
  if (wanted instanceof RegExp) {
    if (options === undefined) return patternOf(wanted);
    if (wanted.flags !== "" && options !== "") throw new CommandFailure("Location51075", "options set in both $regex and $options");
    return compiled(wanted.source, options || wanted.flags.replace("g", "s"));
  }
  if (wanted instanceof BSONRegExp) return compiled(wanted.pattern, options ?? wanted.options);
  if (typeof wanted !== "string") throw new CommandFailure("BadValue", "$regex has to be a string");
  return compiled(wanted, options ?? "");
}

function compiled(source: string, options: string): RegExp {
  const unknown = [...options].find((one) => !"imsxu".includes(one));
  if (unknown) throw new CommandFailure("Location51108", `invalid flag in regex options: ${unknown}`);
  if (source.includes("\0")) throw new CommandFailure("BadValue", "Regular expression cannot contain an embedded null byte");
  const inline = /^\(\?([imsx]+)\)/.exec(source);
  const flags = new Set([...options, ...(inline?.[1] ?? "")]);
  let text = inline ? source.slice(inline[0].length) : source;
  if (flags.has("x")) text = text.replace(/\\.|\[(?:\\.|[^\]])*\]|\s+|#[^\n]*/gs, (part) => (/^[\s#]/.test(part) ? "" : part));
  const own = ["i", "m", "s"].filter((flag) => flags.has(flag)).join("");
  for (const attempt of [`${own}u`, own]) {
    try {
      return new RegExp(text, attempt);
    } catch {
      continue;
    }
  }
  throw new CommandFailure("Location51091", `Regular expression is invalid: ${shown(source)}`);
}
