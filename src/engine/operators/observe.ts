import { CodeWriter } from "../codegen/code.ts";
import { createEmitContext, valueOrNull } from "../codegen/emit.ts";
import type { ExpressionSettings } from "../columns/resolved.ts";
import type { FieldBinding } from "../functions/function-entry.ts";
import type { ObserveNode } from "../plan/node.ts";
import type { Row, StructType } from "../types/data-type.ts";
import type { StepFactory } from "./stage.ts";

/** Aggregates over the rows that come by a place of the plan, anew in every batch; the rows go on as they are (Spark's CollectMetrics). */
export class Observer {
  readonly name: string;
  readonly schema: StructType;
  readonly #node: ObserveNode;
  readonly #startValues: () => Row;
  readonly #results: (cells: readonly unknown[], timeUs: number) => Row;
  /** Read and written by generated code. */
  readonly #cells: unknown[] = [];

  constructor(node: ObserveNode, settings: ExpressionSettings) {
    this.name = node.name;
    this.schema = node.metrics;
    this.#node = node;
    this.#startValues = startValues(node);
    this.#results = results(node, settings);
    this.begin();
  }

  /** Forgets the batch before. */
  begin(): void {
    this.#cells.splice(0, this.#cells.length, ...this.#startValues());
  }

  /** Folds every row in. */
  step(): StepFactory {
    return () => ({
      row: (context, { writer }, next) => {
        const cells = writer.constant("observed", this.#cells);
        let from = 0;
        for (const { aggregate } of this.#node.calls) {
          const slots = aggregate.slots.map((_, i) => `${cells}[${from + i}]`);
          from += slots.length;
          aggregate.update(
            slots,
            aggregate.args.map((arg) => context.emit(arg)),
            writer,
          );
        }
        next(context);
      },
    });
  }

  /** The metrics of the batch, in the order of `schema`. */
  row(timeUs: number): Row {
    return this.#results(this.#cells, timeUs);
  }
}

function startValues(node: ObserveNode): () => Row {
  const writer = new CodeWriter();
  const initial = node.calls.flatMap(({ aggregate }) => aggregate.slots.map((slot) => slot.initial));
  writer.line(`return [${initial.join(", ")}];`);
  return writer.compile<() => Row>("startValues", []);
}

function results(node: ObserveNode, settings: ExpressionSettings): (cells: readonly unknown[], timeUs: number) => Row {
  const writer = new CodeWriter();
  const fields: FieldBinding[] = [];
  let from = 0;
  for (const { aggregate } of node.calls) {
    const slots = aggregate.slots.map((_, i) => `cells[${from + i}]`);
    from += slots.length;
    fields.push({ kind: "read", emit: () => aggregate.result(slots, writer) });
  }
  const context = createEmitContext({ writer, settings, batchTimeUs: "timeUs", fields });
  const values = node.results.map((one) => valueOrNull(context.emit(one)));
  writer.line(`return [${values.join(", ")}];`);
  return writer.compile("observedRow", ["cells", "timeUs"]);
}
