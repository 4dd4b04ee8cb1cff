import { KafkaProtocolError, malformed } from "./protocol-error.ts";
import {
  advance,
  readBool,
  readBytes,
  readCompactLength,
  readFloat64,
  readInt16,
  readInt32,
  readInt64,
  readInt8,
  readLength16,
  readLength32,
  readText,
  readUint16,
  readUint32,
  readUuid,
  readUvarint,
  type Reader,
} from "./reader.ts";
import { resolveField, type Fields, type RecordBytes, type ResolvedField, type ScalarName } from "./schema.ts";
import {
  createWriter,
  finishWriter,
  joinPieces,
  writeBool,
  writeBytes,
  writeCompactLength,
  writeFloat64,
  writeInt16,
  writeInt32,
  writeInt64,
  writeInt8,
  writeLength16,
  writeLength32,
  writeText,
  writeUint16,
  writeUint32,
  writeUuid,
  writeUvarint,
  type Writer,
} from "./writer.ts";

type Message = Record<string, unknown>;
type Read = (reader: Reader) => unknown;
type Write = (writer: Writer, value: unknown) => void;

/** Reads and writes one message in one version. */
export interface MessageCodec {
  read(reader: Reader): Message;
  write(writer: Writer, message: Message): void;
}

interface ValueCodec {
  readonly read: Read;
  readonly write: Write;
}

const PLAIN: Partial<Record<ScalarName, ValueCodec>> = {
  bool: { read: readBool, write: writeBool as Write },
  int8: { read: readInt8, write: writeInt8 as Write },
  int16: { read: readInt16, write: writeInt16 as Write },
  uint16: { read: readUint16, write: writeUint16 as Write },
  int32: { read: readInt32, write: writeInt32 as Write },
  uint32: { read: readUint32, write: writeUint32 as Write },
  int64: { read: readInt64, write: writeInt64 as Write },
  float64: { read: readFloat64, write: writeFloat64 as Write },
  uuid: { read: readUuid, write: writeUuid as Write },
};

function invalid(field: string, found: string): KafkaProtocolError {
  return new KafkaProtocolError("INVALID_MESSAGE", {
    failed: `Cannot write the field "${field}" of a message`,
    found,
    remedy: "This is a mistake in the program that made the message.",
  });
}

function textCodec(name: string, nullable: boolean, flexible: boolean): ValueCodec {
  const readLength = flexible ? readCompactLength : readLength16;
  const writeLength = flexible ? writeCompactLength : writeLength16;
  return {
    read: (reader) => {
      const text = readText(reader, readLength(reader));
      if (text === null && !nullable) throw malformed(`null in the field "${name}"`);
      return text;
    },
    write: (writer, value) => {
      if (value === null) {
        if (!nullable) throw invalid(name, "null where the version wants a text");
        writeLength(writer, -1);
        return;
      }
      const text = value as string;
      const bytes = Buffer.byteLength(text);
      if (!flexible && bytes > 32767) throw invalid(name, `${bytes} bytes of text, 32767 at most`);
      writeLength(writer, bytes);
      writeText(writer, text, bytes);
    },
  };
}

function bytesCodec(name: string, nullable: boolean, flexible: boolean): ValueCodec {
  const readLength = flexible ? readCompactLength : readLength32;
  const writeLength = flexible ? writeCompactLength : writeLength32;
  return {
    read: (reader) => {
      const bytes = readBytes(reader, readLength(reader));
      if (bytes === null && !nullable) throw malformed(`null in the field "${name}"`);
      return bytes;
    },
    write: (writer, value) => {
      if (value === null) {
        if (!nullable) throw invalid(name, "null where the version wants bytes");
        writeLength(writer, -1);
        return;
      }
      const given = value as RecordBytes;
      if (given instanceof Uint8Array) {
        writeLength(writer, given.length);
        writeBytes(writer, given);
        return;
      }
      writeLength(
        writer,
        given.reduce((sum, piece) => sum + piece.length, 0),
      );
      for (const piece of given) writeBytes(writer, piece);
    },
  };
}

