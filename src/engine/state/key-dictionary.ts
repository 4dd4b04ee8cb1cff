import type { ByteReader, ByteWriter } from "./byte-writer.ts";
import { keyText, normalizedKey } from "./key-text.ts";
import { TextIndex } from "./text-index.ts";

/** How a file has the values: texts of ASCII, any texts, or tagged values. */
const ASCII = 0;
const TEXTS = 1;
const VALUES = 2;

/** A dictionary with fewer places than this is never made smaller. */
const MIN_SHRINK = 1024;

/**
 * Small whole numbers for the values of one key column: equal values share a code, a code is given back when its last group goes. Code 0 is null.
 * Strings, numbers and booleans are looked up as they are; other values by their `keyText`. Texts that a restart reads back are found through an index
 * of their own, which takes a fraction of the time, until a batch asks for them: then they move into the map.
 */
export class KeyDictionary {
  /** For generated code: the code of a string, number or boolean; undefined when it has none yet. */
  readonly codes: Map<unknown, number> = new Map();
  readonly values: unknown[] = [null];
  #loaded: TextIndex | undefined;
  #size = 0;
  #references = new Int32Array(64);
  #free: number[] = [];
  readonly #plain: boolean;

  /** `plain`: the column holds strings, numbers, booleans or BigInts only. */
  constructor(plain: boolean) {
    this.#plain = plain;
  }

  /** The code of a value that a group may have; undefined where none has. */
  known(value: unknown): number | undefined {
    if (value === null || value === undefined) return 0;
    const code = this.codes.get(this.#plain ? value : keyText(value));
    return code === undefined && this.#loaded && typeof value === "string" ? this.#moved(this.#loaded, value) : code;
  }

  /** The code of a text that was read back; the map has it from here on. */
  #moved(loaded: TextIndex, text: string): number | undefined {
    const code = loaded.find(text);
    if (code < 0) return undefined;
    this.codes.set(this.values[code], code);
    if (this.codes.size === this.#size) this.#loaded = undefined;
    return code;
  }

  /** The code of a value, made if need be. */
  code(value: unknown): number {
    const known = this.known(value);
    if (known !== undefined) return known;
    const kept = this.#plain && typeof value === "string" ? flat(value) : normalizedKey(value);
    const code = this.#make(kept);
    this.codes.set(this.#plain ? kept : keyText(value), code);
    return code;
  }

  /** Like `code`, while a state is read back: for a string that is no part of a longer one. */
  codeOfLoaded(text: string): number {
    this.#loaded ??= new TextIndex(this.values);
    const known = this.#loaded.find(text);
    if (known >= 0) return known;
    const code = this.#make(text);
    this.#loaded.addSought(code);
    return code;
  }

  #make(value: unknown): number {
    const code = this.#free.pop() ?? this.values.length;
    if (code >= this.#references.length) {
      const grown = new Int32Array(this.#references.length * 2);
      grown.set(this.#references);
      this.#references = grown;
    }
    this.values[code] = value;
    this.#references[code] = 0;
    this.#size++;
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
    this.#size--;
  }

  get size(): number {
    return this.#size;
  }

  /** An estimate of the memory it takes: entries of the map, the values with their texts, the counts. */
  get memoryBytes(): number {
    return this.codes.size * 30 + (this.#loaded?.bytes ?? 0) + this.values.length * (8 + 32) + this.#references.length * 4;
  }

  /** Writes every value that a group has, numbered from 1 on; gives the number of each code. */
  writeTo(writer: ByteWriter): Int32Array {
    const numbers = new Int32Array(this.values.length);
    let count = 0;
    let form = ASCII;
    for (let code = 1; code < this.values.length; code++) {
      if ((this.#references[code] as number) === 0) continue;
      numbers[code] = ++count;
      const value = this.values[code];
      if (typeof value !== "string") form = VALUES;
      else if (form === ASCII && !isAscii(value)) form = TEXTS;
    }
    writer.uint32(form);
    writer.uint32(count);
    for (let code = 1; code < numbers.length; code++) {
      if (numbers[code] === 0) continue;
      if (form === VALUES) writer.value(this.values[code]);
      else writer.text(this.values[code] as string);
    }
    return numbers;
  }

  /** Takes the values that `writeTo` wrote, into an empty dictionary: number 1 becomes code 1. Gives how many there are. */
  readFrom(reader: ByteReader): number {
    const form = reader.uint32();
    const count = reader.uint32();
    if (form > VALUES || count > reader.left) throw new RangeError("no such values");
    const { values } = this;
    for (let i = 0; i < count; i++) values.push(form === ASCII ? reader.asciiText() : form === TEXTS ? reader.text() : reader.value());
    this.#references = new Int32Array(Math.max(64, values.length));
    this.#size = count;
    if (form !== VALUES && count > 0) this.#loaded = new TextIndex(values);
    else for (let code = 1; code <= count; code++) this.codes.set(this.#plain ? values[code] : keyText(values[code]), code);
    return count;
  }

  /** Numbers the values anew when most places are empty; gives the new code of each old one, or undefined where all stays as it is. */
  shrink(): Int32Array | undefined {
    const places = this.values.length;
    if (places <= MIN_SHRINK || this.#size * 4 > places) return undefined;
    this.#moveAll();
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

  #moveAll(): void {
    if (!this.#loaded) return;
    this.values.forEach((value, code) => {
      if (typeof value === "string") this.codes.set(value, code);
    });
    this.#loaded = undefined;
  }

  clear(): void {
    this.codes.clear();
    this.#loaded = undefined;
    this.#size = 0;
    this.values.length = 1;
    this.#references = new Int32Array(64);
    this.#free = [];
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 128) return false;
  return true;
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
