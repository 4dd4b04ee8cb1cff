import { keyText, normalizedKey } from "./key-text.ts";

/**
 * Small whole numbers for the values of one key column: equal values share a code, a code is given back when its last group goes. Code 0 is null.
 * Strings, numbers and booleans are looked up as they are; other values by their `keyText`.
 */
export class KeyDictionary {
  /** For generated code: the code of a string, number or boolean; undefined when it has none yet. */
  readonly codes: Map<unknown, number> = new Map();
  readonly values: unknown[] = [null];
  readonly #references: number[] = [0];
  readonly #free: number[] = [];
  readonly #plain: boolean;

  /** `plain`: the column holds strings, numbers, booleans or BigInts only. */
  constructor(plain: boolean) {
    this.#plain = plain;
  }

  /** The code of a value, made if need be. */
  code(value: unknown): number {
    if (value === null || value === undefined) return 0;
    const key = this.#plain ? value : keyText(value);
    const known = this.codes.get(key);
    if (known !== undefined) return known;
    const code = this.#free.pop() ?? this.values.length;
    this.values[code] = normalizedKey(value);
    this.#references[code] = 0;
    this.codes.set(key, code);
    return code;
  }

  retain(code: number): void {
    this.#references[code] = (this.#references[code] ?? 0) + 1;
  }

  release(code: number): void {
    const left = (this.#references[code] ?? 0) - 1;
    this.#references[code] = left;
    if (left > 0 || code === 0) return;
    const value = this.values[code];
    this.codes.delete(this.#plain ? value : keyText(value));
    this.values[code] = null;
    this.#free.push(code);
  }

  get size(): number {
    return this.codes.size;
  }

  clear(): void {
    this.codes.clear();
    this.values.length = 1;
    this.#references.length = 1;
    this.#free.length = 0;
  }
}
