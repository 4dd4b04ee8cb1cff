import type { Row, StructType } from "../types/data-type.ts";

/** Where a source stands: JSON that the offset log keeps and only the source understands. Kafka: `{"sensor-data":{"0":123}}`. */
export type Offset = null | boolean | number | string | readonly Offset[] | { readonly [key: string]: Offset };

/**
 * Raw records of one partition: the bytes as fetched (after decompression), and where in them each record lies. The arrays may be longer than
 * `count` says. The source may fill the arrays and the buffer anew as soon as it is asked for the next block: what is to stay is copied before.
 */
export interface RecordBlock {
  readonly kind: "records";
  readonly topic: string;
  readonly partition: number;
  readonly buffer: Uint8Array;
  readonly count: number;
  /** Four per record: key start, key end, value start, value end; start −1 for a null. */
  readonly positions: Int32Array;
  /** One per record. */
  readonly offsets: Float64Array;
  /** One per record, milliseconds. */
  readonly timestampsMs: Float64Array;
  /** 0 CreateTime, 1 LogAppendTime. */
  readonly timestampType: 0 | 1;
  /** Per record, only where the query asked for headers. */
  readonly headers?: readonly (readonly (readonly [string, Uint8Array | null])[])[];
}

/** Rows in the order of the source's schema, for sources that have no raw records. */
export interface RowBlock {
  readonly kind: "rows";
  readonly rows: readonly Row[];
}

/**
 * Rows some of whose columns, texts and binary ones, lie as bytes in a buffer: lines of a text file, for instance. The source may fill the arrays and the
 * buffer anew as soon as it is asked for the next block.
 */
export interface RawBlock {
  readonly kind: "raw";
  readonly buffer: Uint8Array;
  readonly count: number;
  /** Ordinals of the columns that lie in the buffer; the same list in every block of a source. */
  readonly columns: readonly number[];
  /** Per row, two per column of `columns`: start and end; start −1 for a null. Texts are UTF-8. */
  readonly positions: Int32Array;
  /** The values of the other columns at their ordinals; empty where all columns lie in the buffer. */
  readonly rows: readonly Row[];
}

export type Block = RecordBlock | RowBlock | RawBlock;

/**
 * A replayable input. Who calls: only the query's batch loop, one call at a time, never after `close`.
 * `read(from, to)` gives the same rows for the same pair for as long as `commit(to)` has not been called with a later offset, across restarts.
 */
export interface Source {
  readonly schema: StructType;
  /** For progress and explain, as Spark prints it: `KafkaV2[Subscribe[sensor-data]]`. */
  readonly description: string;
  /** The offset before the first row of a new query (startingOffsets). Called once per checkpoint; the query stores the answer. */
  initial(signal: AbortSignal): Promise<Offset>;
  /** The end of the next batch that starts at `from`, limits (maxOffsetsPerTrigger) applied; equal to `from` when there is nothing new. */
  latest(from: Offset, signal: AbortSignal): Promise<Offset>;
  /** The rows in (from, to], in blocks, in order within a partition. A block is valid until the next is asked for; the source may fetch ahead meanwhile. */
  read(from: Offset, to: Offset, signal: AbortSignal): AsyncIterable<Block>;
  /** Resolves as soon as `latest(from)` may answer something newer. No polling where the source can be told. */
  changed(from: Offset, signal: AbortSignal): Promise<void>;
  /** Nothing up to `to` will be asked for again. */
  commit(to: Offset): Promise<void>;
  /** Fixes the end for Trigger.AvailableNow: `latest` never passes the end as it is now. */
  freeze?(signal: AbortSignal): Promise<void>;
  /** For progress: how far the source is ahead of `at`, per Spark's names ("avgOffsetsBehindLatest" …). */
  metrics?(at: Offset): Readonly<Record<string, string>>;
  /** The end of the input as last heard, without limits, for the progress' `latestOffset`; null while nothing was heard. */
  reportLatestOffset?(): Offset;
  /** An offset as the progress tells it, where Spark's own says less than the one that is kept. */
  shownOffset?(offset: Offset): Offset;
  /** W5: makes the offset visible to lag tools; informational, never read back. */
  publish?(to: Offset): Promise<void>;
  close(): Promise<void>;
}
