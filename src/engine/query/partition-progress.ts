import type { CompiledPlan } from "../operators/compile.ts";
import type { BatchRun } from "../operators/stage.ts";
import type { RecordBlock } from "../sources/source.ts";

/** How far one partition of a source has come in event time, milliseconds; −Infinity while it has shown no event time. */
export type PartitionReach = { readonly partition: string; readonly maxEventTimeMs: number };

interface Partition {
  rows: number;
  lateRows: number;
  maxUs: number;
}

/**
 * What each partition has given: rows and late rows of the batch, and the greatest event time of the run. An idle partition does not hold the watermark
 * back, and one that lags gives late rows; these numbers show which. They are taken from block to block, never row by row.
 */
export class PartitionProgress {
  /** By source, each with its partitions in the order of their names and numbers. */
  readonly #sources = new Map<number, ReadonlyMap<string, Partition>>();

  /** A batch begins. */
  begin(): void {
    for (const partitions of this.#sources.values()) for (const one of partitions.values()) [one.rows, one.lateRows] = [0, 0];
  }

  /** Runs a block through the plan and notes what became of it. */
  follow(source: number, block: RecordBlock, compiled: CompiledPlan, run: BatchRun, process: () => void): void {
    const { watermarks } = compiled;
    const late = run.lateRows;
    const before = watermarks.map((stats) => stats.maxUs);
    for (const stats of watermarks) stats.maxUs = -Infinity;
    process();
    const one = this.#partition(source, `${block.topic}-${block.partition}`);
    one.rows += block.count;
    one.lateRows += run.lateRows - late;
    watermarks.forEach((stats, i) => {
      if (stats.maxUs > one.maxUs) one.maxUs = stats.maxUs;
      stats.maxUs = Math.max(stats.maxUs, before[i] ?? -Infinity);
    });
  }

  /**
   * For the progress of a source, of every partition that this run has read: `rows.<topic>-<partition>` and `lateRows.…` of the batch, and
   * `maxEventTime.…` (ISO-8601) of the run where the query has a watermark.
   */
  metrics(source: number): Readonly<Record<string, string>> {
    const metrics: Record<string, string> = {};
    for (const [name, { rows, lateRows, maxUs }] of this.#sources.get(source) ?? []) {
      metrics[`rows.${name}`] = String(rows);
      metrics[`lateRows.${name}`] = String(lateRows);
      if (maxUs > -Infinity) metrics[`maxEventTime.${name}`] = new Date(Math.floor(maxUs / 1000)).toISOString();
    }
    return metrics;
  }

  /** Every partition of every source that has shown an event time. */
  reach(): readonly PartitionReach[] {
    return [...this.#sources.values()].flatMap((partitions) =>
      [...partitions]
        .filter(([, { maxUs }]) => maxUs > -Infinity)
        .map(([partition, { maxUs }]) => ({ partition, maxEventTimeMs: Math.floor(maxUs / 1000) })),
    );
  }

  #partition(source: number, name: string): Partition {
    const partitions = this.#sources.get(source);
    const known = partitions?.get(name);
    if (known) return known;
    const made: Partition = { rows: 0, lateRows: 0, maxUs: -Infinity };
    const all = [...(partitions ?? []), [name, made] as const];
    this.#sources.set(source, new Map(all.sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))));
    return made;
  }
}
