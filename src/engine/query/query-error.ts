import { messageOf, StreamlabError } from "../../base/errors.ts";

/** Why a query ended. `code` is the cause's own error class (STREAM_FAILED where it has none). */
export class StreamingQueryError extends StreamlabError {
  readonly queryId: string;

  constructor(queryId: string, name: string | null, cause: unknown) {
    const code = cause instanceof StreamlabError ? cause.code : "STREAM_FAILED";
    super(code, {
      failed: `Query ${name ?? queryId} terminated with exception`,
      found: messageOf(cause),
      remedy: "Correct the cause, then start the query again: it goes on from its checkpoint.",
      cause,
    });
    this.queryId = queryId;
  }
}
