const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/** Kafka's murmur2 (`org.apache.kafka.common.utils.Utils`), as a signed 32-bit number. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < whole; at += 4) {
    let word =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const rest = length & 3;
  if (rest > 0) {
    if (rest === 3) hash ^= (bytes[whole + 2] as number) << 16;
    if (rest >= 2) hash ^= (bytes[whole + 1] as number) << 8;
    hash ^= bytes[whole] as number;
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/** The partition of a key, the same as Kafka's own default partitioner and every compatible client choose. */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/**
 * Partitions by key, as Kafka does; messages without a key stay with one partition for a while and then go to the next, so that batches
 * grow (KIP-480). Keys that are texts are remembered.
 */
export function createPartitioner(stickFor: number = 100): (key: string | Uint8Array | null, partitions: number) => number {
  const known = new Map<string, number>();
  let sticky = 0;
  let used = 0;
  return (key, partitions) => {
    if (key === null) {
      if (used++ >= stickFor) {
        used = 1;
        sticky++;
      }
      return sticky % partitions;
    }
    if (typeof key !== "string") return partitionOfKey(key, partitions);
    let hash = known.get(key);
    if (hash === undefined) {
      hash = murmur2(Buffer.from(key)) & 0x7fffffff;
      if (known.size >= 100_000) known.clear();
      known.set(key, hash);
    }
    return hash % partitions;
  };
}
