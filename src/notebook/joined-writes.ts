/** A standard stream. */
export type StreamName = "stdout" | "stderr";

/** Joins many small writes into few. */
export interface JoinedWrites {
  write(name: StreamName, text: string): void;
  /** Hands on at once what is waiting. */
  flush(): void;
}

const LONGEST_WAIT_MS = 20;
const LARGEST = 65_536;

/**
 * Collects what is printed within 20 ms into one message, order kept between the two streams. Jupyter's server stops at 1,000 messages
 * a second, and a cell that prints 3,000 lines sends 3,000.
 */
export function joinWrites(send: (name: StreamName, text: string) => void): JoinedWrites {
  let pending: { name: StreamName; text: string } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const ready = pending;
    pending = undefined;
    if (ready) send(ready.name, ready.text);
  };
  return {
    flush,
    write: (name, text) => {
      if (pending && pending.name !== name) flush();
      pending ??= { name, text: "" };
      pending.text += text;
      if (pending.text.length >= LARGEST) flush();
      else timer ??= setTimeout(flush, LONGEST_WAIT_MS);
    },
  };
}
