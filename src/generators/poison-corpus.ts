import type { Random } from "../base/random.ts";

/** One way in which a message can be bad: its name for the accounts, and the bytes, made from the good message. */
export type Poison = {
  readonly name: string;
  /** `good` is the JSON text of the message that is replaced. */
  make(good: string, random: Random): string | Uint8Array | null;
};

const replaceValue =
  (json: string) =>
  (good: string): string =>
    good.replace(/("value":)[^,}]*/, (_, field: string) => field + json);

/** Puts a field first in the object, whatever the object holds. */
const withField =
  (field: string) =>
  (good: string): string =>
    `{${field},${good.slice(1)}`;

/**
 * What real topics hold besides good messages. Every entry either breaks the JSON, breaks a type, or is legal JSON that careless code trips
 * over; a consumer must go on after each.
 */
export const POISON_CORPUS: readonly Poison[] = [
  { name: "not JSON", make: () => "temperature=21.5;location=office" },
  { name: "empty", make: () => "" },
  { name: "null value", make: () => null },
  { name: "JSON null", make: () => "null" },
  { name: "an array", make: (good) => `[${good}]` },
  { name: "truncated", make: (good, random) => good.slice(0, 1 + random.below(Math.max(1, good.length - 1))) },
  { name: "trailing comma", make: (good) => good.replace(/}$/, ",}") },
  { name: "byte order mark", make: (good) => `\uFEFF${good}` },
  { name: "broken UTF-8", make: (good) => Buffer.concat([Buffer.from(good.slice(0, -2)), Buffer.from([0xc3, 0x28, 0xff, 0x22, 0x7d])]) },
  { name: "wrong type", make: replaceValue('"hot"') },
  { name: "an object for a number", make: replaceValue('{"celsius":21.5}') },
  { name: "NaN", make: replaceValue("NaN") },
  { name: "beyond 2^53", make: replaceValue("9007199254740993") },
  { name: "overflow", make: replaceValue("1e999") },
  { name: "impossible date", make: (good) => good.replace(/("timestamp":")[^"]*/, "$12026-02-30T25:61:00Z") },
  { name: "__proto__ field", make: withField('"__proto__":{"polluted":true}') },
  { name: "$-operator field", make: withField('"$where":"sleep(1000)","$set":{"status":"owned"}') },
  { name: "duplicate field", make: (good) => good.replace(/}$/, ',"value":-1}') },
  { name: "markup", make: (good) => good.replace(/("location":")[^"]*/, "$1<img src=x onerror=alert(1)>") },
];
