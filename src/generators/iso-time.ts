const DAY_SECONDS = 86_400;
const TWO_DIGITS: readonly string[] = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));
const MILLISECONDS: readonly string[] = Array.from({ length: 1000 }, (_, n) => `.${String(n).padStart(3, "0")}Z`);
/** Seconds that are remembered; event times that jump back and forth stay within a few. */
const KEPT = 8;

let cachedDay = Number.NaN;
let cachedDate = "";
const cachedSeconds: number[] = Array.from({ length: KEPT }, () => Number.NaN);
const cachedTexts: string[] = Array.from({ length: KEPT }, () => "");

/** `Date.prototype.toISOString` of whole milliseconds, UTC with `Z`, several times faster: what stands before the fraction is kept for some seconds. */
export function isoTimestamp(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  const slot = second & (KEPT - 1);
  if (cachedSeconds[slot] !== second) {
    cachedTexts[slot] = wholeSecond(second);
    cachedSeconds[slot] = second;
  }
  return (cachedTexts[slot] as string) + (MILLISECONDS[epochMs - second * 1000] as string);
}

function wholeSecond(second: number): string {
  const day = Math.floor(second / DAY_SECONDS);
  if (day !== cachedDay) {
    cachedDate = new Date(day * DAY_SECONDS * 1000).toISOString().slice(0, -13);
    cachedDay = day;
  }
  const inDay = second - day * DAY_SECONDS;
  const minutes = Math.floor(inDay / 60);
  const hours = Math.floor(minutes / 60);
  return `${cachedDate}${TWO_DIGITS[hours]}:${TWO_DIGITS[minutes - hours * 60]}:${TWO_DIGITS[inDay - minutes * 60]}`;
}
