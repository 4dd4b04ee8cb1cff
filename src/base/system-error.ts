import { codeOf } from "./errors.ts";

/** What a system says when a server cannot be reached, by its code, in words for a user. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the host's name cannot be looked up",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "no route to the host",
  ECONNRESET: "the other side closed the connection",
};

/** The code of the system's error in a chain of causes, by its `code` or its message; undefined where the system said nothing that is known. */
export function systemCode(thrown: unknown): string | undefined {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth++) {
    const code = codeOf(error);
    if (code !== undefined && code in WORDS) return code;
    const named = Object.keys(WORDS).find((name) => (error as Error).message.includes(name));
    if (named) return named;
  }
  return undefined;
}

/** The same in words: "connection refused". */
export function systemWords(thrown: unknown): string | undefined {
  return WORDS[systemCode(thrown) ?? ""];
}
