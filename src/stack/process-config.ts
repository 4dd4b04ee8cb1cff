import { StackError } from "./stack-error.ts";

const VARIABLE = "STREAMLAB_PROCESS_CONFIG";

/** The environment that hands a configuration to a process of ours; addresses may hold passwords, so it is never the command line. */
export function configEnvironment(config: object): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(config) };
}

/** This process's configuration, as `configEnvironment` in its parent wrote it. @throws StackError INVALID_CONFIG without a parent of ours */
export function processConfig<T>(): T {
  const text = process.env[VARIABLE];
  if (text) return JSON.parse(text) as T;
  throw new StackError("INVALID_CONFIG", {
    failed: "Cannot run this program by itself",
    found: `${VARIABLE} is not set`,
    remedy: 'It is a part that "streamlab lab" starts; run that instead.',
  });
}
