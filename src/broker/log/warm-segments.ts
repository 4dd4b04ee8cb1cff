/** What the pool may let go of: a segment's open file and its index in memory. */
export interface Coolable {
  /** Bytes of memory that `cool` frees, besides the file. */
  readonly warmBytes: number;
  /** Closes the file and forgets the index; false where somebody is at work on it, or the index is on no disk yet. */
  cool(): boolean;
}

/**
 * The segments of all logs that hold a file open or an index in memory, the longest unused first. Beyond its limits the pool has those cooled that
 * were not used for longest: however long the logs, files and memory stay bounded.
 */
export class WarmSegments {
  readonly #maxFiles: number;
  readonly #maxBytes: number;
  readonly #segments = new Map<Coolable, number>();
  #bytes = 0;

  constructor(limits: { readonly maxFiles?: number; readonly maxBytes?: number } = {}) {
    this.#maxFiles = limits.maxFiles ?? 256;
    this.#maxBytes = limits.maxBytes ?? 8 * 1024 * 1024;
  }

  /** Segments that are warm now. */
  get size(): number {
    return this.#segments.size;
  }

  /** Takes note that a segment is in use. */
  touch(segment: Coolable): void {
    this.forget(segment);
    this.#segments.set(segment, segment.warmBytes);
    this.#bytes += segment.warmBytes;
    if (this.#segments.size <= this.#maxFiles && this.#bytes <= this.#maxBytes) return;
    for (const other of this.#segments.keys()) {
      if (this.#segments.size <= this.#maxFiles && this.#bytes <= this.#maxBytes) return;
      if (other !== segment && other.cool()) this.forget(other);
    }
  }

  /** Takes note that a segment is cold or gone. */
  forget(segment: Coolable): void {
    this.#bytes -= this.#segments.get(segment) ?? 0;
    this.#segments.delete(segment);
  }
}
