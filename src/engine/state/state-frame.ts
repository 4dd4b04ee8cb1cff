import { crc32 } from "node:zlib";
import { CheckpointError, RESTORE_OR_RENEW } from "../checkpoint/checkpoint-error.ts";

/** Every state file begins with these 12 bytes: "SLST", format version (uint32), CRC-32 of the rest (uint32). */
const MAGIC = 0x54534c53;
const FORMAT = 1;
const HEADER = 12;

/** The bytes of a state file with this content. */
export function encodeStateFile(content: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEADER + content.length);
  framed.writeUInt32LE(MAGIC, 0);
  framed.writeUInt32LE(FORMAT, 4);
  framed.writeUInt32LE(crc32(content), 8);
  framed.set(content, HEADER);
  return framed;
}

/** The content of a state file; throws a CheckpointError that names the file where the frame, the format or the checksum does not fit. */
export function decodeStateFile(framed: Buffer, file: string): Buffer {
  if (framed.length < HEADER || framed.readUInt32LE(0) !== MAGIC) {
    throw new CheckpointError("CHECKPOINT_FOREIGN", {
      failed: `Cannot read ${file}`,
      found: "it does not begin as a state file does",
      remedy: RESTORE_OR_RENEW,
    });
  }
  const format = framed.readUInt32LE(4);
  if (format > FORMAT) {
    throw new CheckpointError("CHECKPOINT_NEWER", {
      failed: `Cannot read ${file}`,
      found: `format version ${format}, this release knows ${FORMAT}`,
      remedy: "Run the query with the release that wrote the checkpoint.",
    });
  }
  const content = framed.subarray(HEADER);
  if (format < 1 || framed.readUInt32LE(8) !== crc32(content)) {
    throw new CheckpointError("CHECKPOINT_DAMAGED", {
      failed: `Cannot trust ${file}`,
      found: format < 1 ? `format version ${format}, which never was` : "its checksum does not fit its content",
      remedy: RESTORE_OR_RENEW,
    });
  }
  return content;
}
