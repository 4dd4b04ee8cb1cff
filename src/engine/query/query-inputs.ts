import type { Leaf } from "../operators/compile.ts";
import type { Source } from "../sources/source.ts";
import type { QueryRuntime } from "./query-runtime.ts";
import type { QueryDefinition } from "./streaming-query.ts";

/** Opens what a leaf of the plan reads; `checkpointDir` is undefined for tables. */
export async function openSource(definition: QueryDefinition, leaf: Leaf, checkpointDir: string | undefined): Promise<Source> {
  const { node } = leaf;
  const format = definition.formatOf(node.format);
  if (!format.openSource) throw new TypeError(`the format ${node.format} cannot be read`);
  return format.openSource({
    options: node.options,
    clock: definition.clock,
    schema: node.schema,
    streaming: node.streaming,
    ...(checkpointDir !== undefined && { checkpointDir }),
  });
}

/** The tables of a streaming query: read as a whole for every batch. */
export class Tables {
  readonly #sources: Source[] = [];

  async add(opening: Promise<Source>): Promise<void> {
    this.#sources.push(await opening);
  }

  async read(runtime: QueryRuntime, signal: AbortSignal): Promise<void> {
    const leaves = runtime.compiled.leaves.filter((leaf) => !leaf.node.streaming);
    for (const [i, leaf] of leaves.entries()) {
      const source = this.#sources[i];
      if (!source) continue;
      const from = await source.initial(signal);
      for await (const block of source.read(from, await source.latest(from, signal), signal)) runtime.compiled.process(leaf, block);
    }
  }

  async close(): Promise<void> {
    await closeAll(this.#sources);
  }
}

/** Closes in the opposite order; one that fails does not keep the others open. */
export async function closeAll(resources: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const resource of [...resources].reverse()) await resource.close().catch(() => undefined);
}
