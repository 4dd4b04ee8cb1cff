/** Where the escape that begins at `p` within a JSON text ends; −1 for one that plain JSON does not have. */
export function afterEscape(buffer: Uint8Array, p: number): number {
  switch (buffer[p + 1]) {
    case 34:
    case 47:
    case 92:
    case 98:
    case 102:
    case 110:
    case 114:
    case 116:
      return p + 2;
    case 117:
      for (let i = p + 2; i < p + 6; i++) if (!isHex(buffer[i] ?? 0)) return -1;
      return p + 6;
    default:
      return -1;
  }
}

function isHex(c: number): boolean {
  return (c >= 48 && c <= 57) || ((c | 32) >= 97 && (c | 32) <= 102);
}

/** Deeper values are left to the full rules. */
const DEEPEST = 64;

/** Where the JSON value that begins at `p` ends; −1 where it is not plain JSON. It may read past its record: who calls looks where it ended. */
export function skipValue(buffer: Uint8Array, p: number, depth: number = 0): number {
  switch (buffer[p]) {
    case 34:
      return skipText(buffer, p);
    case 123:
      return depth < DEEPEST ? skipMembers(buffer, p, depth, true) : -1;
    case 91:
      return depth < DEEPEST ? skipMembers(buffer, p, depth, false) : -1;
    case 116:
      return skipWord(buffer, p, TRUE);
    case 102:
      return skipWord(buffer, p, FALSE);
    case 110:
      return skipWord(buffer, p, NULL);
    default:
      return skipNumber(buffer, p);
  }
}

const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");
const NULL = Buffer.from("null");

function skipWord(buffer: Uint8Array, p: number, word: Buffer): number {
  for (let i = 0; i < word.length; i++) if (buffer[p + i] !== word[i]) return -1;
  return p + word.length;
}

/** Where the text that begins with the quote at `p` ends. */
function skipText(buffer: Uint8Array, p: number): number {
  p++;
  for (;;) {
    const c = buffer[p] ?? 0;
    if (c === 34) return p + 1;
    if (c < 32) return -1;
    if (c === 92) {
      p = afterEscape(buffer, p);
      if (p < 0) return -1;
    } else p++;
  }
}

function skipNumber(buffer: Uint8Array, p: number): number {
  if (buffer[p] === 45) p++;
  const first = p;
  p = afterDigits(buffer, p);
  if (p === first || (buffer[first] === 48 && p > first + 1)) return -1;
  if (buffer[p] === 46) {
    const point = p;
    p = afterDigits(buffer, p + 1);
    if (p === point + 1) return -1;
  }
  const exponent = buffer[p];
  return exponent === 101 || exponent === 69 ? -1 : p;
}

function afterDigits(buffer: Uint8Array, p: number): number {
  while (((buffer[p] ?? 0) - 48) >>> 0 <= 9) p++;
  return p;
}

/** Where the white space ends that may begin at `p`. */
export function afterBlanks(buffer: Uint8Array, p: number): number {
  let c = buffer[p];
  while (c === 32 || c === 10 || c === 13 || c === 9) c = buffer[++p];
  return p;
}

/** Where the object or array ends whose bracket stands at `p`. */
function skipMembers(buffer: Uint8Array, p: number, depth: number, named: boolean): number {
  const mark = named ? 125 : 93;
  p = afterBlanks(buffer, p + 1);
  if (buffer[p] === mark) return p + 1;
  for (;;) {
    if (named) {
      if (buffer[p] !== 34) return -1;
      p = skipText(buffer, p);
      if (p < 0) return -1;
      p = afterBlanks(buffer, p);
      if (buffer[p] !== 58) return -1;
      p = afterBlanks(buffer, p + 1);
    }
    p = skipValue(buffer, p, depth + 1);
    if (p < 0) return -1;
    p = afterBlanks(buffer, p);
    const c = buffer[p++];
    if (c === mark) return p;
    if (c !== 44) return -1;
    p = afterBlanks(buffer, p);
  }
}
