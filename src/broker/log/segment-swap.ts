import path from "node:path";
import { failpoint } from "../../base/failpoint.ts";
import type { LogFiles } from "./log-files.ts";

/**
 * A compacted segment takes the place of the segments that it was made from, so that a crash at any point leaves the one or the others, whole:
 *
 *     <base>.cleaned         is written and synced          a start removes it
 *     <base>-<end>.swap      the decision: renamed          a start goes on from here
 *     <base>.log             of the olds are removed, then it is renamed
 */
const DIGITS = 20;
const nameOf = (offset: number): string => String(offset).padStart(DIGITS, "0");
const SWAP = /^(\d{20})-(\d{20})\.swap$/;
const LOG = /^(\d{20})\.(log|index)$/;

export const cleanedName = (baseOffset: number): string => `${nameOf(baseOffset)}.cleaned`;

/** Decides that `<base>.cleaned`, which is synced, stands for all segments from `baseOffset` up to `endOffset`. */
export async function decideSwap(files: LogFiles, folder: string, baseOffset: number, endOffset: number): Promise<void> {
  failpoint("compaction.cleaned", baseOffset);
  const swap = path.join(folder, `${nameOf(baseOffset)}-${nameOf(endOffset)}.swap`);
  await files.rename(path.join(folder, cleanedName(baseOffset)), swap);
  await files.syncFolder(folder);
  failpoint("compaction.decided", baseOffset);
}

/** Does what was decided. */
export async function finishSwaps(files: LogFiles, folder: string): Promise<void> {
  const names = (await files.list(folder)).sort();
  let changes = 0;
  for (const name of names) {
    const [, base, end] = SWAP.exec(name) ?? [];
    if (base === undefined || end === undefined) continue;
    for (const old of names.toReversed()) {
      const [, at] = LOG.exec(old) ?? [];
      if (at === undefined || Number(at) < Number(base) || Number(at) >= Number(end)) continue;
      if (old === `${base}.log`) continue;
      await files.remove(path.join(folder, old));
      failpoint("compaction.removed", Number(at));
    }
    await files.rename(path.join(folder, name), path.join(folder, `${base}.log`));
    failpoint("compaction.renamed", Number(base));
    changes++;
  }
  if (changes > 0) await files.syncFolder(folder);
}

/** At a start: does what a crash left to do of what was decided, and removes what was not finished. */
export async function recoverSwaps(files: LogFiles, folder: string): Promise<void> {
  await finishSwaps(files, folder);
  const names = new Set(await files.list(folder));
  for (const name of names) {
    const isOrphan = name.endsWith(".index") && !names.has(name.replace(/index$/, "log"));
    if (isOrphan || name.endsWith(".cleaned") || name.endsWith(".tmp")) await files.remove(path.join(folder, name));
  }
}
