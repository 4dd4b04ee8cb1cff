import { StreamlabError, type Problem } from "../base/errors.ts";

/** What can go wrong with the dashboard's server, beyond a database that is away (which the page shows). */
export type DashboardErrorCode = "PORT_IN_USE" | "CANNOT_LISTEN" | "NOT_LOOPBACK" | "INVALID_URI" | "INVALID_FLAG" | "NO_DATABASE";

export class DashboardError extends StreamlabError {
  constructor(code: DashboardErrorCode, problem: Problem) {
    super(code, problem);
  }
}
