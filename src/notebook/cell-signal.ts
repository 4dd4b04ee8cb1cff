import { setMaxListeners } from "node:events";

let controller = newController();

function newController(): AbortController {
  const created = new AbortController();
  setMaxListeners(0, created.signal);
  return created;
}

/**
 * The signal that aborts when somebody interrupts the notebook (the stop button, a time limit of the headless run). Pass it to every
 * long call of a cell: an interrupt alone would leave its loop running.
 */
export function cellSignal(): AbortSignal {
  return controller.signal;
}

/** Aborts what the running cells wait for; cells that start later get a fresh signal. */
export function interruptCells(reason: Error): void {
  const interrupted = controller;
  controller = newController();
  interrupted.abort(reason);
}
