import { messageOf } from "../base/errors.ts";

const recorded: string[] = [];
let watching = false;
const listeners = new Set<(thrown: unknown) => void>();

/** Starts to record what nobody caught: rejected promises and errors thrown from callbacks. Called once by a notebook's kernel. */
export function watchBackgroundErrors(listener?: (thrown: unknown) => void): void {
  if (listener) listeners.add(listener);
  if (watching) return;
  watching = true;
  const record = (thrown: unknown): void => {
    recorded.push(messageOf(thrown));
    for (const listen of listeners) listen(thrown);
  };
  process.on("uncaughtException", record);
  process.on("unhandledRejection", record);
}

/**
 * The messages of the errors that were raised behind the cells since the kernel started. Jupyter only prints them, so that a run would
 * pass; the last cell of every notebook checks that there are none.
 */
export function backgroundErrors(): readonly string[] {
  return [...recorded];
}
