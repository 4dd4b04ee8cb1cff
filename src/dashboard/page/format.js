// @ts-check
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** @param {number | null | undefined} value */
export function count(value) {
  return value === null || value === undefined ? "–" : whole.format(value);
}

/** 154k, 1.2M: where a total only has to be known roughly. @param {number} value */
export function roughly(value) {
  return compact.format(value);
}

/** One decimal below ten, none above. @param {number | null | undefined} value */
export function quantity(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) < 10 ? fine.format(value) : whole.format(value);
}

/** hh:mm:ss of the reader's day. @param {number | null | undefined} ms */
export function clockTime(ms) {
  if (ms === null || ms === undefined) return "–";
  return localText(ms).slice(11, 19);
}

/** "yyyy-mm-dd hh:mm:ss.sss" in the reader's zone, as Plotly reads dates. @param {number} ms */
export function localText(ms) {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().replace("T", " ").slice(0, 23);
}

/** The value below which a share of a sorted list lies (nearest rank). @param {readonly number[]} sorted @param {number} share */
export function percentile(sorted, share) {
  return sorted.length === 0 ? null : (sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null);
}
