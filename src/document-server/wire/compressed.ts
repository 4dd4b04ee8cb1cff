import { promisify } from "node:util";
import type * as ZlibModule from "node:zlib";
import { BrokenFrame, MAX_MESSAGE_BYTES } from "./frames.ts";

const OP_COMPRESSED = 2012;
const HEADER_BYTES = 16;
/** Header, the opcode and the size of what is packed, the compressor's number. */
const HEAD_BYTES = HEADER_BYTES + 9;
/** Packing so much or more leaves the main thread. */
const LARGE_BYTES = 64 * 1024;

/** How a connection packs its messages; the names of MongoDB's handshake. */
export type Compressor = "zlib" | "zstd";
const NUMBERS: Readonly<Record<Compressor, number>> = { zlib: 2, zstd: 3 };
const NONE = 0;

let loaded: typeof ZlibModule | undefined;

/** Loaded for the first client that wants it: a server without such clients stays smaller. */
function zlibModule(): typeof ZlibModule {
  loaded ??= process.getBuiltinModule("node:zlib") as typeof ZlibModule;
  return loaded;
}

/** zstd is in Node from 22.15 on. */
function hasZstd(): boolean {
  return typeof zlibModule().zstdCompressSync === "function";
}

/** Those of the client's compressors that this server has, the one to answer with first. */
export function commonCompressors(offered: unknown): Compressor[] {
  const names = Array.isArray(offered) ? (offered as unknown[]) : [];
  return names.filter((name): name is Compressor => name === "zlib" || (name === "zstd" && hasZstd()));
}

export function isCompressed(message: Buffer): boolean {
  return message.readInt32LE(12) === OP_COMPRESSED;
}

/*
 * OP_COMPRESSED { MsgHeader header; int32 originalOpcode; int32 uncompressedSize; uint8 compressorId; the message's body, packed }
 */
/** The message inside, as if it had come unpacked, and what it was packed with. Throws BrokenFrame. */
export async function unpackMessage(message: Buffer): Promise<{ readonly message: Buffer; readonly compressor: Compressor | undefined }> {
  if (message.length < HEAD_BYTES) throw new BrokenFrame("an OP_COMPRESSED cut short");
  const opcode = message.readInt32LE(HEADER_BYTES);
  const size = message.readInt32LE(HEADER_BYTES + 4);
  const number = message[HEADER_BYTES + 8] as number;
  if (opcode === OP_COMPRESSED) throw new BrokenFrame("a packed message inside a packed one");
  if (size < 0 || size > MAX_MESSAGE_BYTES - HEADER_BYTES) throw new BrokenFrame(`a packed message of ${size} bytes`);
  const packed = message.subarray(HEAD_BYTES);
  const compressor = number === NUMBERS.zlib ? "zlib" : number === NUMBERS.zstd && hasZstd() ? "zstd" : undefined;
  if (compressor === undefined && number !== NONE) throw new BrokenFrame(`compressor ${number}, which was not agreed on`);
  const body = compressor === undefined ? packed : await unpack(compressor, packed, size);
  if (body.length !== size) throw new BrokenFrame(`a packed message of ${body.length} bytes that says ${size}`);
  const whole = Buffer.allocUnsafe(HEADER_BYTES + size);
  message.copy(whole, 0, 0, HEADER_BYTES);
  whole.writeInt32LE(whole.length, 0);
  whole.writeInt32LE(opcode, 12);
  whole.set(body, HEADER_BYTES);
  return { message: whole, compressor };
}

async function unpack(compressor: Compressor, packed: Buffer, size: number): Promise<Buffer> {
  const zlib = zlibModule();
  const limit = { maxOutputLength: Math.max(1, size) };
  try {
    if (compressor === "zlib") return size < LARGE_BYTES ? zlib.inflateSync(packed, limit) : await promisify(zlib.inflate)(packed, limit);
    return size < LARGE_BYTES ? zlib.zstdDecompressSync(packed, limit) : await promisify(zlib.zstdDecompress)(packed, limit);
  } catch {
    throw new BrokenFrame(`bytes that ${compressor} did not pack`);
  }
}

/** A message packed; answers to the handshake and to logins must go as they are. */
export async function packMessage(message: Buffer, compressor: Compressor): Promise<Buffer> {
  const body = message.subarray(HEADER_BYTES);
  const packed = await pack(compressor, body);
  const whole = Buffer.allocUnsafe(HEAD_BYTES + packed.length);
  message.copy(whole, 0, 0, HEADER_BYTES);
  whole.writeInt32LE(whole.length, 0);
  whole.writeInt32LE(OP_COMPRESSED, 12);
  whole.writeInt32LE(message.readInt32LE(12), HEADER_BYTES);
  whole.writeInt32LE(body.length, HEADER_BYTES + 4);
  whole[HEADER_BYTES + 8] = NUMBERS[compressor];
  whole.set(packed, HEAD_BYTES);
  return whole;
}

async function pack(compressor: Compressor, body: Buffer): Promise<Buffer> {
  const zlib = zlibModule();
  const isLarge = body.length >= LARGE_BYTES;
  if (compressor === "zlib") return isLarge ? promisify(zlib.deflate)(body) : zlib.deflateSync(body);
  return isLarge ? promisify(zlib.zstdCompress)(body) : zlib.zstdCompressSync(body);
}
