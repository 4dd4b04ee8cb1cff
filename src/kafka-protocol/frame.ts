import { compileFields, type MessageCodec } from "./codec.ts";
import { KafkaProtocolError } from "./protocol-error.ts";
import { createReader, readInt16, readInt32, readLength16, readText, skipTags, type Reader } from "./reader.ts";
import type { ApiTable, RequestDraft, RequestOf, ResponseDraft, ResponseOf } from "./schema.ts";
import {
  createWriter,
  finishWriter,
  joinPieces,
  writeInt16,
  writeInt32,
  writeLength16,
  writeText,
  writeUvarint,
  writtenBytes,
  type Writer,
} from "./writer.ts";

/** What precedes every request: header v1, and v2 where the version is flexible. */
export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

const API_VERSIONS_KEY = 18;
const codecs = new Map<ApiTable["request"], (MessageCodec | undefined)[]>();

/** True where the version uses compact lengths and tagged fields (KIP-482). */
export const isFlexible = (api: ApiTable, version: number): boolean => api.flexible !== null && version >= api.flexible;

function codecOf(api: ApiTable, side: "request" | "response", version: number): MessageCodec {
  const fields = api[side];
  let versions = codecs.get(fields);
  if (!versions) codecs.set(fields, (versions = []));
  return (versions[version] ??= compileFields(fields, version, isFlexible(api, version)));
}

/** Reads the part of a request's header that is the same in every version: also of an API or version that nobody knows. */
export function readRequestHeader(reader: Reader): Omit<RequestHeader, "clientId"> {
  return { apiKey: readInt16(reader), apiVersion: readInt16(reader), correlationId: readInt32(reader) };
}

/** Reads the rest of the header, then the message. `reader` stands behind `readRequestHeader`. */
export function readRequest<A extends ApiTable>(api: A, version: number, reader: Reader): { clientId: string | null; body: RequestOf<A> } {
  const clientId = readText(reader, readLength16(reader));
  if (isFlexible(api, version)) skipTags(reader);
  return { clientId, body: codecOf(api, "request", version).read(reader) as RequestOf<A> };
}

function frameOf(writer: Writer): Uint8Array[] {
  const size = writtenBytes(writer) - 4;
  const pieces = finishWriter(writer);
  const first = pieces[0] as Buffer;
  first.writeInt32BE(size, 0);
  return pieces;
}

/** A whole request with its length, ready for a socket. */
export function encodeRequest<A extends ApiTable>(
  api: A,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string | null },
  body: RequestDraft<A>,
): Uint8Array[] {
  const writer = createWriter();
  writeInt32(writer, 0);
  writeInt16(writer, api.key);
  writeInt16(writer, version);
  writeInt32(writer, header.correlationId);
  if (header.clientId === null) writeLength16(writer, -1);
  else {
    const bytes = Buffer.byteLength(header.clientId);
    writeLength16(writer, bytes);
    writeText(writer, header.clientId, bytes);
  }
  if (isFlexible(api, version)) writeUvarint(writer, 0);
  codecOf(api, "request", version).write(writer, body as Record<string, unknown>);
  return frameOf(writer);
}

/** A whole response with its length. The header of ApiVersions is never flexible, so that any client can read it (KIP-511). */
export function encodeResponse<A extends ApiTable>(api: A, version: number, correlationId: number, body: ResponseDraft<A>): Uint8Array[] {
  const writer = createWriter();
  writeInt32(writer, 0);
  writeInt32(writer, correlationId);
  if (isFlexible(api, version) && api.key !== API_VERSIONS_KEY) writeUvarint(writer, 0);
  codecOf(api, "response", version).write(writer, body as Record<string, unknown>);
  return frameOf(writer);
}

/** Reads a response frame (without its length). Byte fields are views of the frame. */
export function decodeResponse<A extends ApiTable>(
  api: A,
  version: number,
  frame: Uint8Array,
): { correlationId: number; body: ResponseOf<A> } {
  const reader = createReader(frame);
  const correlationId = readInt32(reader);
  if (isFlexible(api, version) && api.key !== API_VERSIONS_KEY) skipTags(reader);
  return { correlationId, body: codecOf(api, "response", version).read(reader) as ResponseOf<A> };
}

