import type { Problem } from "../../base/errors.ts";
import { StreamlabError } from "../../base/errors.ts";

/**
 * What may be wrong with a checkpoint:
 * CHECKPOINT_DAMAGED (checksum or shape), CHECKPOINT_MISSING (a file that must be there), CHECKPOINT_FOREIGN (not ours),
 * CHECKPOINT_NEWER and CHECKPOINT_OLDER (written by a later release, by one too early), CHECKPOINT_OTHER_QUERY (sources or state of another plan), CHECKPOINT_IN_USE, CHECKPOINT_LOST (the lock).
 */
export type CheckpointCode =
  | "CHECKPOINT_DAMAGED"
  | "CHECKPOINT_MISSING"
  | "CHECKPOINT_FOREIGN"
  | "CHECKPOINT_NEWER"
  | "CHECKPOINT_OLDER"
  | "CHECKPOINT_OTHER_QUERY"
  | "CHECKPOINT_IN_USE"
  | "CHECKPOINT_LOST";

/** A checkpoint that a query must not start from, or must not go on writing to. The message names the file. */
export class CheckpointError extends StreamlabError {
  declare readonly code: CheckpointCode;

  constructor(code: CheckpointCode, problem: Problem) {
    super(code, problem);
  }
}

/** The remedy that fits any file which cannot be trusted any more. */
export const RESTORE_OR_RENEW =
  "Put the file back from a copy; or start over with a new checkpointLocation, which reads the input again from startingOffsets.";
