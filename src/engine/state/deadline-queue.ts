/**
 * Groups by the instant at which they end: one bucket per distinct instant, the buckets in a binary heap, so that taking what has expired
 * looks at nothing else. A group that was removed otherwise stays in its bucket and is skipped by the caller's check.
 */
export class DeadlineQueue {
  readonly #buckets: Map<number, number[]> = new Map();
  readonly #heap: number[] = [];
  #groups = 0;

  add(group: number, deadlineUs: number): void {
    this.#groups++;
    const bucket = this.#buckets.get(deadlineUs);
    if (bucket) {
      bucket.push(group);
      return;
    }
    this.#buckets.set(deadlineUs, [group]);
    this.#push(deadlineUs);
  }

  /** Takes out every group whose deadline is at or before `us`, the earliest first. */
  take(us: number): number[] {
    const out: number[] = [];
    for (let first = this.#heap[0]; first !== undefined && first <= us; first = this.#heap[0]) {
      this.#pop();
      for (const group of this.#buckets.get(first) ?? []) out.push(group);
      this.#buckets.delete(first);
    }
    this.#groups -= out.length;
    return out;
  }

  /** An estimate of the memory it takes. */
  get memoryBytes(): number {
    return this.#groups * 12 + this.#buckets.size * 100;
  }

  clear(): void {
    this.#buckets.clear();
    this.#heap.length = 0;
    this.#groups = 0;
  }

  #push(value: number): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(value);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as number) <= value) break;
      heap[at] = heap[parent] as number;
      at = parent;
    }
    heap[at] = value;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as number;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= last) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = last;
  }
}
