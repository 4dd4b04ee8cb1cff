import path from "node:path";
import { projectRoot } from "../../base/project.ts";
import { type Backends, chooseBackends } from "../../stack/backends.ts";
import { stateFolder } from "../../stack/state-folder.ts";
import { createRunFolder } from "../../stack/run-folder.ts";
import { IOT } from "./names.ts";
import { type IotPipeline, type IotPipelineOptions, startIotPipeline } from "./pipeline.ts";

/** What a pipeline is to do; where it keeps its data is chosen for it, and where it runs unless backends are given. */
export type FreshPipelineOptions = Omit<IotPipelineOptions, "backends" | "dataDir" | "topic" | "database" | "temporary"> & {
  readonly backends?: Backends;
  /** The folder below .streamlab for the run's own; "pipelines" if not given. */
  readonly folder?: string;
};

/**
 * Starts the whole path on the configured backends (STREAMLAB_KAFKA, STREAMLAB_MONGO, streamlab.config.json, else the embedded ones) with data of
 * its own: a fresh folder, and on servers of others a fresh topic and database. Its `stop` takes all of them away.
 */
export async function startFreshPipeline(options: FreshPipelineOptions): Promise<IotPipeline> {
  const backends = options.backends ?? chooseBackends({}, projectRoot);
  const folder = await createRunFolder(path.join(stateFolder(projectRoot), options.folder ?? "pipelines"));
  const temporary = { topic: backends.kafka.kind === "external", database: backends.mongo.kind === "external" };
  try {
    const pipeline = await startIotPipeline({
      ...options,
      backends,
      dataDir: folder.path,
      topic: temporary.topic ? `${IOT.topic}-${folder.name}` : IOT.topic,
      database: temporary.database ? `${IOT.database}-${folder.name}` : IOT.database,
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
