import type { Format } from "../formats.ts";
import type { Block, Offset } from "../sources/source.ts";
import type { Row, StructType } from "../types/data-type.ts";

/** For tests: a replayable source of numbered steps, one step a batch, the same rows for the same numbers in every process. */
export function stepsFormat(schema: StructType, steps: readonly (readonly Row[])[]): Format {
  const at = (offset: Offset): number => (typeof offset === "number" ? offset : 0);
  return {
    name: "steps",
    sourceSchema: () => schema,
    openSource: () =>
      Promise.resolve({
        schema,
        description: "Steps",
        initial: () => Promise.resolve(0),
        latest: (from: Offset) => Promise.resolve(Math.min(at(from) + 1, steps.length)),
        read: (from: Offset, to: Offset) => blocks(steps.slice(at(from), at(to))),
        changed: (from: Offset, signal: AbortSignal) =>
          at(from) < steps.length
            ? Promise.resolve()
            : new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true })),
        commit: () => Promise.resolve(),
        close: () => Promise.resolve(),
      }),
  };
}

async function* blocks(steps: readonly (readonly Row[])[]): AsyncIterable<Block> {
  for (const rows of steps) {
    await Promise.resolve();
    yield { kind: "rows", rows };
  }
}
