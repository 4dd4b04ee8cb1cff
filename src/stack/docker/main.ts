import { parseArgs } from "node:util";
import { systemClock } from "../../base/clock.ts";
import { runAsService } from "../../base/own-process.ts";
import { projectRoot } from "../../base/project.ts";
import { composeProject, type ComposeService } from "./compose.ts";
import { dockerPlan } from "./docker-plan.ts";

const LOOK_EVERY_MS = 5_000;

/**
 * The keeper of containers, as a service: `--service kafka|replication|mongo --port <n> --data <folder> [--root <folder>]`. It starts them, waits until
 * they are healthy, and removes them when it is ended; their volumes stay, unless the data folder is that of a single run. It ends when they have ended
 * by themselves.
 */
await runAsService(async (stopping) => {
  const { values } = parseArgs({
    options: {
      service: { type: "string", default: "kafka" },
      port: { type: "string", default: "0" },
      data: { type: "string", default: "." },
      root: { type: "string", default: projectRoot },
    },
  });
  const service = values.service as ComposeService;
  const project = composeProject(values.root, values.data, service);
  const { ports, address } = await dockerPlan(service, Number(values.port));
  const end = (): Promise<void> => (project.isThrowaway ? project.down(true) : project.stop(service));
  try {
    await project.up(service, ports, 300);
    if (service === "kafka") await project.permit();
  } catch (thrown) {
    await end().catch(() => undefined);
    throw thrown;
  }
  const watching = new AbortController();
  const watched = async (): Promise<void> => {
    while (!watching.signal.aborted && (await project.runs(service).catch(() => true)))
      await systemClock.sleep(LOOK_EVERY_MS, watching.signal);
  };
  return {
    ready: { host: "127.0.0.1", port: Number(values.port), address, project: project.name },
    ended: watched().catch(() => undefined),
    close: async () => {
      watching.abort(stopping.reason);
      await end();
    },
  };
});
