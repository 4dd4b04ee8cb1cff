import { parseLine } from "../checkpoint/checked-file.ts";
import type { BatchLog } from "../checkpoint/batch-log.ts";
import { openBatchLog } from "../checkpoint/batch-log.ts";
import type { ListedFile } from "./file-list.ts";

/**
 * Which files a query has taken, in steps: the step's number is the source's offset. Kept in the checkpoint as `sources/<n>/seen/<step>`, written
 * before the step can be part of a batch, so that a batch reads the same files however often it runs.
 */
export class SeenFiles {
  readonly #log: BatchLog;
  readonly #steps: ListedFile[][];
  readonly #paths: Set<string>;

  private constructor(log: BatchLog, steps: ListedFile[][]) {
    this.#log = log;
    this.#steps = steps;
    this.#paths = new Set(steps.flat().map((file) => file.path));
  }

  /** @throws CheckpointError for a step that is damaged or missing */
  static async open(folder: string): Promise<SeenFiles> {
    const log = await openBatchLog(folder);
    const last = await log.latest();
    const steps: ListedFile[][] = [];
    for (let step = 0; step <= last; step++) {
      const lines = await log.require(step);
      steps.push(lines.map((line) => parseLine(line, log.file(step)) as ListedFile));
    }
    return new SeenFiles(log, steps);
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

  /** The files of the steps after `from`, up to `to`. */
  between(from: number, to: number): ListedFile[] {
    return this.#steps.slice(from + 1, to + 1).flat();
  }
}
