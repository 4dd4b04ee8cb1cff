import { mkdir, realpath } from "node:fs/promises";
import path from "node:path";
import { takeLockFile } from "../base/lock-file.ts";
import { BrokerError } from "./broker-error.ts";

/**
 * Makes this process the only broker on a data folder. Throws DATA_FOLDER_IN_USE where another lives; what a killed one left behind is
 * taken over. Returns the release.
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const taken = await takeLockFile(path.join(await realpath(folder), "broker.lock"));
  if ("lock" in taken) return () => taken.lock.release();
  const { heldBy } = taken;
  throw new BrokerError("DATA_FOLDER_IN_USE", {
    failed: `Cannot start the Kafka-protocol development broker on ${folder}`,
    found:
      heldBy === undefined
        ? "several brokers try to take the folder at the same time"
        : heldBy.pid === process.pid
          ? "another broker of this process uses the folder"
          : `process ${heldBy.pid} uses the folder`,
    remedy: "Stop the other broker first, or give this one a data folder of its own.",
  });
}
