const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/** How much longer a pause may get, so that producers which failed together do not come back together. */
const JITTER = 0.2;

/** The pause before the try after so many failures: none after none, then 50 ms and twice as long each time, at most two seconds, and up to a fifth more. */
export function retryPauseMs(failures: number, random: () => number): number {
  if (failures === 0) return 0;
  return Math.round(Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS) * (1 + JITTER * random()));
}
