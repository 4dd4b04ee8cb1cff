/** A seeded source of randomness: the same seed gives the same numbers on every machine (sfc32, seeded by splitmix32). */
export interface Random {
  /** Uniform in [0, 1), 32 bits of it. */
  next(): number;
  /** Uniform whole number in [0, n). */
  below(n: number): number;
  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Normal with the given mean and deviation (Marsaglia's polar method). */
  normal(mean: number, deviation: number): number;
  /** An independent stream for another purpose, so that adding a draw here changes nothing there. */
  fork(label: string): Random;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const splitmix = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let a = splitmix() | 0;
  let b = splitmix() | 0;
  let c = splitmix() | 0;
  let d = 1;
  const nextUint32 = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) nextUint32();

  const random: Random = {
    next: () => nextUint32() / 4294967296,
    below: (n) => Math.floor((nextUint32() / 4294967296) * n),
    pick: (list) => {
      if (list.length === 0) throw new RangeError("cannot pick from an empty list");
      return list[random.below(list.length)] as (typeof list)[number];
    },
    between: (low, high) => low + (nextUint32() / 4294967296) * (high - low),
    normal: (mean, deviation) => {
      for (;;) {
        const u = random.next() * 2 - 1;
        const v = random.next() * 2 - 1;
        const s = u * u + v * v;
        if (s > 0 && s < 1) return mean + deviation * u * Math.sqrt((-2 * Math.log(s)) / s);
      }
    },
    fork: (label) => {
      let hash = seed | 0;
      for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
      return createRandom(hash);
    },
  };
  return random;
}
