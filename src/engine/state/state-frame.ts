import { crc32 } from "node:zlib";
import { CheckpointError, RESTORE_OR_RENEW } from "../checkpoint/checkpoint-error.ts";
import { ByteWriter } from "./byte-writer.ts";

/** Every state file begins with these 12 bytes: "SLST", format version (uint32), CRC-32 of the rest (uint32), from format 2 on of the 8 bytes before it too. */
const MAGIC = 0x54534c53;
const HEADER = 12;

/**
 * The format versions of state files. 1: removed keys, then keys with their rows; in it the joins of early releases have rows by key and number.
 * 2: joins have rows by place, snapshots of groups have columns.
 */
export const STATE_FORMATS = { rows: 1, places: 2, columns: 2, newest: 2 } as const;

/** The content of a state file and the format in which it is. */
export type StateContent = { readonly format: number; readonly content: Buffer };

/** A writer for the content of a state file, of about so many bytes, to be sealed by `sealStateFile`. */
export function stateWriter(bytes: number = 256): ByteWriter {
  const writer = new ByteWriter(HEADER + bytes);
  for (let i = 0; i < HEADER; i += 4) writer.uint32(0);
  return writer;
}

/** The bytes of the state file whose content a `stateWriter` holds. */
export function sealStateFile(writer: ByteWriter, format: number): Buffer {
  const framed = writer.take();
  framed.writeUInt32LE(MAGIC, 0);
  framed.writeUInt32LE(format, 4);
  framed.writeUInt32LE(checksum(framed, format), 8);
  return framed;
}

function checksum(framed: Buffer, format: number): number {
  return crc32(framed.subarray(HEADER), format === 1 ? 0 : crc32(framed.subarray(0, 8)));
}

/**
 * What a state file holds; throws a CheckpointError that names the file where the frame, the format or the checksum does not fit.
 * `oldest`: the first format that the reader knows.
 */
export function decodeStateFile(framed: Buffer, file: string, oldest: number = 1): StateContent {
  if (framed.length < HEADER || framed.readUInt32LE(0) !== MAGIC) {
    throw new CheckpointError("CHECKPOINT_FOREIGN", {
      failed: `Cannot read ${file}`,
      found: "it does not begin as a state file does",
      remedy: RESTORE_OR_RENEW,
    });
  }
  const format = framed.readUInt32LE(4);
  if (format > STATE_FORMATS.newest) {
    throw new CheckpointError("CHECKPOINT_NEWER", {
      failed: `Cannot read ${file}`,
      found: `format version ${format}, this release knows ${STATE_FORMATS.newest}`,
      remedy: "Run the query with the release that wrote the checkpoint.",
    });
  }
  if (format < 1 || framed.readUInt32LE(8) !== checksum(framed, format)) {
    throw new CheckpointError("CHECKPOINT_DAMAGED", {
      failed: `Cannot trust ${file}`,
      found: format < 1 ? `format version ${format}, which never was` : "its checksum does not fit its content",
      remedy: RESTORE_OR_RENEW,
    });
  }
  if (format < oldest) {
    throw new CheckpointError("CHECKPOINT_OLDER", {
      failed: `Cannot read ${file}`,
      found: `format version ${format}, this release reads such state from version ${oldest} on`,
      remedy:
        "Run the query with the release that wrote the checkpoint; or start over with a new checkpointLocation, which reads the input again from startingOffsets.",
    });
  }
  return { format, content: framed.subarray(HEADER) };
}
