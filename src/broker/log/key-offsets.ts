import { hash } from "node:crypto";

const HASH_WORDS = 4;
/** Four words of hash and an offset of eight bytes, as in Kafka's map. */
const ENTRY_BYTES = HASH_WORDS * 4 + 8;
const FEWEST_SLOTS = 1024;
const MOST_FULL = 0.75;

/**
 * The last offset of each key, within a bounded memory: of a key only 128 bits of its SHA-1 are kept, which no two keys share by chance. It grows
 * as keys come, up to the bound; then `put` refuses new keys.
 */
export class KeyOffsets {
  readonly #maxSlots: number;
  #words: Int32Array;
  #offsets: Float64Array;
  #size = 0;
  /** The last offset that the map knows all about; −1 while there is none. */
  latestOffset = -1;

  constructor(maxBytes: number) {
    this.#maxSlots = Math.max(FEWEST_SLOTS, 2 ** Math.floor(Math.log2(Math.max(1, maxBytes / ENTRY_BYTES))));
    this.#words = new Int32Array(FEWEST_SLOTS * HASH_WORDS);
    this.#offsets = new Float64Array(FEWEST_SLOTS).fill(-1);
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#words.byteLength + this.#offsets.byteLength;
  }

  /** The slot of a hash: where it is, or where it would go. */
  #slotOf(words: Int32Array, offsets: Float64Array, digest: Int32Array): number {
    const mask = offsets.length - 1;
    for (let slot = (digest[0] as number) & mask; ; slot = (slot + 1) & mask) {
      if (offsets[slot] === -1) return slot;
      const at = slot * HASH_WORDS;
      const isSame = words[at] === digest[0] && words[at + 1] === digest[1] && words[at + 2] === digest[2] && words[at + 3] === digest[3];
      if (isSame) return slot;
    }
  }

  #grow(): boolean {
    const slots = this.#offsets.length * 2;
    if (slots > this.#maxSlots) return false;
    const words = new Int32Array(slots * HASH_WORDS);
    const offsets = new Float64Array(slots).fill(-1);
    for (let old = 0; old < this.#offsets.length; old++) {
      if (this.#offsets[old] === -1) continue;
      const digest = this.#words.subarray(old * HASH_WORDS, old * HASH_WORDS + HASH_WORDS);
      const slot = this.#slotOf(words, offsets, digest);
      words.set(digest, slot * HASH_WORDS);
      offsets[slot] = this.#offsets[old] as number;
    }
    this.#words = words;
    this.#offsets = offsets;
    return true;
  }

  /** Takes note of a key's record; false where there is no room for another key. Offsets rise from call to call. */
  put(key: Uint8Array, offset: number): boolean {
    const digest = digestOf(key);
    let slot = this.#slotOf(this.#words, this.#offsets, digest);
    if (this.#offsets[slot] === -1) {
      if (this.#size + 1 > this.#offsets.length * MOST_FULL) {
        if (!this.#grow()) return false;
        slot = this.#slotOf(this.#words, this.#offsets, digest);
      }
      this.#words.set(digest, slot * HASH_WORDS);
      this.#size++;
    }
    this.#offsets[slot] = offset;
    return true;
  }

  /** The last offset of a key; −1 where the map does not know it. */
  get(key: Uint8Array): number {
    return this.#offsets[this.#slotOf(this.#words, this.#offsets, digestOf(key))] as number;
  }
}

function digestOf(key: Uint8Array): Int32Array {
  const digest = hash("sha1", key, "buffer");
  return Int32Array.of(digest.readInt32LE(0), digest.readInt32LE(4), digest.readInt32LE(8), digest.readInt32LE(12));
}
