import { systemClock } from "../../base/clock.ts";
import { compile } from "../operators/compile.ts";
import { BatchRun } from "../operators/stage.ts";
import { DeadLetterBatch } from "../operators/dead-letters.ts";
import { checkBatch } from "../plan/check.ts";
import type { Node } from "../plan/node.ts";
import { optimize } from "../plan/optimize.ts";
import { StateFiles } from "../state/state-files.ts";
import type { Format } from "../formats.ts";
import type { ExpressionSettings } from "../columns/resolved.ts";
import type { Row } from "../types/data-type.ts";
import type { JsonValue } from "../types/json-value.ts";
import { observedMetrics } from "./progress-json.ts";

/** Runs a plan without streams once, through the same stages as a streaming query in complete mode, and gives its rows. */
export async function collectRows(
  plan: Node,
  session: { readonly context: { readonly settings: ExpressionSettings }; formatOf(name: string): Format },
  observed: (name: string, metrics: Readonly<Record<string, JsonValue>>) => void = () => {},
): Promise<Row[]> {
  checkBatch(plan);
  const compiled = compile(optimize(plan), {
    mode: "complete",
    settings: { ...session.context.settings, keepDeadLetters: false },
    stateFiles: () => new StateFiles(""),
  });
  const run = new BatchRun();
  run.begin(Math.floor(systemClock.nowMs()) * 1000, new DeadLetterBatch(0));
  compiled.begin(run, [], []);
  const over = new AbortController();
  for (const leaf of compiled.leaves) {
    const { format, options, schema } = leaf.node;
    const source = await session.formatOf(format).openSource?.({ options, schema, clock: systemClock, streaming: false });
    if (!source) continue;
    try {
      const from = await source.initial(over.signal);
      for await (const block of source.read(from, await source.latest(from, over.signal), over.signal)) compiled.process(leaf, block);
    } finally {
      await source.close();
    }
  }
  const rows = compiled.finish();
  for (const one of compiled.observers) observed(one.name, observedMetrics(one.row(run.timeUs), one.schema));
  return rows;
}
