export { createSession } from "./api/session.ts";
export type { MemoryStream, Session, SessionOptions, StreamingQueryManager } from "./api/session.ts";
export { DataFrame } from "./api/data-frame.ts";
export { GroupedData } from "./api/grouped-data.ts";
export type { AnyRow } from "./api/data-frame.ts";
export type { JsonRow } from "./api/planned-query.ts";
export { DataFrameWriter } from "./api/batch-writer.ts";
export { DataReader } from "./api/reader.ts";
export type { KafkaRow } from "./api/reader.ts";
export { DataStreamWriter } from "./api/writer.ts";
export type { UserColumnFunction, UserFunction, UserFunctionOptions, UserFunctions } from "./functions/user-function.ts";
export { StreamingQuery } from "./query/streaming-query.ts";
export type { StreamingQueryStatus } from "./query/streaming-query.ts";
export type { WhyDeadline, WhyNextBatch, WhyRow, WhyStep, WhyWindow } from "./query/why.ts";
export type { DriftEntry, DriftReport } from "./functions/json/drift.ts";
export { StreamingQueryError } from "./query/query-error.ts";
export { prettyProgressJson, progressJson } from "./query/progress-json.ts";
export type { SinkProgress, SourceProgress, StateOperatorProgress, StreamingQueryProgress } from "./query/progress.ts";
export type {
  QueryIdleEvent,
  QueryProgressEvent,
  QueryStartedEvent,
  QueryTerminatedEvent,
  StreamingQueryListener,
} from "./query/listener.ts";
export type { TriggerOptions } from "./query/trigger.ts";
export { CheckpointError } from "./checkpoint/checkpoint-error.ts";
export { UnsupportedQueryError } from "./plan/check.ts";
export { AnalysisError } from "./columns/analysis-error.ts";
export { QueryExecutionError } from "./codegen/execution-error.ts";
export type { JoinType, OutputMode, Plan } from "./plan/plan.ts";
export type { Format, FormatContext, SaveContext, SaveMode, SinkContext } from "./formats.ts";
export type { ExplainMode } from "./plan/explain.ts";
export type { Block, Offset, RecordBlock, RowBlock, Source } from "./sources/source.ts";
export { Observation } from "./api/observation.ts";
export type { ForeachWriter } from "./sinks/builtin.ts";
export type { DeadLetterRow } from "./sinks/dead-letter-rows.ts";
export type { Wait, WaitOptions } from "./query/wait.ts";
export type { Sink, SinkBatch } from "./sinks/sink.ts";
export type { DataType, Row, StructField, StructType } from "./types/data-type.ts";
export type { JsonValue, RowInput } from "./types/json-value.ts";
