import fc from "fast-check";

const NOISE = [
  '"',
  "'",
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  " ",
  "\n",
  "\t",
  "\u0001",
  "\u0000",
  "é",
  "😀",
  "0",
  "-",
  ".",
  "e",
  "#",
  ";",
  "|",
  "\ufeff",
  "/",
  "null",
  "NaN",
] as const;

/** Texts as bytes, most of them as they are; others cut, with bytes overwritten, dropped, put in, swapped or doubled, so that they may be no UTF-8 any more. */
export function broken(texts: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> {
  const change = fc.oneof(
    fc.record({ kind: fc.constantFrom("cut", "drop", "double" as const), at: fc.nat(), put: fc.constant(Buffer.alloc(0)) }),
    fc.record({
      kind: fc.constantFrom("insert", "replace" as const),
      at: fc.nat(),
      put: fc.oneof(
        fc.constantFrom(...NOISE).map((text) => Buffer.from(text)),
        fc.uint8Array({ minLength: 1, maxLength: 2 }).map((bytes) => Buffer.from(bytes)),
      ),
    }),
  );
  const changes = fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 3, arbitrary: fc.array(change, { minLength: 1, maxLength: 3 }) },
  );
  return fc.tuple(texts, changes).map(([text, made]) => {
    let bytes = Buffer.from(text);
    for (const { kind, at, put } of made) {
      const place = at % (bytes.length + 1);
      const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
      if (kind === "cut") bytes = Buffer.from(head);
      else if (kind === "double") bytes = Buffer.concat([head, tail, tail]);
      else bytes = Buffer.concat([head, put, kind === "insert" ? tail : tail.subarray(1)]);
    }
    return bytes;
  });
}

/** Records: broken texts, and now and then a null. */
export function recordsOf(texts: fc.Arbitrary<string>): fc.Arbitrary<(Uint8Array | null)[]> {
  return fc.array(fc.oneof({ weight: 30, arbitrary: broken(texts) }, { weight: 1, arbitrary: fc.constant(null) }), {
    minLength: 1,
    maxLength: 12,
  });
}

/** Numbers as people and machines write them, and what only looks like one. */
export const numberTexts: fc.Arbitrary<string> = fc.oneof(
  fc.integer().map(String),
  fc.integer({ min: -200, max: 200 }).map(String),
  fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }).map(String),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((x) => x.toFixed(2)),
  fc.double().map(String),
  fc.tuple(fc.integer(), fc.nat({ max: 99_999_999 })).map(([a, b]) => `${a}.${b}`),
  fc.constantFrom(
    "-0",
    "-0.0",
    "0.10",
    "1e3",
    "1E-2",
    "01",
    "-01",
    "1.",
    ".5",
    "+1",
    "-",
    "",
    ".",
    "1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "+INF",
    "0x10",
    "1_000",
  ),
  fc.constantFrom("127", "128", "-128", "-129", "32767", "32768", "2147483647", "2147483648", "-2147483648", "-2147483649"),
  fc.constantFrom(
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "999999999999999",
    "9999999999999999",
    "0.1234567890123456789",
    "1d",
    "1f",
    "1L",
    " 1",
    "1 ",
  ),
);

/** Instants and days in plain and in odd shapes. */
export const timeTexts: fc.Arbitrary<string> = fc.oneof(
  fc.date({ min: new Date(-6e13), max: new Date(2e14), noInvalidDate: true }).map((date) => date.toISOString()),
  fc.date({ min: new Date(-6e13), max: new Date(2e14), noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10)),
  fc.constantFrom(
    "2026-01-02",
    "2026-1-2",
    "2026-02-30",
    "2026-01-02T03:04:05",
    "2026-01-02 03:04:05.1234567+02:00",
    "2026-01-02T03:04:05.",
    "2026-01-33T00:00:00Z",
  ),
  fc.constantFrom(
    "0000-01-02T03:04:05Z",
    "2026-01-02T24:04:05Z",
    "2026-01-02T03:04:05+18:00",
    "2026-01-02T03:04:05-08:30",
    "2026",
    "2026-01",
    "02/01/2026",
    "2026-01-02T03",
    "2026-01-02x",
    "+2026-01-02",
    "12026-01-02",
  ),
);

/** Words, some with characters beyond ASCII. */
export const words: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "_", "0", " "), maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom("", "x", "null", "true", "false", "TRUE", "sensor_0001", "Příliš", "\ufffd", "\ufeffx"),
);
