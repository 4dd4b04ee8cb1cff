/** How some measured figures lie, in their own unit. NaN where there are none. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Percentiles by nearest rank: p99 is the smallest figure that at least 99 of 100 figures do not exceed; nothing is interpolated. */
export function percentilesOf(figures: readonly number[]): Percentiles {
  const sorted = Float64Array.from(figures).sort();
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { count: sorted.length, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) };
}
