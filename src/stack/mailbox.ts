/** What a process says over IPC. */
export type Message = Readonly<Record<string, unknown>>;

/** Hands messages to listeners; those that come before the first listener are kept for it, so that nothing said early is lost. */
export interface Mailbox {
  deliver(message: Message): void;
  listen(listener: (message: Message) => void): void;
}

export function createMailbox(): Mailbox {
  const listeners: ((message: Message) => void)[] = [];
  let kept: Message[] = [];
  return {
    deliver: (message) => {
      if (listeners.length === 0) kept.push(message);
      for (const listener of listeners) listener(message);
    },
    listen: (listener) => {
      listeners.push(listener);
      const early = kept;
      kept = [];
      for (const message of early) listener(message);
    },
  };
}
