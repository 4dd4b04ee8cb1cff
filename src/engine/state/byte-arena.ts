const CHUNK_BITS = 18;
const CHUNK_BYTES = 1 << CHUNK_BITS;

/**
 * Byte strings by address, in chunks of 256 KiB: a chunk whose strings are all gone is used again, so that strings which go in the order in which they came
 * leave nothing behind. An address is a number below 2^53; a string longer than a chunk has one of its own.
 */
export class ByteArena {
  readonly #chunks: Buffer[] = [];
  readonly #live: number[] = [];
  readonly #free: number[] = [];
  #open = -1;
  #end = 0;
  #liveBytes = 0;

  /** The bytes of all chunks. */
  get bytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** The bytes of the strings that are still there. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Whether more than three quarters of at least 16 MiB are of strings that are gone. */
  get wasteful(): boolean {
    return this.#chunks.length > 64 && this.bytes > 4 * this.#liveBytes;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#live.length = 0;
    this.#free.length = 0;
    this.#open = -1;
    this.#end = 0;
    this.#liveBytes = 0;
  }

  /** Makes room for so many bytes; the caller writes them to `chunk(address)` from `offset(address)` on. */
  take(length: number): number {
    if (this.#open < 0 || this.#end + length > (this.#chunks[this.#open]?.length ?? 0)) this.#next(length);
    const address = this.#open * CHUNK_BYTES + this.#end;
    this.#end += length;
    this.#live[this.#open] = (this.#live[this.#open] ?? 0) + length;
    this.#liveBytes += length;
    return address;
  }

  chunk(address: number): Buffer {
    return this.#chunks[Math.floor(address / CHUNK_BYTES)] as Buffer;
  }

  offset(address: number): number {
    return address % CHUNK_BYTES;
  }

  release(address: number, length: number): void {
    const chunk = Math.floor(address / CHUNK_BYTES);
    const left = (this.#live[chunk] ?? 0) - length;
    this.#live[chunk] = left;
    this.#liveBytes -= length;
    if (left === 0 && chunk !== this.#open) this.#recycle(chunk);
  }

  #recycle(chunk: number): void {
    if ((this.#chunks[chunk]?.length ?? 0) > CHUNK_BYTES) this.#chunks[chunk] = Buffer.alloc(0);
    this.#free.push(chunk);
  }

  #next(length: number): void {
    const full = this.#open;
    const known = length <= CHUNK_BYTES ? this.#free.findLastIndex((one) => this.#chunks[one]?.length === CHUNK_BYTES) : -1;
    if (known >= 0) this.#open = this.#free.splice(known, 1)[0] ?? -1;
    else {
      this.#open = this.#free.find((one) => this.#chunks[one]?.length === 0) ?? this.#chunks.length;
      if (this.#free.includes(this.#open)) this.#free.splice(this.#free.indexOf(this.#open), 1);
      this.#chunks[this.#open] = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, length));
    }
    this.#live[this.#open] = 0;
    this.#end = 0;
    if (full >= 0 && this.#live[full] === 0) this.#recycle(full);
  }
}
