import { StreamlabError } from "../../base/errors.ts";
import type { StreamingQueryProgress } from "./progress.ts";
import type { Outlook } from "./why.ts";

/** The numbers of a batch that has run: its own watermark, and the one of the batch before. @throws StreamlabError WHY_UNKNOWN_BATCH unless `recent` has both. */
export function pastOutlook(outlook: Outlook, batchId: number, recent: readonly StreamingQueryProgress[]): Outlook {
  const watermarkMs = (id: number): number | undefined => {
    const progress = recent.findLast((one) => one.batchId === id);
    return progress && Date.parse(progress.eventTime.watermark ?? "1970-01-01T00:00:00.000Z");
  };
  const started = recent.findLast((one) => one.batchId === batchId)?.timestamp;
  const [own, before] = [watermarkMs(batchId), batchId === 0 ? 0 : watermarkMs(batchId - 1)];
  if (own === undefined || before === undefined) {
    const ids = recent.map((one) => one.batchId);
    throw new StreamlabError("WHY_UNKNOWN_BATCH", {
      failed: `Cannot tell about batch ${batchId}`,
      found: ids.length === 0 ? "no batch has run yet" : `known are the batches ${ids[0]} to ${ids.at(-1)}, each by the one before it`,
      remedy: "Ask about a recent batch of this run, or leave the number out to ask about the next one.",
    });
  }
  return { ...outlook, batchId, timeMs: Date.parse(started ?? ""), watermarkMs: own, lateWatermarkMs: before };
}
