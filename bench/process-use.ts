import { processReaderFor, type ProcessUse } from "../src/monitor/resources.ts";

/** CPU seconds so far and resident MiB of some processes together; NaN where there are none or the system does not say. */
export async function useOf(pids: readonly number[]): Promise<ProcessUse> {
  const uses = [...(await processReaderFor(process.platform)(pids)).values()];
  if (uses.length === 0) return { cpuSeconds: Number.NaN, rssMb: Number.NaN };
  return uses.reduce((sum, use) => ({ cpuSeconds: sum.cpuSeconds + use.cpuSeconds, rssMb: sum.rssMb + use.rssMb }));
}

/** What some work took: seconds, and CPU seconds of the given processes meanwhile. */
export async function timed(pids: readonly number[], work: () => Promise<void>): Promise<{ seconds: number; cpuSeconds: number }> {
  const before = await useOf(pids);
  const startedMs = performance.now();
  await work();
  const seconds = (performance.now() - startedMs) / 1000;
  return { seconds, cpuSeconds: (await useOf(pids)).cpuSeconds - before.cpuSeconds };
}
