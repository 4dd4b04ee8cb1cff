import { CommanderError } from "commander";
import { StreamlabError, messageOf } from "../base/errors.ts";

/** The signal's reason when a user pressed Ctrl+C. */
export class Interrupted extends Error {}

/** Says on stderr what went wrong, in the message's three parts and without a stack trace, and gives the exit code. */
export function reportFailure(thrown: unknown, verbose: boolean): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
  if (thrown instanceof Interrupted) return 130;
  const message = thrown instanceof StreamlabError ? thrown.message : `Unexpected failure: ${messageOf(thrown)}`;
  process.stderr.write(`${message}\n`);
  if (verbose && thrown instanceof Error)
    process.stderr.write(`${thrown.stack ?? ""}\n${thrown.cause ? `caused by ${String(thrown.cause)}\n` : ""}`);
  return 1;
}
