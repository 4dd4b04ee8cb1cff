import { rm } from "node:fs/promises";
import path from "node:path";
import { BatchKeeper, JOBS, startJob } from "./checkpoint-jobs.ts";

/** The format version of the checkpoints that this release writes. A new version gets a folder of its own; the old ones stay. */
const VERSION = "v1";

for (const job of JOBS) {
  const folder = path.join(import.meta.dirname, "golden-checkpoints", VERSION, job);
  await rm(folder, { recursive: true, force: true });
  const query = await startJob(job, folder, new BatchKeeper(3));
  await query.awaitTermination().catch(() => undefined);
}
