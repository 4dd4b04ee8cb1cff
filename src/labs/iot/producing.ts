import type { GeneratorTotals } from "../../generators/run-generator.ts";
import type { Monitor } from "../../monitor/monitor.ts";
import { configEnvironment } from "../../stack/process-config.ts";
import { startService } from "../../stack/service-process.ts";
import { LabError } from "../lab-error.ts";
import type { GeneratorConfig, GeneratorMessage } from "./process-messages.ts";

/** What came of producing. Times in milliseconds since the epoch. */
export interface Produced {
  readonly totals: GeneratorTotals;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/**
 * Runs the generator in a process of its own and tells the monitor; ends early, with what is in flight acknowledged, when the signal aborts.
 * @throws LabError GENERATOR_DIED when the process ends without its totals
 */
export async function produceReadings(config: GeneratorConfig, monitor: Monitor, signal: AbortSignal): Promise<Produced> {
  const service = await startService({
    name: "generator",
    module: "labs/iot/generator-process.ts",
    args: [],
    env: configEnvironment(config),
  });
  monitor.watch(service.name, service.pid);
  const stopEarly = (): void => void service.stop();
  try {
    let done: Produced | undefined;
    service.onMessage((message) => {
      const said = message as unknown as GeneratorMessage;
      monitor.acknowledged(said.type === "done" ? said.totals.acknowledged : said.progress.acknowledged);
      if (said.type === "done") done = said;
    });
    signal.addEventListener("abort", stopEarly, { once: true });
    if (signal.aborted) stopEarly();
    service.send({ type: "start" });
    const how = await service.ended;
    if (done) return done;
    throw new LabError("GENERATOR_DIED", {
      failed: "The generator ended before its work was done",
      found: how,
      remedy: 'Run the lab again; "streamlab doctor" shows what this machine lacks.',
    });
  } finally {
    signal.removeEventListener("abort", stopEarly);
    await service.stop();
    monitor.unwatch(service.name);
  }
}
