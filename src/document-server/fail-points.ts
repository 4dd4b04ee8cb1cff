import { Double, Int32, Long, type Document } from "bson";
import { CommandFailure, nameOfCode } from "./failure.ts";
import { textOf } from "./bson/shown.ts";

/** What a fail point makes of one command. */
export type Failing = {
  /** The connection is closed in place of an answer. */
  readonly closes: boolean;
  /** Waited before anything else happens. */
  readonly waitMs: number;
  /** Answered in place of the command's own answer. */
  readonly error: Document | undefined;
  /** Added to the answer of the command, which runs. */
  readonly writeConcernError: Document | undefined;
};

/** How often it still strikes: `skip` commands pass first. */
type Mode = { skip: number; times: number };

type FailPoint = { readonly mode: Mode; readonly data: Document };

/**
 * The test command configureFailPoint with the one point that clients' authors test with, failCommand: commands of given names fail, stall or lose
 * their connection, as often as asked. Students make a find fail with it, too.
 */
export class FailPoints {
  #failCommand: FailPoint | undefined;

  /** `{configureFailPoint: "failCommand", mode: "off" | "alwaysOn" | {times} | {skip}, data: {failCommands, …}}`. */
  configure(body: Document): void {
    if (body.configureFailPoint !== "failCommand")
      throw new CommandFailure("FailPointSetFailed", `failpoint not found: ${textOf(body.configureFailPoint)}`);
    const mode = readMode(body.mode);
    this.#failCommand = mode && { mode, data: (body.data ?? {}) as Document };
  }

  /** What happens to a command that is about to run; undefined for nothing. Counts it. */
  next(commandName: string, appName: string | undefined): Failing | undefined {
    const point = this.#failCommand;
    if (!point || commandName === "configureFailPoint") return undefined;
    const { data, mode } = point;
    if (!Array.isArray(data.failCommands) || !data.failCommands.includes(commandName)) return undefined;
    if (data.appName !== undefined && data.appName !== appName) return undefined;
    if (mode.skip > 0) {
      mode.skip--;
      return undefined;
    }
    if (--mode.times <= 0) this.#failCommand = undefined;
    return {
      closes: data.closeConnection === true,
      waitMs: data.blockConnection === true ? Number(data.blockTimeMS ?? 0) : 0,
      error: data.errorCode === undefined || data.writeConcernError !== undefined ? undefined : errorReply(data),
      writeConcernError: data.writeConcernError as Document | undefined,
    };
  }
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return value instanceof Int32 || value instanceof Double || value instanceof Long ? Number(value.toString()) : undefined;
}

function readMode(mode: unknown): Mode | undefined {
  if (mode === "off") return undefined;
  if (mode === "alwaysOn") return { skip: 0, times: Infinity };
  const { times, skip } = (mode ?? {}) as Document;
  if (numberOf(times) !== undefined) return { skip: 0, times: numberOf(times) as number };
  if (numberOf(skip) !== undefined) return { skip: numberOf(skip) as number, times: Infinity };
  throw new CommandFailure("BadValue", "'mode' must be one of 'off', 'alwaysOn', 'times:int', 'skip:int' here");
}

function errorReply(data: Document): Document {
  const code = Number(data.errorCode);
  return {
    ok: 0,
    errmsg: "Failing command via 'failCommand' failpoint",
    code,
    codeName: nameOfCode(code),
    ...((data.errorExtraInfo ?? {}) as Document),
    ...(data.errorLabels === undefined ? {} : { errorLabels: data.errorLabels as string[] }),
  };
}
