import { StreamlabError, type Problem } from "../base/errors.ts";

/** What can go wrong around a notebook, by code. */
export type NotebookErrorCode =
  "NOTEBOOK_UNREADABLE" | "NOTEBOOK_TOO_LARGE" | "KERNEL_DIED" | "BAD_PARAMETERS" | "CHECK_FAILED" | "UNFIT_ROWS" | "NO_JUPYTERLAB";

/** The errors of the notebook layer. */
export class NotebookError extends StreamlabError {
  constructor(code: NotebookErrorCode, problem: Problem) {
    super(code, problem);
  }
}
