import { inspect, isDeepStrictEqual } from "node:util";
import { NotebookError } from "./notebook-error.ts";

/**
 * Checks what a cell claims: prints `✓ name` when the condition holds, otherwise fails the cell with the hint. A condition that is a
 * function may itself throw; its message is then what was found.
 *
 * `check("every reading was sent", sent === 1_000, "Wait for the generator to end before you count.")`
 */
export function check(name: string, condition: boolean | (() => boolean), hint: string): void {
  let found = "the condition is false";
  let holds = false;
  try {
    holds = typeof condition === "function" ? condition() : condition;
  } catch (thrown) {
    found = `it threw ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
  if (!holds) throw failed(name, found, hint);
  console.log(`✓ ${name}`);
}

/** Checks that two values are equal, deeply; a failure shows both. */
export function checkEqual(name: string, actual: unknown, expected: unknown, hint: string): void {
  if (!isDeepStrictEqual(actual, expected)) throw failed(name, `${brief(actual)} where ${brief(expected)} is expected`, hint);
  console.log(`✓ ${name}`);
}

/**
 * Checks the answer of an exercise. While the answer is `undefined` it only says that the exercise is open, so that the notebook still
 * runs from top to bottom; a wrong answer fails the cell with the hint.
 *
 * `exercise("Windows of a reading", undefined, (answer) => answer === 2, "The window is twice as long as its slide.")`
 */
export function exercise<A>(name: string, answer: A | undefined, accept: (answer: A) => boolean, hint: string): void {
  if (answer === undefined) console.log(`○ ${name}: put your answer in the place of undefined`);
  else check(name, () => accept(answer), `${hint} Your answer: ${brief(answer)}.`);
}

function failed(name: string, found: string, hint: string): NotebookError {
  return new NotebookError("CHECK_FAILED", { failed: `✗ ${name}`, found, remedy: hint });
}

function brief(value: unknown): string {
  const text = inspect(value, { depth: 3, breakLength: Infinity, maxArrayLength: 10, maxStringLength: 200 });
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
