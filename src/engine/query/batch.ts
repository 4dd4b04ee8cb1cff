import type { Offset } from "../sources/source.ts";

/** One micro-batch: what it reads and under which time, watermark and settings. Fixed by W1, the same at every repetition. */
export interface Batch {
  readonly id: number;
  readonly timestampMs: number;
  readonly watermarkMs: number;
  /** The watermark of the batch before: what is late in this one. */
  readonly lateWatermarkMs: number;
  readonly starts: readonly Offset[];
  readonly ends: readonly Offset[];
  readonly hasData: boolean;
}
