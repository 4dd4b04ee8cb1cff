import { RowStore } from "../state/row-store.ts";
import type { StateFiles } from "../state/state-files.ts";
import type { StepFactory } from "./stage.ts";
import type { OperatorCounts, StatefulOperator } from "./stateful.ts";
import { newCounts } from "./stateful.ts";

const KEY: [] = [];

/** limit of a stream in append mode: the first n rows of all batches together. */
export class LimitOperator implements StatefulOperator {
  readonly name = "globalLimit";
  readonly store: RowStore;
  readonly counts: OperatorCounts = newCounts();
  readonly wantsNoDataBatch = false;
  readonly #n: number;
  /** Read and written by generated code. */
  taken: number = 0;
  #before = 0;

  constructor(n: number, files: StateFiles) {
    this.#n = n;
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
    Object.assign(this.counts, newCounts());
  }

  step(): StepFactory {
    return () => ({
      row: (context, build, next) => {
        const limit = build.writer.constant("limit", this);
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
