import { rm } from "node:fs/promises";
import path from "node:path";
import { BatchKeeper, type Job, startJob } from "./checkpoint-jobs.ts";

/** The version of the checkpoints that this release writes. A new version gets a folder of its own; the old ones stay. */
const VERSION = "v2";
/** The jobs whose files are others than in the version before. */
const WRITTEN: readonly Job[] = ["join"];

for (const job of WRITTEN) {
  const folder = path.join(import.meta.dirname, "golden-checkpoints", VERSION, job);
  await rm(folder, { recursive: true, force: true });
  const query = await startJob(job, folder, new BatchKeeper(3));
  await query.awaitTermination().catch(() => undefined);
}
