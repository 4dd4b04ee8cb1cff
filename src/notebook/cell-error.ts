import { inspect } from "node:util";
import { StreamlabError, messageOf } from "../base/errors.ts";

/** An error of a cell in the words of Jupyter's messages: a name, one line that says what, and what a reader needs to find it. */
export interface CellError {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

/** A finding of the compiler; line and column count from zero. */
export interface Finding {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const FOREIGN_FRAME = /evalmachine\.|\(?node:|node_modules[\\/]tslab|src[\\/]notebook[\\/]/;
const MAX_FRAMES = 8;
const MAX_FINDINGS = 10;

/** What a cell threw, without the frames of the kernel itself; an error meant for users comes without any frame. */
export function errorOfThrown(thrown: unknown): CellError {
  if (!(thrown instanceof Error)) return { ename: "Thrown", evalue: inspect(thrown), traceback: [`Thrown: ${inspect(thrown)}`] };
  const head = `${thrown.name}: ${thrown.message}`;
  if (thrown instanceof StreamlabError) return { ename: thrown.name, evalue: thrown.message, traceback: [head] };
  const frames = (thrown.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line) && !FOREIGN_FRAME.test(line));
  const cause = thrown.cause === undefined ? [] : [`caused by ${messageOf(thrown.cause)}`];
  return { ename: thrown.name, evalue: thrown.message, traceback: [head, ...frames.slice(0, MAX_FRAMES), ...cause] };
}

/** What the compiler found in a cell, each finding with the line it is about. */
export function errorOfFindings(findings: readonly Finding[], source: string): CellError {
  const lines = source.split("\n");
  const traceback: string[] = [];
  let last = "";
  for (const { line, column, message } of findings.slice(0, MAX_FINDINGS)) {
    const place = `line ${line + 1}, column ${column + 1}`;
    if (place === last) {
      traceback.push(`  ${message}`);
      continue;
    }
    last = place;
    traceback.push(`${place}: ${message}`, `  ${lines[line] ?? ""}`, `  ${" ".repeat(Math.max(0, column))}^`);
  }
  return { ename: "TypeScriptError", evalue: traceback[0] ?? "the cell does not compile", traceback };
}
