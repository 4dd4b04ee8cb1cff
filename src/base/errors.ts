/** The three parts of a message that a user can act on. */
export interface Problem {
  /** What failed: "Cannot reach Kafka at 127.0.0.1:9092". No full stop. */
  readonly failed: string;
  /** What was found: "connection refused". No full stop. */
  readonly found: string;
  /** What to do, as whole sentences: `Start it with "streamlab up", or pass --kafka host:port.` */
  readonly remedy: string;
  readonly cause?: unknown;
}

/**
 * The root of every error that is meant for a user. A layer derives one class from it and lists its codes in one table.
 * `message` reads `failed (found). remedy`; the cause is kept for `--verbose`.
 */
export class StreamlabError extends Error {
  readonly code: string;
  /** Not enumerable: what Node prints of an uncaught error says everything once. */
  declare readonly problem: Problem;

  constructor(code: string, problem: Problem) {
    super(`${problem.failed} (${problem.found}). ${problem.remedy}`, problem.cause === undefined ? undefined : { cause: problem.cause });
    this.name = new.target.name;
    this.code = code;
    Object.defineProperty(this, "problem", { value: problem });
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a system or library error ("ECONNREFUSED", "ENOSPC"), if it has one. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
