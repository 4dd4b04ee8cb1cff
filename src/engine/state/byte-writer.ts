/**
 * Values as bytes: a tag, then the value. Numbers are 8 bytes little-endian, lengths and counts 4; a struct or array is its count and elements.
 */
const NULL = 0;
const NUMBER = 1;
const TEXT = 2;
const TRUE = 3;
const FALSE = 4;
const BIGINT = 5;
const ARRAY = 6;
const MAP = 7;
const BYTES = 8;
const INT = 9;

/** Texts up to this length are written character by character, which is cheaper than a call into the runtime. */
const SHORT = 32;

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** Appends values to a buffer that grows. */
export class ByteWriter {
  #buffer: Buffer;
  #view: DataView;
  #end = 0;

  /** `bytes`: how much is expected; it grows beyond. */
  constructor(bytes: number = 256) {
    this.#buffer = Buffer.allocUnsafe(bytes);
    this.#view = viewOf(this.#buffer);
  }

  get length(): number {
    return this.#end;
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#end + bytes));
    this.#buffer.copy(bigger, 0, 0, this.#end);
    this.#buffer = bigger;
    this.#view = viewOf(bigger);
  }

  uint32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#end, value, true);
    this.#end += 4;
  }

  double(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#end, value, true);
    this.#end += 8;
  }

  text(value: string): void {
    const { length } = value;
    this.#room(4 + length * 3);
    const start = this.#end + 4;
    let at = start;
    if (length <= SHORT) {
      while (at - start < length) {
        const unit = value.charCodeAt(at - start);
        if (unit >= 128) break;
        this.#buffer[at++] = unit;
      }
    }
    const bytes = at - start === length ? length : this.#buffer.write(value, start);
    this.#view.setUint32(this.#end, bytes, true);
    this.#end = start + bytes;
  }

  bytes(value: Uint8Array): void {
    this.uint32(value.length);
    this.#room(value.length);
    this.#buffer.set(value, this.#end);
    this.#end += value.length;
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): void {
    this.#room(value.length);
    this.#buffer.set(value, this.#end);
    this.#end += value.length;
  }

  /** The numbers of a column as they lie in memory, without a length. */
  column(values: Float64Array | Int32Array): void {
    this.raw(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  #tag(tag: number): void {
    this.#room(1);
    this.#buffer[this.#end++] = tag;
  }

  /** Any value of a row, as data-type.ts says they are held; also Sets and plain nested arrays of aggregate buffers. */
  value(value: unknown): void {
    if (value === null || value === undefined) this.#tag(NULL);
    else if (typeof value === "number") {
      if ((value | 0) === value && !Object.is(value, -0)) {
        this.#tag(INT);
        this.uint32(value >>> 0);
      } else {
        this.#tag(NUMBER);
        this.double(value);
      }
    } else if (typeof value === "string") {
      this.#tag(TEXT);
      this.text(value);
    } else if (typeof value === "boolean") this.#tag(value ? TRUE : FALSE);
    else if (typeof value === "bigint") {
      this.#tag(BIGINT);
      this.text(value.toString());
    } else if (Array.isArray(value)) {
      this.#tag(ARRAY);
      this.uint32(value.length);
      for (const element of value) this.value(element);
    } else if (value instanceof Map) {
      this.#tag(MAP);
      this.uint32(value.size);
      for (const [key, element] of value) {
        this.value(key);
        this.value(element);
      }
    } else if (value instanceof Uint8Array) {
      this.#tag(BYTES);
      this.bytes(value);
    } else throw new TypeError(`a state holds a value that cannot be written: ${Object.prototype.toString.call(value)}`);
  }

  take(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  /** Begins anew, in the same memory: what `take` gave before is no longer valid. */
  reset(): void {
    this.#end = 0;
  }

  /** Copies what was written from `start` on to another buffer. */
  copyTo(target: Buffer, at: number, start: number = 0): void {
    this.#buffer.copy(target, at, start, this.#end);
  }
}

/** Reads what a ByteWriter wrote; a RangeError means that the bytes end too early. */
export class ByteReader {
  readonly #buffer: Buffer;
  #dataView: DataView | undefined;
  #at: number;

  constructor(buffer: Buffer, at: number = 0) {
    this.#buffer = buffer;
    this.#at = at;
  }

  get #view(): DataView {
    return (this.#dataView ??= viewOf(this.#buffer));
  }

  get done(): boolean {
    return this.#at === this.#buffer.length;
  }

  /** How many bytes are still to be read. */
  get left(): number {
    return this.#buffer.length - this.#at;
  }

  uint32(): number {
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  double(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  bytes(): Uint8Array {
    const length = this.uint32();
    if (this.#at + length > this.#buffer.length) throw new RangeError("the bytes end too early");
    this.#at += length;
    return this.#buffer.subarray(this.#at - length, this.#at);
  }

  /** Fills a column with numbers that `ByteWriter.column` wrote. */
  column(values: Float64Array | Int32Array): void {
    const end = this.#at + values.byteLength;
    if (end > this.#buffer.length) throw new RangeError("the bytes end too early");
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength).set(this.#buffer.subarray(this.#at, end));
    this.#at = end;
  }

  /** Like `text`, for one that is known to be ASCII. */
  asciiText(): string {
    const start = this.#at + 4;
    const end = start + this.uint32();
    if (end > this.#buffer.length) throw new RangeError("the bytes end too early");
    this.#at = end;
    return this.#buffer.latin1Slice(start, end);
  }

  text(): string {
    const start = this.#at + 4;
    const end = start + this.uint32();
    if (end > this.#buffer.length) throw new RangeError("the bytes end too early");
    this.#at = end;
    return this.#buffer.utf8Slice(start, end);
  }

  value(): unknown {
    const tag = this.#buffer.readUInt8(this.#at++);
    switch (tag) {
      case NULL:
        return null;
      case INT:
        return this.uint32() | 0;
      case NUMBER:
        return this.double();
      case TEXT:
        return this.text();
      case TRUE:
        return true;
      case FALSE:
        return false;
      case BIGINT:
        return BigInt(this.text());
      case ARRAY: {
        const count = this.uint32();
        const list: unknown[] = [];
        for (let i = 0; i < count; i++) list.push(this.value());
        return list;
      }
      case MAP: {
        const count = this.uint32();
        const map = new Map<unknown, unknown>();
        for (let i = 0; i < count; i++) map.set(this.value(), this.value());
        return map;
      }
      case BYTES:
        return Uint8Array.from(this.bytes());
      default:
        throw new RangeError(`unknown tag ${tag}`);
    }
  }
}
