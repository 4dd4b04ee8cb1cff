import vm from "node:vm";

/** Kafka matches in linear time; the engine here may backtrack, so that a pattern gets no more than this. */
const TIMEOUT_MS = 100;

const SCRIPT: vm.Script = new vm.Script("const whole = new RegExp('^(?:' + pattern + ')$', 'u'); ids.filter((id) => whole.test(id))");

/** The ids that a pattern matches as a whole; undefined for a pattern that is none, or that takes too long. */
export function matchingIds(pattern: string, ids: readonly string[]): ReadonlySet<string> | undefined {
  try {
    return new Set(SCRIPT.runInNewContext({ pattern, ids }, { timeout: TIMEOUT_MS }) as string[]);
  } catch {
    return undefined;
  }
}
