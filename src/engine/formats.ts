import type { Clock } from "../base/clock.ts";
import type { Options, OutputMode } from "./plan/plan.ts";
import type { Sink, SinkBatch } from "./sinks/sink.ts";
import type { Source } from "./sources/source.ts";
import type { StructType } from "./types/data-type.ts";

/** What a format gets from the query that opens it. */
export interface FormatContext {
  readonly options: Options;
  readonly clock: Clock;
  /** False where the rows are read once, as a table; true or absent for a stream. */
  readonly streaming?: boolean;
  /** The schema given by the user (`readStream.schema`), if any. */
  readonly schema?: StructType;
  /** The query's checkpoint folder, for sources that keep notes there (`sources/<n>`). */
  readonly checkpointDir?: string;
}

/** What a format of a sink gets besides. */
export interface SinkContext extends FormatContext {
  readonly outputMode: OutputMode;
  readonly queryName?: string;
}

/** What becomes of what is there already when a batch is written. */
export type SaveMode = "append" | "overwrite" | "errorifexists" | "ignore";

/** What a format gets that writes the rows of a batch query. */
export interface SaveContext extends FormatContext {
  readonly mode: SaveMode;
  readonly batch: SinkBatch;
}

/** A source or sink by name, as in `.format("kafka")`. A session is made with a list of them; nothing registers itself by being imported. */
export interface Format {
  readonly name: string;
  /** The columns that a reader has before any row is read; checks the options. */
  sourceSchema?(context: FormatContext): StructType;
  openSource?(context: FormatContext): Promise<Source>;
  openSink?(context: SinkContext): Promise<Sink>;
  /** Writes the rows of a batch query, by the save mode. Without it a batch is one `write` of the sink, and `append` the only mode. */
  save?(context: SaveContext): Promise<void>;
}
