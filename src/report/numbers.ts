/** Keeps a number and its unit on one line. */
const NO_BREAK = "\u00a0";

/** "60,000". */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** "1,000.3" */
export function decimal(value: number, digits: number = 1): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A share of one as "5.0 %". */
export function percent(share: number, digits: number = 1): string {
  return `${decimal(share * 100, digits)}${NO_BREAK}%`;
}

/** "8.1 ms", "340 ms", "1.20 s", "2.0 min". */
export function duration(ms: number): string {
  if (ms >= 120_000) return `${decimal(ms / 60_000)}${NO_BREAK}min`;
  if (ms >= 1000) return `${decimal(ms / 1000, 2)}${NO_BREAK}s`;
  return `${decimal(ms, ms < 10 ? 1 : 0)}${NO_BREAK}ms`;
}

/** "1 batch", "3 batches". */
export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}
