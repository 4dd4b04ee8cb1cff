import { StreamlabError, type Problem } from "../base/errors.ts";

/** Every way in which monitoring refuses what it is given. */
export type MonitorErrorCode = "INVALID_HISTOGRAM";

/** An error of the monitoring layer, meant for a user. */
export class MonitorError extends StreamlabError {
  constructor(code: MonitorErrorCode, problem: Problem) {
    super(code, problem);
  }
}
