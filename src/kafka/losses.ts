/** What a source has gone on without since its query began: gaps by partition, for its metrics. */
export class Losses {
  /** Per partition what was found last. */
  readonly #found = new Map<string, string>();
  /** Per partition what was missed beyond the end of its log, and is not to be counted again when the log is begun anew. */
  readonly #beyondEnd = new Map<string, number>();
  #gaps = 0;
  #offsets = 0;

  /** Some offsets were skipped. `isBeyondEnd`: because the log ends before them. */
  add(key: string, found: string, offsets: number, isBeyondEnd: boolean): void {
    this.#gaps++;
    this.#offsets += offsets;
    this.#found.set(key, found);
    if (isBeyondEnd) this.#beyondEnd.set(key, (this.#beyondEnd.get(key) ?? 0) + offsets);
  }

  /** The log went backwards: `expected` was the next offset, it ended at `end`. */
  shrank(key: string, expected: number, end: number): void {
    this.#gaps++;
    this.#offsets += Math.max(0, expected - end - (this.#beyondEnd.get(key) ?? 0));
    this.#beyondEnd.delete(key);
    this.#found.set(key, `offset ${expected} was next, but the log ended at ${end}; read on from its beginning`);
  }

  /** `gaps`, `lostOffsets` (by how many offsets logs fell short of what was expected), and `gap.<topic>-<partition>` in words; nothing without a gap. */
  metrics(): Readonly<Record<string, string>> {
    if (this.#gaps === 0) return {};
    const metrics: Record<string, string> = { gaps: String(this.#gaps), lostOffsets: String(this.#offsets) };
    for (const [key, found] of this.#found) metrics[`gap.${key}`] = found;
    return metrics;
  }
}
