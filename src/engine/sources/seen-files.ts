import path from "node:path";
import { parseLine } from "../checkpoint/checked-file.ts";
import { CheckpointError, RESTORE_OR_RENEW } from "../checkpoint/checkpoint-error.ts";
import type { CompactLog, LogContent } from "../checkpoint/compact-log.ts";
import { openCompactLog } from "../checkpoint/compact-log.ts";
import type { ListedFile } from "./file-list.ts";

/**
 * Which files a query has taken, in steps: the step's number is the source's offset. Kept in the checkpoint as the log `sources/<n>/seen`, written
 * before the step can be part of a batch, so that a batch reads the same files however often it runs.
 */
export class SeenFiles {
  readonly #folder: string;
  readonly #log: CompactLog;
  readonly #steps: ListedFile[][];
  readonly #paths: Set<string>;

  private constructor(folder: string, log: CompactLog, steps: ListedFile[][]) {
    this.#folder = folder;
    this.#log = log;
    this.#steps = steps;
    this.#paths = new Set(steps.flat().map((file) => file.path));
  }

  /** @throws CheckpointError for a step that is damaged or missing */
  static async open(folder: string): Promise<SeenFiles> {
    const log = await openCompactLog(folder);
    return new SeenFiles(folder, log, stepsOf(log.content, folder));
  }

  /** The number of the last step; −1 before the first. */
  get last(): number {
    return this.#steps.length - 1;
  }

  has(path: string): boolean {
    return this.#paths.has(path);
  }

  async add(files: readonly ListedFile[]): Promise<void> {
    await this.#log.write(
      this.#steps.length,
      files.map((file) => JSON.stringify(file)),
    );
    this.#steps.push([...files]);
    for (const file of files) this.#paths.add(file.path);
  }

  /** The files of the steps after `from`, up to `to`. @throws CheckpointError where the log ends before */
  between(from: number, to: number): ListedFile[] {
    if (from > to || to > this.last) throw missing(this.#folder, Math.max(from, to));
    return this.#steps.slice(from + 1, to + 1).flat();
  }
}

function stepsOf({ entries, latest }: LogContent, folder: string): ListedFile[][] {
  const steps: ListedFile[][] = [];
  for (const { number, line } of entries) {
    (steps[number] ??= []).push(parseLine(line, path.join(folder, String(number))) as ListedFile);
  }
  for (let step = 0; step <= latest; step++) if (!steps[step]) throw missing(folder, step);
  return steps;
}

function missing(folder: string, step: number): CheckpointError {
  return new CheckpointError("CHECKPOINT_MISSING", {
    failed: `Cannot restart from ${folder}`,
    found: `${path.join(folder, String(step))} is missing`,
    remedy: RESTORE_OR_RENEW,
  });
}
