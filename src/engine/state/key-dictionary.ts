import { keyText, normalizedKey } from "./key-text.ts";

/** A dictionary with fewer places than this is never made smaller. */
const MIN_SHRINK = 1024;

/**
 * Small whole numbers for the values of one key column: equal values share a code, a code is given back when its last group goes. Code 0 is null.
 * Strings, numbers and booleans are looked up as they are; other values by their `keyText`.
 */
export class KeyDictionary {
  /** For generated code: the code of a string, number or boolean; undefined when it has none yet. */
  readonly codes: Map<unknown, number> = new Map();
  readonly values: unknown[] = [null];
  #references = new Int32Array(64);
  #free: number[] = [];
  readonly #plain: boolean;

  /** `plain`: the column holds strings, numbers, booleans or BigInts only. */
  constructor(plain: boolean) {
    this.#plain = plain;
  }

  /** The code of a value that a group may have; undefined where none has. */
  known(value: unknown): number | undefined {
    return value === null || value === undefined ? 0 : this.codes.get(this.#plain ? value : keyText(value));
  }

  /** The code of a value, made if need be. */
  code(value: unknown): number {
    return this.known(value) ?? this.#make(typeof value === "string" ? flat(value) : value);
  }

  /** Like `code`, for a string that is no part of a longer one. */
  codeOfFlat(value: string): number {
    return this.codes.get(value) ?? this.#make(value);
  }

  #make(value: unknown): number {
    const code = this.#free.pop() ?? this.values.length;
    if (code >= this.#references.length) {
      const grown = new Int32Array(this.#references.length * 2);
      grown.set(this.#references);
      this.#references = grown;
    }
    this.values[code] = this.#plain && typeof value === "string" ? value : normalizedKey(value);
    this.#references[code] = 0;
    this.codes.set(this.#plain ? value : keyText(value), code);
    return code;
  }

  retain(code: number): void {
    (this.#references[code] as number)++;
  }

  release(code: number): void {
    if (code === 0 || --(this.#references[code] as number) > 0) return;
    const value = this.values[code];
    this.codes.delete(this.#plain ? value : keyText(value));
    this.values[code] = null;
    this.#free.push(code);
  }

  get size(): number {
    return this.codes.size;
  }

  /** An estimate of the memory it takes: entries of the map, the values with their texts, the counts. */
  get memoryBytes(): number {
    return this.codes.size * 30 + this.values.length * (8 + 32) + this.#references.length * 4;
  }

  /** Numbers the values anew when most places are empty; gives the new code of each old one, or undefined where all stays as it is. */
  shrink(): Int32Array | undefined {
    const places = this.values.length;
    if (places <= MIN_SHRINK || this.codes.size * 4 > places) return undefined;
    const moved = new Int32Array(places);
    const references = new Int32Array(Math.max(64, this.codes.size * 2));
    const entries = [...this.codes];
    this.codes.clear();
    entries.forEach(([key, old], i) => {
      moved[old] = i + 1;
      references[i + 1] = this.#references[old] as number;
      this.codes.set(key, i + 1);
    });
    const values = entries.map(([, old]) => this.values[old]);
    this.values.length = 1;
    for (const value of values) this.values.push(value);
    this.#references = references;
    this.#free = [];
    return moved;
  }

  clear(): void {
    this.codes.clear();
    this.values.length = 1;
    this.#references = new Int32Array(64);
    this.#free = [];
  }
}

const scratch = Buffer.alloc(512);

/** A copy that holds nothing else in memory: a part of a longer string would keep all of that one as long as the state keeps the key. */
function flat(text: string): string {
  if (text.length < 13) return text;
  if (text.length <= scratch.length) {
    const copy = scratch.toString("latin1", 0, scratch.write(text, "latin1"));
    if (copy === text) return copy;
  }
  const copy = Buffer.from(text).toString();
  return copy === text ? copy : text;
}
