import type { Clock } from "../base/clock.ts";
import type { Options, OutputMode } from "./plan/plan.ts";
import type { Sink } from "./sinks/sink.ts";
import type { Source } from "./sources/source.ts";
import type { StructType } from "./types/data-type.ts";

/** What a format gets from the query that opens it. */
export interface FormatContext {
  readonly options: Options;
  readonly clock: Clock;
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

/** A source or sink by name, as in `.format("kafka")`. A session is made with a list of them; nothing registers itself by being imported. */
export interface Format {
  readonly name: string;
  /** The columns that a reader has before any row is read; checks the options. */
  sourceSchema?(context: FormatContext): StructType;
  openSource?(context: FormatContext): Promise<Source>;
  openSink?(context: SinkContext): Promise<Sink>;
}
