import { StreamlabError, type Problem } from "../base/errors.ts";

/** Every way in which the report refuses. */
export type ReportErrorCode = "NO_RUN_RECORD" | "INVALID_RUN_RECORD";

/** An error of the report, meant for a user. */
export class ReportError extends StreamlabError {
  constructor(code: ReportErrorCode, problem: Problem) {
    super(code, problem);
  }
}
