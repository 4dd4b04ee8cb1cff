import type { Offset } from "../../engine/sources/source.ts";
import type { StreamingQueryProgress } from "../../engine/query/progress.ts";
import type { GeneratorProgress, GeneratorTotals } from "../../generators/run-generator.ts";
import type { SpoilOptions } from "../../generators/spoil.ts";

/** What the generator's process is told. */
export interface GeneratorConfig {
  readonly brokers: string;
  readonly topic: string;
  readonly ratePerSecond: number;
  readonly seconds?: number;
  readonly count?: number;
  readonly seed: number;
  readonly spoil?: Omit<SpoilOptions, "seed">;
}

/** What the generator's process tells. */
export type GeneratorMessage =
  | { readonly type: "progress"; readonly progress: GeneratorProgress }
  /** Times in milliseconds since the epoch. */
  | { readonly type: "done"; readonly totals: GeneratorTotals; readonly startedAtMs: number; readonly endedAtMs: number };

/** What the engine's process is told. */
export interface EngineConfig {
  readonly brokers: string;
  readonly topic: string;
  readonly mongoUri: string;
  readonly database: string;
  /** Below it lie the checkpoints `metrics` and `anomalies`, and the dead letters. */
  readonly checkpointDir: string;
  readonly startingOffsets: "latest" | "earliest";
  readonly maxOffsetsPerTrigger?: number;
  /** Documents in one request to the document server; the sink's own default if not given. */
  readonly bulkSize?: number;
}

/** What the engine's process tells. */
export type EngineMessage =
  /** Where a query goes on after the start of the process, from its checkpoint. */
  | { readonly type: "position"; readonly query: string; readonly offset: Offset }
  | { readonly type: "progress"; readonly progress: StreamingQueryProgress }
  /** A query has ended by an error; the process ends, too. */
  | { readonly type: "failed"; readonly query: string; readonly message: string };