function arrayCodec(name: string, nullable: boolean, flexible: boolean, element: ValueCodec): ValueCodec {
  const readLength = flexible ? readCompactLength : readLength32;
  const writeLength = flexible ? writeCompactLength : writeLength32;
  return {
    read: (reader) => {
      const count = readLength(reader);
      if (count === -1 && nullable) return null;
      if (count < 0 || count > reader.end - reader.at) throw malformed(`a list of ${count} in the field "${name}"`);
      const list: unknown[] = [];
      for (let i = 0; i < count; i++) list.push(element.read(reader));
      return list;
    },
    write: (writer, value) => {
      if (value === null) {
        if (!nullable) throw invalid(name, "null where the version wants a list");
        writeLength(writer, -1);
        return;
      }
      const list = value as readonly unknown[];
      writeLength(writer, list.length);
      for (const item of list) element.write(writer, item);
    },
  };
}

/** A structure that may be null is one byte, −1 or 1, before its fields. */
function nullableStruct(inner: ValueCodec): ValueCodec {
  return {
    read: (reader) => (readInt8(reader) < 0 ? null : inner.read(reader)),
    write: (writer, value) => {
      writeInt8(writer, value === null ? -1 : 1);
      if (value !== null) inner.write(writer, value);
    },
  };
}

function scalarCodec(field: ResolvedField, nullable: boolean, flexible: boolean): ValueCodec {
  if (field.scalar === "string") return textCodec(field.name, nullable, flexible);
  if (field.scalar === "bytes" || field.scalar === "records") return bytesCodec(field.name, nullable, flexible);
  const plain = field.scalar === null ? undefined : PLAIN[field.scalar];
  if (!plain) throw new Error(`no codec for the type of "${field.name}"`);
  return plain;
}

function valueCodec(field: ResolvedField, version: number, flexible: boolean): ValueCodec {
  const inner = field.fields
    ? (compileFields(field.fields, version, flexible) as unknown as ValueCodec)
    : scalarCodec(field, !field.isArray && field.nullable, flexible);
  if (field.isArray) return arrayCodec(field.name, field.nullable, flexible, inner);
  return field.fields && field.nullable ? nullableStruct(inner) : inner;
}

interface Step {
  readonly name: string;
  readonly present: boolean;
  readonly codec: ValueCodec;
  readonly fallback: () => unknown;
}

/** Compiles one message for one version into closures; callers keep the result. */
export function compileFields(fields: Fields, version: number, flexible: boolean): MessageCodec {
  const steps: Step[] = [];
  const tagged: (Step & { readonly tag: number })[] = [];
  for (const [name, spec] of Object.entries(fields)) {
    const field = resolveField(name, spec, version);
    const codec = valueCodec(field, version, flexible);
    const shared = field.fallback;
    const fallback = shared === undefined ? () => ({}) : Array.isArray(shared) ? () => [] : () => shared;
    const step = { name, present: field.present, codec, fallback };
    if (field.tag === null) steps.push(step);
    else {
      steps.push({ ...step, present: false });
      if (field.present && flexible) tagged.push({ ...step, tag: field.tag });
    }
  }
  tagged.sort((a, b) => a.tag - b.tag);
  const byTag = new Map(tagged.map((step) => [step.tag, step]));

  const readTags = (reader: Reader, message: Message): void => {
    for (let left = readUvarint(reader); left > 0; left--) {
      const tag = readUvarint(reader);
      const size = readUvarint(reader);
      const start = advance(reader, size);
      const step = byTag.get(tag);
      if (!step) continue;
      reader.at = start;
      message[step.name] = step.codec.read(reader);
      if (reader.at !== start + size) throw malformed(`${size} bytes in the tagged field "${step.name}"`);
    }
  };

  const writeTags = (writer: Writer, message: Message): void => {
    const given = tagged.filter((step) => {
      const value = message[step.name];
      return value !== undefined && !isFallback(value, step.fallback());
    });
    writeUvarint(writer, given.length);
    for (const step of given) {
      const body = createWriter();
      step.codec.write(body, message[step.name]);
      const bytes = joinPieces(finishWriter(body));
      writeUvarint(writer, step.tag);
      writeUvarint(writer, bytes.length);
      writeBytes(writer, bytes);
    }
  };

  return {
    read: (reader) => {
      const message: Message = {};
      for (const step of steps) message[step.name] = step.present ? step.codec.read(reader) : step.fallback();
      if (flexible) readTags(reader, message);
      return message;
    },
    write: (writer, message) => {
      for (const step of steps) {
        if (!step.present) continue;
        const value = message[step.name];
        step.codec.write(writer, value === undefined ? step.fallback() : value);
      }
      if (flexible) writeTags(writer, message);
    },
  };
}

function isFallback(value: unknown, fallback: unknown): boolean {
  if (Array.isArray(value) && Array.isArray(fallback)) return value.length === 0;
  return value === fallback;
}
