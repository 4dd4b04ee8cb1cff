import path from "node:path";
import { projectRoot } from "../../base/project.ts";
import { chooseBackends } from "../../stack/backends.ts";
import { stateFolder } from "../../stack/daemon.ts";
import { createRunFolder } from "../../stack/run-folder.ts";
import { IOT } from "./names.ts";
import { type IotPipeline, type IotPipelineOptions, startIotPipeline } from "./pipeline.ts";

/** What a pipeline is to do; where it runs and keeps its data is chosen for it. */
export type FreshPipelineOptions = Omit<IotPipelineOptions, "backends" | "dataDir" | "topic" | "database" | "temporary">;

/**
 * Starts the whole path on the configured backends (STREAMLAB_KAFKA, STREAMLAB_MONGO, streamlab.config.json, else the embedded ones) with data of
 * its own: a fresh folder, and on servers of others a fresh topic and database. Its `stop` takes all of them away.
 */
export async function startFreshPipeline(options: FreshPipelineOptions): Promise<IotPipeline> {
  const backends = chooseBackends({}, projectRoot);
  const run = `${new Date().toISOString().replace(/\D/g, "")}-${process.pid}`;
  const folder = await createRunFolder(path.join(stateFolder(projectRoot), "pipelines"), run);
  const temporary = { topic: backends.kafka.kind === "external", database: backends.mongo.kind === "external" };
  try {
    const pipeline = await startIotPipeline({
      ...options,
      backends,
      dataDir: folder.path,
      topic: temporary.topic ? `${IOT.topic}-${run}` : IOT.topic,
      database: temporary.database ? `${IOT.database}-${run}` : IOT.database,
      temporary,
    });
    return {
      ...pipeline,
      stop: async () => {
        await pipeline.stop();
        await folder.remove();
      },
    };
  } catch (thrown) {
    await folder.remove();
    throw thrown;
  }
}
