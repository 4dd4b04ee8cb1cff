/** Slots by the instant at which they go, in a binary heap of numbers: taking what has expired looks at nothing else. */
export class SlotHeap {
  #slots: Int32Array = new Int32Array(64);
  #size = 0;
  readonly #deadlineOf: (slot: number) => number;

  /** `deadlineOf` must stay the same for a slot as long as it is in the heap. */
  constructor(deadlineOf: (slot: number) => number) {
    this.#deadlineOf = deadlineOf;
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  clear(): void {
    this.#size = 0;
  }

  add(slot: number): void {
    if (this.#size === this.#slots.length) {
      const bigger = new Int32Array(this.#size * 2);
      bigger.set(this.#slots);
      this.#slots = bigger;
    }
    const deadline = this.#deadlineOf(slot);
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#slots[parent] as number;
      if (this.#deadlineOf(above) <= deadline) break;
      this.#slots[at] = above;
      at = parent;
    }
    this.#slots[at] = slot;
  }

  /** Takes out the slot with the earliest deadline, if that is at or before `us`; −1 when there is none. */
  take(us: number): number {
    if (this.#size === 0) return -1;
    const first = this.#slots[0] as number;
    if (this.#deadlineOf(first) > us) return -1;
    const last = this.#slots[--this.#size] as number;
    const deadline = this.#deadlineOf(last);
    let at = 0;
    for (let child = 1; child < this.#size; child = at * 2 + 1) {
      if (child + 1 < this.#size && this.#deadlineOf(this.#slots[child + 1] as number) < this.#deadlineOf(this.#slots[child] as number))
        child++;
      const below = this.#slots[child] as number;
      if (this.#deadlineOf(below) >= deadline) break;
      this.#slots[at] = below;
      at = child;
    }
    this.#slots[at] = last;
    return first;
  }
}
