import type { DataType } from "./data-type.ts";
import { normalLong } from "./long.ts";

/**
 * Bytes that grow: what state files, keys and snapshots are written into. Numbers are little-endian; whole numbers are zigzag varints of seven bits a byte.
 */
export class ByteWriter {
  #bytes: Uint8Array = new Uint8Array(256);
  #view: DataView = new DataView(this.#bytes.buffer);
  length: number = 0;

  /** A copy of what was written. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  #room(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  double(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** A whole number from 0 to 2^53. */
  count(value: number): void {
    this.#room(8);
    while (value >= 128) {
      this.#bytes[this.length++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    this.#bytes[this.length++] = value;
  }

  /** A safe integer of either sign. */
  whole(value: number): void {
    if (value >= -4503599627370496 && value < 4503599627370496) {
      this.byte(0);
      this.count(value >= 0 ? value * 2 : -value * 2 - 1);
    } else {
      this.byte(1);
      this.double(value);
    }
  }

  raw(bytes: Uint8Array): void {
    this.count(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  text(value: string): void {
    this.raw(Buffer.from(value, "utf8"));
  }
}

/** Reads what ByteWriter wrote; throws RangeError past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  position: number;

  constructor(bytes: Uint8Array, position: number = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
  }

  get atEnd(): boolean {
    return this.position >= this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.position++];
    if (value === undefined) throw new RangeError("the bytes end within a value");
    return value;
  }

  double(): number {
    const value = this.#view.getFloat64(this.position, true);
    this.position += 8;
    return value;
  }

  count(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128) return value;
      unit *= 128;
    }
  }

  whole(): number {
    if (this.byte() === 1) return this.double();
    const value = this.count();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  raw(): Uint8Array {
    const length = this.count();
    const end = this.position + length;
    if (end > this.#bytes.length) throw new RangeError("the bytes end within a value");
    const bytes = this.#bytes.slice(this.position, end);
    this.position = end;
    return bytes;
  }

  text(): string {
    const length = this.count();
    const end = this.position + length;
    if (end > this.#bytes.length) throw new RangeError("the bytes end within a value");
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.position, length).toString("utf8");
    this.position = end;
    return text;
  }
}

/** How values of one type are written and read; null is a value of every type. */
export interface ValueCodec {
  write(value: unknown, to: ByteWriter): void;
  read(from: ByteReader): unknown;
}

/** The codec of a type. One tag byte per value tells null (0), a value (1), and for a bigint or decimal the form (2). */
export function valueCodec(type: DataType): ValueCodec {
  const inner = codecOf(type);
  return {
    write(value, to) {
      if (value === null || value === undefined) return to.byte(0);
      to.byte(1);
      inner.write(value, to);
    },
    read: (from) => (from.byte() === 0 ? null : inner.read(from)),
  };
}

const WHOLE: ValueCodec = { write: (value, to) => to.whole(value as number), read: (from) => from.whole() };
const DOUBLE: ValueCodec = { write: (value, to) => to.double(value as number), read: (from) => from.double() };
const TEXT: ValueCodec = { write: (value, to) => to.text(value as string), read: (from) => from.text() };
const BYTES: ValueCodec = { write: (value, to) => to.raw(value as Uint8Array), read: (from) => from.raw() };
const NOTHING: ValueCodec = { write: () => {}, read: () => null };
const BOOLEAN: ValueCodec = { write: (value, to) => to.byte(value ? 1 : 0), read: (from) => from.byte() === 1 };

const LONG: ValueCodec = {
  write(value, to) {
    if (typeof value === "bigint") {
      to.byte(2);
      to.text(String(value));
    } else {
      to.whole(value as number);
    }
  },
  read(from) {
    const start = from.position;
    if (from.byte() === 2) return normalLong(BigInt(from.text()));
    from.position = start;
    return from.whole();
  },
};

const DECIMAL: ValueCodec = { write: (value, to) => to.text(String(value)), read: (from) => BigInt(from.text()) };

function codecOf(type: DataType): ValueCodec {
  switch (type.type) {
    case "boolean":
      return BOOLEAN;
    case "tinyint":
    case "smallint":
    case "int":
    case "date":
      return WHOLE;
    case "timestamp":
    case "interval":
      return WHOLE;
    case "bigint":
      return LONG;
    case "float":
    case "double":
      return DOUBLE;
    case "decimal":
      return DECIMAL;
    case "string":
      return TEXT;
    case "binary":
      return BYTES;
    case "array": {
      const element = valueCodec(type.element);
      return {
        write(value, to) {
          const list = value as readonly unknown[];
          to.count(list.length);
          for (const one of list) element.write(one, to);
        },
        read: (from) => Array.from({ length: from.count() }, () => element.read(from)),
      };
    }
    case "map": {
      const key = valueCodec(type.key);
      const item = valueCodec(type.value);
      return {
        write(value, to) {
          const map = value as ReadonlyMap<unknown, unknown>;
          to.count(map.size);
          for (const [k, v] of map) {
            key.write(k, to);
            item.write(v, to);
          }
        },
        read: (from) => new Map(Array.from({ length: from.count() }, (): [unknown, unknown] => [key.read(from), item.read(from)])),
      };
    }
    case "struct": {
      const fields = type.fields.map((one) => valueCodec(one.dataType));
      return {
        write(value, to) {
          fields.forEach((codec, i) => codec.write((value as unknown[])[i], to));
        },
        read: (from) => fields.map((codec) => codec.read(from)),
      };
    }
    case "null":
      return NOTHING;
  }
}
