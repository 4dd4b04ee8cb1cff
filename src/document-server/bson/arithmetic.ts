import { Decimal128, Double, Int32, Long } from "bson";

/** A number of BSON as JavaScript holds it: wrapped in its class, or plain (an int, a long or a double by its value). */
export type Numeric = number | bigint | Int32 | Double | Long | Decimal128;
export type NumericKind = "int" | "long" | "double" | "decimal";

/** The BSON type of a number; undefined for what is none. A plain whole number is an int, or beyond 32 bits a long. */
export function numericKind(value: unknown): NumericKind | undefined {
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Object.is(value, -0)) return "double";
    return value === (value | 0) ? "int" : Number.isSafeInteger(value) ? "long" : "double";
  }
  if (typeof value === "bigint") return "long";
  if (value instanceof Int32) return "int";
  if (value instanceof Double) return "double";
  if (value instanceof Decimal128) return "decimal";
  return value instanceof Long && value._bsontype === "Long" ? "long" : undefined;
}

/** The number as a double. */
export function toDouble(value: Numeric): number {
  return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : Number(value.toString());
}

function toInteger(value: Numeric): bigint {
  return typeof value === "bigint" ? value : value instanceof Long ? value.toBigInt() : BigInt(toDouble(value));
}

/** coefficient · 10^exponent. */
type Decimal = { readonly coefficient: bigint; readonly exponent: number };

const MAX_DIGITS = 34;
const MIN_EXPONENT = -6176;
/** What a double is worth as a decimal (the server rounds it to 15 digits). */
const DOUBLE_DIGITS = 15;

function parseDecimal(text: string): Decimal | undefined {
  const parts = /^([+-]?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/i.exec(text);
  if (!parts) return undefined;
  const fraction = parts[3] ?? "";
  const magnitude = BigInt((parts[2] ?? "") + fraction);
  return { coefficient: parts[1] === "-" ? -magnitude : magnitude, exponent: Number(parts[4] ?? 0) - fraction.length };
}

function decimalText(value: Numeric): string {
  if (numericKind(value) !== "double") return value.toString();
  const double = toDouble(value);
  return Number.isFinite(double) && double !== 0 ? double.toPrecision(DOUBLE_DIGITS) : String(double);
}

/** Rounds to 34 digits, a tie to the even neighbour. */
function decimalOf({ coefficient, exponent }: Decimal): Decimal128 {
  const isNegative = coefficient < 0n;
  let magnitude = isNegative ? -coefficient : coefficient;
  let power = exponent;
  const surplus = Math.max(magnitude.toString().length - MAX_DIGITS, MIN_EXPONENT - power);
  if (surplus > 0) {
    magnitude = roundedQuotient(magnitude, 10n ** BigInt(surplus));
    power += surplus;
    if (magnitude.toString().length > MAX_DIGITS) {
      magnitude /= 10n;
      power++;
    }
  }
  return Decimal128.fromString(`${isNegative ? "-" : ""}${magnitude}E${power}`);
}

function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  return twice > divisor || (twice === divisor && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

function decimalResult(
  left: Numeric,
  right: Numeric,
  exact: (a: Decimal, b: Decimal) => Decimal128,
  rough: (a: number, b: number) => number,
): Decimal128 {
  const a = parseDecimal(decimalText(left));
  const b = parseDecimal(decimalText(right));
  if (a && b) return exact(a, b);
  return Decimal128.fromString(String(rough(toDouble(left), toDouble(right))));
}

/** The type of a result: the wider of the two (int < long < double < decimal). */
function widest(left: Numeric, right: Numeric): NumericKind {
  const kinds = [numericKind(left), numericKind(right)];
  if (kinds.includes("decimal")) return "decimal";
  if (kinds.includes("double")) return "double";
  return kinds.includes("long") ? "long" : "int";
}

const MAX_INT = 2n ** 31n - 1n;
const MAX_LONG = 2n ** 63n - 1n;

/** An integer as an int where both operands were and it fits, else as a long; undefined beyond 64 bits. */
function integerOf(value: bigint, kind: NumericKind): Int32 | Long | undefined {
  if (kind === "int" && value <= MAX_INT && value >= -MAX_INT - 1n) return new Int32(Number(value));
  return value <= MAX_LONG && value >= -MAX_LONG - 1n ? Long.fromBigInt(value) : undefined;
}

/** left + right in the type that MongoDB gives it; undefined where two integers leave 64 bits. */
export function add(left: Numeric, right: Numeric): Numeric | undefined {
  const kind = widest(left, right);
  if (kind === "decimal")
    return decimalResult(
      left,
      right,
      (a, b) => {
        const exponent = Math.min(a.exponent, b.exponent);
        const at = (one: Decimal): bigint => one.coefficient * 10n ** BigInt(one.exponent - exponent);
        return decimalOf({ coefficient: at(a) + at(b), exponent });
      },
      (a, b) => a + b,
    );
  if (kind === "double") return new Double(toDouble(left) + toDouble(right));
  return integerOf(toInteger(left) + toInteger(right), kind);
}

/** left · right, by the same rules. */
export function multiply(left: Numeric, right: Numeric): Numeric | undefined {
  const kind = widest(left, right);
  if (kind === "decimal")
    return decimalResult(
      left,
      right,
      (a, b) => decimalOf({ coefficient: a.coefficient * b.coefficient, exponent: a.exponent + b.exponent }),
      (a, b) => a * b,
    );
  if (kind === "double") return new Double(toDouble(left) * toDouble(right));
  return integerOf(toInteger(left) * toInteger(right), kind);
}

/** left / right: a decimal where one is, else a double. */
export function divide(left: Numeric, right: Numeric): Numeric {
  if (widest(left, right) !== "decimal") return new Double(toDouble(left) / toDouble(right));
  return decimalResult(
    left,
    right,
    (a, b) => {
      if (b.coefficient === 0n) return Decimal128.fromString(a.coefficient === 0n ? "NaN" : a.coefficient < 0n ? "-Infinity" : "Infinity");
      const isNegative = a.coefficient < 0n !== b.coefficient < 0n;
      const [over, under] = [a.coefficient, b.coefficient].map((n) => (n < 0n ? -n : n)) as [bigint, bigint];
      const shift = Math.max(0, MAX_DIGITS + 2 + under.toString().length - over.toString().length);
      let quotient = (over * 10n ** BigInt(shift)) / under;
      let exponent = a.exponent - b.exponent - shift;
      const isExact = quotient * under === over * 10n ** BigInt(shift);
      const ideal = a.exponent - b.exponent;
      while (isExact && exponent < ideal && quotient % 10n === 0n) {
        quotient /= 10n;
        exponent++;
      }
      if (!isExact) {
        quotient = quotient * 10n + 1n;
        exponent--;
      }
      return decimalOf({ coefficient: isNegative ? -quotient : quotient, exponent });
    },
    (a, b) => a / b,
  );
}

/** The number with its sign turned. */
export function negate(value: Numeric): Numeric {
  return multiply(value, new Int32(-1)) ?? new Double(-toDouble(value));
}
