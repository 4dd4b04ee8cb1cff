const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256 one after the other: slicing by 8 looks up eight bytes at a time. */
const tables: Int32Array = makeTables();

function makeTables(): Int32Array {
  const all = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    all[byte] = crc;
  }
  for (let slice = 1; slice < 8; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = all[(slice - 1) * 256 + byte] as number;
      all[slice * 256 + byte] = (all[before & 255] as number) ^ (before >>> 8);
    }
  }
  return all;
}

/** CRC-32C (Castagnoli) of `bytes[start, end)` as an unsigned number; `seed` is the result for what came before, to go on from there. */
export function crc32c(bytes: Uint8Array, start: number = 0, end: number = bytes.length, seed: number = 0): number {
  let crc = ~seed;
  let at = start;
  const t = tables;
  for (const last = end - 8; at <= last; at += 8) {
    crc ^= (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    crc =
      (t[1792 + (crc & 255)] as number) ^
      (t[1536 + ((crc >>> 8) & 255)] as number) ^
      (t[1280 + ((crc >>> 16) & 255)] as number) ^
      (t[1024 + (crc >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (t[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}
