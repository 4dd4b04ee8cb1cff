import { createReadStream, type ReadStream } from "node:fs";
import path from "node:path";
import { createGunzip } from "node:zlib";

/** The lines of a UTF-8 file without their ends (LF, CRLF or CR, or `separator`), in groups as they are read; `.gz` is unpacked. A byte order mark is left out. */
export async function* textLines(file: string, separator: string | undefined, signal: AbortSignal): AsyncIterable<string[]> {
  const bytes = createReadStream(file, { highWaterMark: 256 * 1024, signal });
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of unpacked(file, bytes)) {
      rest += decoder.decode(chunk, { stream: true });
      const held = separator === undefined && rest.endsWith("\r") ? "\r" : "";
      const lines = split(held ? rest.slice(0, -1) : rest, separator);
      rest = (lines.pop() ?? "") + held;
      if (lines.length > 0) yield lines;
    }
    rest += decoder.decode();
    const lines = split(rest, separator);
    if (lines.at(-1) === "") lines.pop();
    if (lines.length > 0) yield lines;
  } finally {
    bytes.destroy();
  }
}

/** All of a UTF-8 file; `.gz` is unpacked, a byte order mark is left out. */
export async function wholeText(file: string, signal: AbortSignal): Promise<string> {
  const bytes = createReadStream(file, { highWaterMark: 256 * 1024, signal });
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of unpacked(file, bytes)) text += decoder.decode(chunk, { stream: true });
    return text + decoder.decode();
  } finally {
    bytes.destroy();
  }
}

/** The bytes of a file as they are read, those of a `.gz` unpacked. */
export function unpacked(file: string, bytes: ReadStream): AsyncIterable<Uint8Array> {
  if (path.extname(file) !== ".gz") return bytes as AsyncIterable<Uint8Array>;
  const gunzip = createGunzip();
  bytes.on("error", (error) => gunzip.destroy(error));
  return bytes.pipe(gunzip) as AsyncIterable<Uint8Array>;
}

function split(text: string, separator: string | undefined): string[] {
  return separator === undefined ? text.split(/\r\n|\n|\r/) : text.split(separator);
}
