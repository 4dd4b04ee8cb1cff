import { readFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import { codeOf } from "../../base/errors.ts";
import { CheckpointError, RESTORE_OR_RENEW } from "./checkpoint-error.ts";

/** The format of every text file of a checkpoint: `v1`, the lines, `crc32 <8 hex digits>` over all bytes before that line. */
const VERSION = 1;

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** The file's text for these lines. */
export function encodeLines(lines: readonly string[]): string {
  const body = `v${VERSION}\n${lines.join("\n")}\n`;
  return `${body}crc32 ${hex(crc32(body))}\n`;
}

/** The lines of such a text; throws a CheckpointError that names the file. */
export function decodeLines(text: string, file: string): string[] {
  const version = /^v(\d+)\n/.exec(text)?.[1];
  if (version === undefined) {
    throw new CheckpointError("CHECKPOINT_FOREIGN", {
      failed: `Cannot read ${file}`,
      found: "it does not begin with a format version",
      remedy: `It was not written by this engine, or its beginning is damaged. ${RESTORE_OR_RENEW}`,
    });
  }
  if (Number(version) > VERSION) {
    throw new CheckpointError("CHECKPOINT_NEWER", {
      failed: `Cannot read ${file}`,
      found: `format version ${version}, this release knows ${VERSION}`,
      remedy: "Run the query with the release that wrote the checkpoint.",
    });
  }
  const end = text.lastIndexOf("\ncrc32 ");
  const body = text.slice(0, end + 1);
  if (end < 0 || text.slice(end + 1) !== `crc32 ${hex(crc32(body))}\n`) {
    throw new CheckpointError("CHECKPOINT_DAMAGED", {
      failed: `Cannot trust ${file}`,
      found: end < 0 ? "its checksum line is missing" : "its checksum does not fit its content",
      remedy: RESTORE_OR_RENEW,
    });
  }
  return body.slice(0, -1).split("\n").slice(1);
}

/** Writes such a file; it is wholly there or not at all. */
export async function writeLines(file: string, lines: readonly string[]): Promise<void> {
  await writeFileAtomic(file, encodeLines(lines));
}

/** The lines of a file, or undefined where there is none. */
export async function readLines(file: string): Promise<string[] | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  return decodeLines(text, file);
}

/** JSON of a line, or a CheckpointError that names the file. */
export function parseLine(line: string | undefined, file: string): unknown {
  try {
    return JSON.parse(line ?? "") as unknown;
  } catch (cause) {
    throw new CheckpointError("CHECKPOINT_DAMAGED", {
      failed: `Cannot read ${file}`,
      found: "a line is not JSON",
      remedy: RESTORE_OR_RENEW,
      cause,
    });
  }
}
