import type { StreamingQueryProgress } from "./progress.ts";

export type QueryStartedEvent = { readonly id: string; readonly runId: string; readonly name: string | null; readonly timestamp: string };
export type QueryProgressEvent = { readonly progress: StreamingQueryProgress };
export type QueryIdleEvent = { readonly id: string; readonly runId: string; readonly timestamp: string };
export type QueryTerminatedEvent = {
  readonly id: string;
  readonly runId: string;
  readonly exception: string | null;
  /** The class of the first cause, as in Spark's manual. */
  readonly errorClassOnException: string | null;
};

/** Hears of all queries of a session. Called synchronously by the batch loop: must not throw, must not wait. */
export interface StreamingQueryListener {
  onQueryStarted?(event: QueryStartedEvent): void;
  onQueryProgress?(event: QueryProgressEvent): void;
  onQueryIdle?(event: QueryIdleEvent): void;
  onQueryTerminated?(event: QueryTerminatedEvent): void;
}
