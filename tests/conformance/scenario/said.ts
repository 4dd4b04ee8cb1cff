import type { ToolResult } from "../harness/java-tools.ts";
import { withoutLog } from "../harness/normalise.ts";

/** What a tool printed, line by line, as a transcript. */
export function said({ exit, out, err }: ToolResult): {
  readonly exit: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
} {
  return { exit, out: withoutLog(out), err: withoutLog(err) };
}

/** The same in the order of the alphabet: for tables whose order is that of a hash table. */
export function saidSorted(result: ToolResult): unknown {
  const { exit, out, err } = said(result);
  return { exit, out: [...out].sort(), err };
}
