import { RowStore } from "../state/row-store.ts";
import type { StateFiles } from "../state/state-files.ts";
import type { StepFactory } from "./stage.ts";
import type { OperatorCounts, StatefulOperator } from "./stateful.ts";
import { newCounts } from "./stateful.ts";

const KEY: [] = [];

/**
 * limit of a stream: the first n rows of all batches together. A batch reads no further than to its n-th row, as Spark's local limit does, where
 * nothing between the source and the limit needs all rows.
 */
export class LimitOperator implements StatefulOperator {
  readonly name = "globalLimit";
  readonly store: RowStore;
  readonly counts: OperatorCounts = newCounts();
  readonly wantsNoDataBatch = false;
  readonly #n: number;
  /** Read and written by generated code. */
  taken: number = 0;
  #before = 0;
  readonly #stopsReading: boolean;
  readonly #passed: { rows: number }[] = [];

  constructor(n: number, stopsReading: boolean, files: StateFiles) {
    this.#n = n;
    this.#stopsReading = stopsReading;
    this.store = new RowStore(files);
  }

  get rows(): number {
    return this.store.size;
  }

  outputWatermarkUs(inputUs: number): number {
    return inputUs;
  }

  begin(): void {
    this.taken = Number(this.store.get(KEY)?.[0] ?? 0);
    this.#before = this.taken;
    for (const passed of this.#passed) passed.rows = 0;
    Object.assign(this.counts, newCounts());
  }

  /** The step of one flow; each counts for itself how far it has read in a batch. */
  step(): StepFactory {
    const passed = { rows: 0 };
    this.#passed.push(passed);
    return () => ({
      before: ({ writer, unread }) => {
        if (this.#stopsReading && unread)
          writer.line(`if (${writer.constant("passed", passed)}.rows >= ${this.#n}) { ${unread.all} return; }`);
      },
      row: (context, build, next) => {
        const limit = build.writer.constant("limit", this);
        const { unread, writer } = build;
        if (this.#stopsReading && unread) writer.line(`if (++${writer.constant("passed", passed)}.rows === ${this.#n}) { ${unread.rest} }`);
        build.writer.block(`if (${limit}.taken < ${this.#n})`, () => {
          build.writer.line(`${limit}.taken++;`);
          next(context);
        });
        if (build.counting) build.writer.line("else filtered++;");
      },
    });
  }

  finish(): void {
    if (this.taken === this.#before) return;
    this.store.put(KEY, [this.taken]);
    this.counts.updated = 1;
  }
}
