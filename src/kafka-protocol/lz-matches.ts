const HASH_BITS = 14;
const places: Int32Array = new Int32Array(1 << HASH_BITS);

/** LZ4's format wants the last bytes of a block to be literals, and no match to begin near its end. Snappy does not mind. */
const LITERAL_TAIL_BYTES = 5;
const LAST_MATCH_BYTES = 12;
const MIN_MATCH = 4;

const wordAt = (bytes: Buffer, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);

/**
 * Looks greedily for what `bytes[start, end)` repeats from itself, at most 64 KiB. `take` hears of each find: the bytes from `literalsAt` are new,
 * those from `at` on, `length` (at least four) of them, stood `distance` before. Returns where the bytes begin that are new and come last. Where
 * nothing repeats the steps grow, so that bytes which do not compress cost little.
 */
export function findMatches(
  bytes: Buffer,
  start: number,
  end: number,
  take: (literalsAt: number, at: number, distance: number, length: number) => void,
): number {
  places.fill(-1);
  let literalsAt = start;
  for (let at = start; at < end - LAST_MATCH_BYTES;) {
    const word = wordAt(bytes, at);
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
    const before = places[slot] as number;
    places[slot] = at;
    if (before < 0 || wordAt(bytes, before) !== word) {
      at += 1 + ((at - literalsAt) >> 6);
      continue;
    }
    const most = end - LITERAL_TAIL_BYTES - at;
    let length = MIN_MATCH;
    while (length < most && bytes[before + length] === bytes[at + length]) length++;
    take(literalsAt, at, at - before, length);
    at += length;
    literalsAt = at;
  }
  return literalsAt;
}
