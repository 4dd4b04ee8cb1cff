import { Interrupted } from "./failure.ts";

/** Two Ctrl+C that are closer than this are one key press seen twice: a launcher passes on what the terminal has sent to everybody. */
const SAME_PRESS_MS = 400;

/** How a long command hears of Ctrl+C and SIGTERM. */
export interface Interruption {
  /** Aborts at the first: end in good order. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  release(): void;
}

/** Listens for an interruption. The second one calls `atOnce` and ends the process with 130. */
export function listenForInterruption(atOnce: () => void = () => {}): Interruption {
  const ending = new AbortController();
  let firstAt = 0;
  const onSignal = (): void => {
    if (!ending.signal.aborted) {
      firstAt = performance.now();
      ending.abort(new Interrupted("interrupted"));
    } else if (performance.now() - firstAt > SAME_PRESS_MS) {
      atOnce();
      process.exit(130);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: ending.signal,
    release: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
