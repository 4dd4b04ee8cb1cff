import { createReadStream } from "node:fs";
import { unpacked } from "./text-lines.ts";
import type { RawBlock } from "./source.ts";

const BYTE_ORDER_MARK = Buffer.from("\ufeff");

/**
 * The lines of a UTF-8 file as `textLines` gives them, but as bytes: blocks of one text column. `separator` is an ASCII text, or undefined for LF, CRLF
 * and CR. A block is valid until the next is asked for.
 */
export async function* lineBlocks(file: string, separator: string | undefined, signal: AbortSignal): AsyncIterable<RawBlock> {
  const bytes = createReadStream(file, { highWaterMark: 256 * 1024, signal });
  const cut = separator === undefined ? cutLines : cutAt(Buffer.from(separator));
  const places = new Places();
  let rest: Buffer = Buffer.alloc(0);
  let begun = false;
  const begin = (): void => {
    begun = true;
    if (rest.subarray(0, 3).equals(BYTE_ORDER_MARK)) rest = rest.subarray(3);
  };
  try {
    for await (const chunk of unpacked(file, bytes)) {
      rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
      if (!begun && rest.length < BYTE_ORDER_MARK.length) continue;
      if (!begun) begin();
      places.count = 0;
      const next = cut(rest, places, false);
      if (places.count > 0) yield blockOf(rest, places);
      rest = rest.subarray(next);
    }
    if (!begun) begin();
    places.count = 0;
    const next = cut(rest, places, true);
    if (next < rest.length) places.add(next, rest.length);
    if (places.count > 0) yield blockOf(rest, places);
  } finally {
    bytes.destroy();
  }
}

function blockOf(buffer: Buffer, { count, positions }: Places): RawBlock {
  return { kind: "raw", buffer, count, columns: [0], positions, rows: [] };
}

/** Starts and ends of lines. */
class Places {
  count = 0;
  positions: Int32Array = new Int32Array(8192);

  add(start: number, end: number): void {
    if (2 * this.count >= this.positions.length) {
      const grown = new Int32Array(this.positions.length * 2);
      grown.set(this.positions);
      this.positions = grown;
    }
    this.positions[2 * this.count] = start;
    this.positions[2 * this.count + 1] = end;
    this.count++;
  }
}

/** Notes the lines that have ended; answers where the first begins that has not. `last`: no more bytes follow. */
type Cut = (buffer: Buffer, places: Places, last: boolean) => number;

const cutLines: Cut = (buffer, places, last) => {
  const end = buffer.length;
  let start = 0;
  for (let p = 0; p < end; p++) {
    const c = buffer[p];
    if (c !== 10 && c !== 13) continue;
    if (c === 13 && p + 1 === end && !last) break;
    places.add(start, p);
    if (c === 13 && buffer[p + 1] === 10) p++;
    start = p + 1;
  }
  return start;
};

function cutAt(separator: Buffer): Cut {
  return (buffer, places) => {
    let start = 0;
    for (let p = buffer.indexOf(separator); p >= 0; p = buffer.indexOf(separator, start)) {
      places.add(start, p);
      start = p + separator.length;
    }
    return start;
  };
}
