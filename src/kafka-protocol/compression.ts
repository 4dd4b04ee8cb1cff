import zlib from "node:zlib";
import { messageOf } from "../base/errors.ts";
import { packLz4, unpackLz4 } from "./lz4.ts";
import { KafkaProtocolError } from "./protocol-error.ts";
import { packSnappy, unpackSnappy } from "./snappy.ts";

/** The compression of a batch: the low three bits of its attributes. */
export type Compression = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** All of them, each at the place of its code. */
export const COMPRESSIONS: readonly Compression[] = ["none", "gzip", "snappy", "lz4", "zstd"];

/** A batch never unpacks to more than this: a small frame must not fill the memory. */
export const MAX_UNPACKED_BYTES: number = 256 * 1024 * 1024;

function unsupported(what: string, remedy: string): KafkaProtocolError {
  return new KafkaProtocolError("UNSUPPORTED_BATCH", { failed: "Cannot handle the compression of a record batch", found: what, remedy });
}

export function compressionOf(attributes: number): Compression {
  const name = COMPRESSIONS[attributes & 7];
  if (name === undefined) throw unsupported(`its attributes name compression ${attributes & 7}`, "Kafka knows 0 to 4.");
  return name;
}

export const compressionCode = (compression: Compression): number => COMPRESSIONS.indexOf(compression);

function unpack(compression: Exclude<Compression, "none">, bytes: Buffer): Buffer {
  const limit = { maxOutputLength: MAX_UNPACKED_BYTES };
  if (compression === "gzip") return zlib.gunzipSync(bytes, limit);
  if (compression === "zstd") return zlib.zstdDecompressSync(bytes, limit);
  return compression === "snappy" ? unpackSnappy(bytes, MAX_UNPACKED_BYTES) : unpackLz4(bytes, MAX_UNPACKED_BYTES);
}

/** The records part of a batch, unpacked. Throws CORRUPT_BATCH where the bytes do not unpack, or to too much. */
export function decompress(compression: Compression, bytes: Uint8Array): Buffer {
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (compression === "none") return given;
  try {
    return unpack(compression, given);
  } catch (cause) {
    throw new KafkaProtocolError("CORRUPT_BATCH", {
      failed: `Cannot unpack a ${compression} record batch`,
      found: cause instanceof KafkaProtocolError ? cause.problem.found : messageOf(cause),
      remedy: "The batch was damaged before it was sent; produce it again.",
      cause,
    });
  }
}

/** The inverse of `decompress`. `level`: how hard gzip and zstd try; their own default without it, and for −1. */
export function compress(compression: Compression, bytes: Uint8Array, level: number = -1): Uint8Array {
  if (compression === "none") return bytes;
  const given = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (compression === "gzip") return zlib.gzipSync(given, { level });
  if (compression === "zstd") {
    return zlib.zstdCompressSync(given, level === -1 ? {} : { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } });
  }
  return compression === "snappy" ? packSnappy(given) : packLz4(given);
}
