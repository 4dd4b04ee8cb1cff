import { StreamlabError, type Problem } from "../base/errors.ts";

/** What can go wrong in a lab beyond its parts. */
export type LabErrorCode = "GENERATOR_DIED" | "QUERY_FAILED" | "NOT_DRAINED" | "BAD_OPTIONS";

export class LabError extends StreamlabError {
  constructor(code: LabErrorCode, problem: Problem) {
    super(code, problem);
  }
}
