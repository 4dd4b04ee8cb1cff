import { runAsService } from "../base/own-process.ts";
import { processConfig } from "../stack/process-config.ts";
import { type ScreenshotOptions, captureScreenshots } from "./screenshot.ts";

/** Takes the report's pictures in a process of its own, so that the run's own processes stay small; what it took is told when it is ready. */
await runAsService(async (stopping) => {
  const taken = await captureScreenshots({ ...processConfig<Omit<ScreenshotOptions, "signal">>(), signal: stopping });
  return { ready: { screenshots: taken ?? null }, ended: Promise.resolve(), close: () => Promise.resolve() };
});
