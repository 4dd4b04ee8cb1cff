/** What a group of readings has seen: when each of them was due, in the order of its partition, and how many of them results have covered. */
interface Group {
  readonly dueMs: number[];
  covered: number;
}

/** What is wrong with the results as a whole; all zero in a sound run. */
export interface CoverageFaults {
  /** Readings that no result covers. */
  readonly missing: number;
  /** Results that count more readings than were sent for their group. */
  readonly excess: number;
  /** Results that count fewer readings than an earlier result of their group. */
  readonly backwards: number;
}

/**
 * Tells when each single reading was in a result. A result that counts n readings of a group covers the first n of that group, and each reading
 * counts once, at the first result that covers it. This is exact, not a guess by rank, where all readings of a group lie in one partition in the
 * order in which they were noted as sent: a batch always takes the next messages of a partition, so a count of n can only mean the first n.
 * Times in milliseconds of one clock.
 */
export class Coverage {
  readonly #groups = new Map<string, Group>();
  readonly #due: number[] = [];
  readonly #latencies: number[] = [];
  #sent = 0;
  #excess = 0;
  #backwards = 0;

  /** Notes the next reading of a group. */
  sent(group: string, dueMs: number): void {
    const known = this.#groups.get(group);
    if (known) known.dueMs.push(dueMs);
    else this.#groups.set(group, { dueMs: [dueMs], covered: 0 });
    this.#sent++;
  }

  /** Notes a result; call it in the order in which results came. */
  result(group: string, readings: number, atMs: number): void {
    const known = this.#groups.get(group);
    if (!known || readings > known.dueMs.length) this.#excess++;
    if (!known) return;
    if (readings < known.covered) this.#backwards++;
    for (; known.covered < Math.min(readings, known.dueMs.length); known.covered++) {
      const due = known.dueMs[known.covered] as number;
      this.#due.push(due);
      this.#latencies.push(atMs - due);
    }
  }

  /** Of the readings that were due in [fromMs, toMs): how long each took to its first result, in no order. */
  latencies(fromMs: number, toMs: number): number[] {
    return this.#latencies.filter((_, i) => (this.#due[i] as number) >= fromMs && (this.#due[i] as number) < toMs);
  }

  faults(): CoverageFaults {
    return { missing: this.#sent - this.#latencies.length, excess: this.#excess, backwards: this.#backwards };
  }
}
