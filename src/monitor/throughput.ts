/** A running total at one moment. */
export interface TotalPoint {
  readonly atMs: number;
  readonly total: number;
}

/** A rate that was held, not a peak. All rates per second. */
export interface SustainedRate {
  /** Length of the measured span in seconds. */
  readonly seconds: number;
  readonly mean: number;
  /** The slowest whole second and the slowest five seconds inside the span; null when the span is shorter. */
  readonly worst1s: number | null;
  readonly worst5s: number | null;
  readonly peak1s: number | null;
}

/** Counts what arrives and says how fast, over a window that trails behind the present. Keeps no more than the window. */
export interface TrailingRate {
  readonly total: number;
  add(atMs: number, count: number): void;
  /** Per second over the trailing window, or since the first count while the window is not yet full. */
  perSecond(nowMs: number): number;
}

export function createTrailingRate(windowMs: number, startMs: number): TrailingRate {
  let points: TotalPoint[] = [{ atMs: startMs, total: 0 }];
  let total = 0;
  const forget = (nowMs: number): void => {
    const from = nowMs - windowMs;
    let first = 0;
    while (first + 1 < points.length && (points[first + 1] as TotalPoint).atMs <= from) first++;
    if (first > 0) points = points.slice(first);
  };
  return {
    get total() {
      return total;
    },
    add(atMs, count) {
      total += count;
      const last = points.at(-1);
      if (last && atMs <= last.atMs) points[points.length - 1] = { atMs: last.atMs, total };
      else points.push({ atMs, total });
      forget(atMs);
    },
    perSecond(nowMs) {
      forget(nowMs);
      const fromMs = Math.max(nowMs - windowMs, startMs);
      const seconds = (nowMs - fromMs) / 1000;
      if (seconds <= 0) return 0;
      let before = points[0]?.total ?? 0;
      for (const point of points) if (point.atMs <= fromMs) before = point.total;
      return (total - before) / seconds;
    },
  };
}

/** The total at a moment, on the straight line between the points around it; the first or last total outside them. */
export function totalAt(points: readonly TotalPoint[], atMs: number): number {
  let previous = points[0];
  if (!previous || atMs <= previous.atMs) return previous?.total ?? 0;
  for (const point of points) {
    if (point.atMs >= atMs) {
      const span = point.atMs - previous.atMs;
      return span <= 0 ? point.total : previous.total + ((point.total - previous.total) * (atMs - previous.atMs)) / span;
    }
    previous = point;
  }
  return previous.total;
}

/** Per-second rates of whole bins of `binMs` from `fromMs` on, an unfinished last bin left out. Points are in order of time. */
export function ratesPerBin(points: readonly TotalPoint[], fromMs: number, toMs: number, binMs: number): number[] {
  const rates: number[] = [];
  for (let bin = 1; fromMs + bin * binMs <= toMs; bin++) {
    const grown = totalAt(points, fromMs + bin * binMs) - totalAt(points, fromMs + (bin - 1) * binMs);
    rates.push((grown * 1000) / binMs);
  }
  return rates;
}

/** How fast a total grew from `fromMs` to `toMs`: the mean over the whole span, and its worst bins after `warmUpMs`. */
export function sustainedRate(points: readonly TotalPoint[], fromMs: number, toMs: number, warmUpMs: number = 0): SustainedRate {
  const seconds = Math.max(0, toMs - fromMs) / 1000;
  const ones = ratesPerBin(points, fromMs + warmUpMs, toMs, 1000);
  const fives = ratesPerBin(points, fromMs + warmUpMs, toMs, 5000);
  const least = (rates: readonly number[]): number | null => (rates.length === 0 ? null : Math.min(...rates));
  return {
    seconds,
    mean: seconds === 0 ? 0 : (totalAt(points, toMs) - totalAt(points, fromMs)) / seconds,
    worst1s: least(ones),
    worst5s: least(fives),
    peak1s: ones.length === 0 ? null : Math.max(...ones),
  };
}