/** A message alone, without header and length: for journals and tests. */
export function encodeBody<A extends ApiTable, S extends "request" | "response">(
  api: A,
  side: S,
  version: number,
  body: S extends "request" ? RequestDraft<A> : ResponseDraft<A>,
): Buffer {
  const writer = createWriter();
  codecOf(api, side, version).write(writer, body as Record<string, unknown>);
  return joinPieces(finishWriter(writer));
}

/** The inverse of `encodeBody`. */
export function decodeBody<A extends ApiTable, S extends "request" | "response">(
  api: A,
  side: S,
  version: number,
  bytes: Uint8Array,
): S extends "request" ? RequestOf<A> : ResponseOf<A> {
  return codecOf(api, side, version).read(createReader(bytes)) as S extends "request" ? RequestOf<A> : ResponseOf<A>;
}

export interface FrameSplitterOptions {
  /** A frame that claims more is refused before anything is stored. */
  readonly maxFrameBytes: number;
  /** Called with each whole frame, without its length. */
  readonly onFrame: (frame: Buffer) => void;
  /**
   * Where a frame that comes in several chunks is put together; at least `bytes` long. A reader that is done with a frame when `onFrame`
   * returns gives the same buffer again; by default each frame has its own.
   */
  readonly allocate?: (bytes: number) => Buffer;
  /** Told before a frame takes more memory than it began with, and how much; may throw to refuse it. Not with `allocate`. */
  readonly onGrow?: (bytes: number) => void;
}

/** A frame begins with as much memory; what was promised beyond is taken as it comes, so that a false length costs nothing. */
const FIRST_BYTES = 256 * 1024;
/** It then grows by this factor: what has come is copied seldom, and never more than a third of the whole. */
const GROWTH = 4;

/** Cuts a stream of bytes into frames of four bytes of length and that many bytes of message. */
export interface FrameSplitter {
  /**
   * Takes the next chunk. A frame that lies wholly within it is handed on as a view of it, without a copy. Throws FRAME_TOO_LARGE on a
   * length that is negative or above the limit; the splitter must not be used afterwards.
   */
  push(chunk: Uint8Array): void;
  /** Bytes of an unfinished frame. */
  pendingBytes(): number;
}

export function createFrameSplitter(options: FrameSplitterOptions): FrameSplitter {
  const lengthBytes = Buffer.alloc(4);
  let lengthRead = 0;
  let target: Buffer | undefined;
  let wanted = 0;
  let have = 0;

  const checked = (size: number): number => {
    if (size >= 0 && size <= options.maxFrameBytes) return size;
    throw new KafkaProtocolError("FRAME_TOO_LARGE", {
      failed: "Cannot take a message of Kafka's protocol",
      found: `its length says ${size} bytes, ${options.maxFrameBytes} at most are taken`,
      remedy: "Send smaller requests, and check that the other side speaks Kafka's protocol on this port.",
    });
  };

  const grown = (from: Buffer): Buffer => {
    const size = Math.min(wanted, from.length * GROWTH);
    options.onGrow?.(size - from.length);
    const larger = Buffer.allocUnsafeSlow(size);
    from.copy(larger);
    return larger;
  };

  const push = (given: Uint8Array): void => {
    const chunk = Buffer.isBuffer(given) ? given : Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    let at = 0;
    while (at < chunk.length) {
      if (target) {
        if (have === target.length) target = grown(target);
        const take = Math.min(Math.min(wanted, target.length) - have, chunk.length - at);
        chunk.copy(target, have, at, at + take);
        have += take;
        at += take;
        if (have < wanted) continue;
        const frame = target.length === wanted ? target : target.subarray(0, wanted);
        target = undefined;
        options.onFrame(frame);
        continue;
      }
      let size: number;
      if (lengthRead === 0 && chunk.length - at >= 4) {
        size = checked(chunk.readInt32BE(at));
        at += 4;
      } else {
        lengthBytes[lengthRead++] = chunk[at++] as number;
        if (lengthRead < 4) continue;
        lengthRead = 0;
        size = checked(lengthBytes.readInt32BE(0));
      }
      if (chunk.length - at >= size) {
        options.onFrame(chunk.subarray(at, at + size));
        at += size;
      } else {
        target = options.allocate ? options.allocate(size) : Buffer.allocUnsafeSlow(Math.min(size, FIRST_BYTES));
        wanted = size;
        have = 0;
      }
    }
  };

  return { push, pendingBytes: () => (target ? have : lengthRead) };
}
