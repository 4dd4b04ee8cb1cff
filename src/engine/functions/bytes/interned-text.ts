const SLOTS = 8192;
const WIDTH = 32;
const bytes = new Uint8Array(SLOTS * WIDTH);
const lengths = new Uint8Array(SLOTS);
const texts: string[] = new Array<string>(SLOTS).fill("");

/**
 * The string of some ASCII bytes. Short texts come back many times (ids, types, places): those of up to 32 bytes are kept in a table by their hash,
 * so that the same bytes give the same string object without making it again.
 */
export function internedText(buffer: Buffer, start: number, end: number, hash: number): string {
  const length = end - start;
  if (length > WIDTH) return buffer.latin1Slice(start, end);
  const slot = (hash ^ (hash >>> 13)) & (SLOTS - 1);
  const base = slot * WIDTH;
  if (lengths[slot] === length) {
    let i = 0;
    while (i < length && bytes[base + i] === buffer[start + i]) i++;
    if (i === length) return texts[slot] ?? "";
  }
  const text = length === 0 ? "" : buffer.latin1Slice(start, end);
  for (let i = 0; i < length; i++) bytes[base + i] = buffer[start + i] ?? 0;
  lengths[slot] = length;
  texts[slot] = text;
  return text;
}

/** The text in [start, end) of a buffer: UTF-8, what is none read as U+FFFD; short ASCII texts out of the table. */
export function textOf(buffer: Buffer, start: number, end: number): string {
  if (end - start > WIDTH) return buffer.utf8Slice(start, end);
  let hash = 0;
  let wide = 0;
  for (let i = start; i < end; i++) {
    const c = buffer[i] ?? 0;
    wide |= c;
    hash = (Math.imul(hash, 31) + c) | 0;
  }
  return wide < 128 ? internedText(buffer, start, end, hash) : buffer.utf8Slice(start, end);
}

declare global {
  // The fast conversions that every node Buffer has; their types are not published.
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
    utf8Slice(start?: number, end?: number): string;
  }
}
