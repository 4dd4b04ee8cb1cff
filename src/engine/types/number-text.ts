import { normalLong, type Long } from "./long.ts";
import { trimSpaces } from "./timestamp-text.ts";

const WHOLE = /^[+-]?\d+$/;
const WHOLE_OR_CUT = /^([+-]?)(\d*)(?:\.(\d*))?$/;
const DOUBLE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?$/;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

const RANGE: Readonly<Record<string, readonly [bigint, bigint]>> = {
  tinyint: [-128n, 127n],
  smallint: [-32768n, 32767n],
  int: [-2147483648n, 2147483647n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** A whole number of a type from text as Spark's ANSI cast and try_cast read it: no fraction, no exponent. Null if it is none or does not fit. */
export function parseIntegral(text: string, type: "tinyint" | "smallint" | "int" | "bigint"): Long | null {
  const trimmed = trimSpaces(text);
  return WHOLE.test(trimmed) ? inRange(trimmed, type) : null;
}

/** The same without ANSI rules: a fraction is cut off ("1.9" is 1, "." is none). */
export function parseIntegralCut(text: string, type: "tinyint" | "smallint" | "int" | "bigint"): Long | null {
  const match = WHOLE_OR_CUT.exec(trimSpaces(text));
  if (match === null || ((match[2] ?? "") === "" && (match[3] ?? "") === "")) return null;
  return inRange(`${match[1] ?? ""}${match[2] || "0"}`, type);
}

function inRange(digits: string, type: string): Long | null {
  if (digits.length <= 9 && (type === "int" || type === "bigint")) return Number(digits) + 0;
  const value = BigInt(digits.startsWith("+") ? digits.slice(1) : digits);
  const [low, high] = RANGE[type] ?? [0n, 0n];
  return value >= low && value <= high ? normalLong(value) : null;
}

/** A double from text as Spark's cast reads it: Java's syntax with an optional d or f at the end, and words for NaN and infinity in any case. */
export function parseDouble(text: string): number | null {
  const trimmed = trimSpaces(text);
  if (DOUBLE.test(trimmed)) return Number(/[dDfF]$/.test(trimmed) ? trimmed.slice(0, -1) : trimmed);
  switch (trimmed.toLowerCase()) {
    case "inf":
    case "+inf":
    case "infinity":
    case "+infinity":
      return Infinity;
    case "-inf":
    case "-infinity":
      return -Infinity;
    case "nan":
      return NaN;
    default:
      return null;
  }
}

/** A boolean from text: t, true, y, yes, 1 and f, false, n, no, 0 in any case. */
export function parseBoolean(text: string): boolean | null {
  switch (trimSpaces(text).toLowerCase()) {
    case "t":
    case "true":
    case "y":
    case "yes":
    case "1":
      return true;
    case "f":
    case "false":
    case "n":
    case "no":
    case "0":
      return false;
    default:
      return null;
  }
}

/** The unscaled value of a decimal(precision, scale) from text, rounded half up; null if it is no number or has too many digits. */
export function parseDecimal(text: string, precision: number, scale: number): bigint | null {
  const match = DECIMAL.exec(asciiDigits(trimSpaces(text)));
  if (match === null) return null;
  const whole = match[2] ?? "";
  const fraction = match[3] ?? "";
  if (whole === "" && fraction === "") return null;
  const shift = Number(match[4] ?? 0) - fraction.length + scale;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return 0n;
  if (shift > 80) return null;
  const unscaled = shift >= 0 ? digits * 10n ** BigInt(shift) : shift < -400 ? 0n : halfUp(digits, 10n ** BigInt(-shift));
  return fitsDecimal(unscaled, precision) ? (match[1] === "-" ? -unscaled : unscaled) : null;
}

/** java.math.BigDecimal reads the decimal digits of every script. */
function asciiDigits(text: string): string {
  if (!/[^\0-\x7f]/.test(text)) return text;
  return text.replace(/\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    let zero = code;
    while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
    return String(code - zero);
  });
}

/** How many digits the whole part of a decimal in text has, null if the text is no decimal. */
export function decimalTextDigits(text: string): number | null {
  const match = DECIMAL.exec(asciiDigits(trimSpaces(text)));
  if (match === null || ((match[2] ?? "") === "" && (match[3] ?? "") === "")) return null;
  const digits = ((match[2] ?? "") + (match[3] ?? "")).replace(/^0+/, "");
  return digits.length - (match[3] ?? "").length + Number(match[4] ?? 0);
}

/** a / b rounded half away from zero; b > 0. */
export function halfUp(a: bigint, b: bigint): bigint {
  const twice = a * 2n;
  return twice >= 0n ? (twice + b) / (b * 2n) : (twice - b) / (b * 2n);
}

const POWERS: readonly bigint[] = Array.from({ length: 78 }, (_, i) => 10n ** BigInt(i));

/** Ten to the power of n, 0 ≤ n. */
export function pow10(n: number): bigint {
  return POWERS[n] ?? 10n ** BigInt(n);
}

/** Whether an unscaled value has at most `precision` digits. */
export function fitsDecimal(unscaled: bigint, precision: number): boolean {
  const limit = pow10(precision);
  return unscaled < limit && unscaled > -limit;
}

/** The unscaled value at another scale, rounded half up; null if it does not fit the precision. */
export function rescaleDecimal(unscaled: bigint, from: number, precision: number, scale: number): bigint | null {
  const value = scale >= from ? unscaled * pow10(scale - from) : halfUp(unscaled, pow10(from - scale));
  return fitsDecimal(value, precision) ? value : null;
}

/** A decimal as text with all its digits after the point: "12.30". */
export function formatDecimal(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  return `${unscaled < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The nearest double of a decimal. */
export function decimalToDouble(unscaled: bigint, scale: number): number {
  return Number(formatDecimal(unscaled, scale));
}

/** A decimal from a double by way of its shortest text, as Spark does; null for NaN, infinity and too many digits. */
export function doubleToDecimal(value: number, precision: number, scale: number): bigint | null {
  return Number.isFinite(value) ? parseDecimal(String(value), precision, scale) : null;
}

/** A double as Java prints it: "1.0", "1.0E7", "1.0E-4", "NaN", "-Infinity". */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value);
  const text = size < 1e-300 ? size.toPrecision(2) : "";
  return javaText(text !== "" && Number(text) === size ? text : String(size), value < 0);
}

/** A float as Java prints it: the fewest digits that give the same float back. */
export function formatFloat(value: number): string {
  if (!Number.isFinite(value) || value === 0) return formatDouble(value);
  const size = Math.abs(value);
  for (let digits = 2; digits < 9; digits++) {
    const text = size.toPrecision(digits);
    if (Math.fround(Number(text)) === size) return javaText(text.includes("e") ? text : String(Number(text)), value < 0);
  }
  return javaText(size.toPrecision(9), value < 0);
}

function javaText(shortest: string, negative: boolean): string {
  const [mantissa = "", exponentText = "0"] = shortest.split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  let digits = whole + fraction;
  let point = whole.length + Number(exponentText);
  const zeros = /^0*/.exec(digits)?.[0].length ?? 0;
  digits = digits.slice(zeros).replace(/0+$/, "");
  point -= zeros;
  const sign = negative ? "-" : "";
  if (point > 7 || point < -2) return `${sign}${digits[0]}.${digits.slice(1) || "0"}E${point - 1}`;
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return `${sign}${digits.slice(0, point).padEnd(point, "0")}.${digits.slice(point) || "0"}`;
}
