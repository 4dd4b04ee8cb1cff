import path from "node:path";
import { projectRoot } from "../base/project.ts";
import { chooseBackends } from "../stack/backends.ts";

import { createRunFolder } from "../stack/run-folder.ts";
import { type Servers, startServers } from "../stack/servers.ts";
import { stateFolder } from "../stack/state-folder.ts";

/** The servers of one notebook, and a folder for its checkpoints. */
export interface LabServers extends Servers {
  /** Bootstrap list of the broker. */
  readonly brokers: string;
  readonly mongoUri: string;
  /** A fresh folder for checkpoints and the like; gone after `stop`. */
  readonly folder: string;
  /** A name for a topic or database: as given on servers of this run, with the run's number on servers that others use too. */
  freshName(server: "kafka" | "mongo", name: string): string;
}

/**
 * Starts the servers that a notebook or program needs: the backends that STREAMLAB_KAFKA, STREAMLAB_MONGO or streamlab.config.json name, else the
 * embedded ones with data of their own, on their usual ports or free ones. `stop` ends them and removes the folder.
 */
export async function startLabServers(
  options: { readonly kafka?: string; readonly mongo?: string; readonly signal?: AbortSignal } = {},
): Promise<LabServers> {
  const backends = chooseBackends({ kafka: options.kafka, mongo: options.mongo }, projectRoot);
  const folder = await createRunFolder(path.join(stateFolder(projectRoot), "notebooks"));
  try {
    const servers = await startServers({ backends, dataDir: folder.path, ...(options.signal ? { signal: options.signal } : {}) });
    return {
      ...servers,
      brokers: servers.kafka.address,
      mongoUri: servers.mongo.address,
      folder: folder.path,
      freshName: (server, wanted) => (backends[server].kind === "external" ? `${wanted}-${folder.name}` : wanted),
      stop: async () => {
        await servers.stop();
        await folder.remove();
      },
    };
  } catch (thrown) {
    await folder.remove();
    throw thrown;
  }
}
