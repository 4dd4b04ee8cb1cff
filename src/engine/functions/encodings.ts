import { QueryExecutionError } from "../codegen/execution-error.ts";
import { wrongArgumentCount } from "../columns/analysis-error.ts";
import { placeholder } from "../codegen/literal-text.ts";
import { castTo } from "../columns/coerce.ts";
import type { FunctionEntry } from "./function-entry.ts";
import { alike, compareText } from "./comparisons.ts";
import { BINARY, BOOLEAN, scalar, STRING } from "./scalar.ts";

/** Text and bytes by an encoding: base64, character sets, URLs. */
export const encodings: readonly FunctionEntry[] = [
  scalar({
    name: "base64",
    doc: "Bytes as base64.",
    params: [BINARY],
    result: STRING,
    run: base64,
  }),
  scalar({ name: "unbase64", doc: "The bytes of base64.", params: [STRING], result: BINARY, run: unbase64 }),
  scalar({ name: "encode", doc: "The bytes of a text in a character set.", params: [STRING, STRING], result: BINARY, run: encode }),
  decoding(),
  scalar({
    name: "is_valid_utf8",
    doc: "Whether text made of bytes is well-formed; text is here.",
    params: [STRING],
    result: BOOLEAN,
    inline: ([s]) => `!${s}.includes("\\ufffd")`,
  }),
  scalar({ name: "url_encode", doc: "Text as it stands in the query of a URL.", params: [STRING], result: STRING, run: urlEncode }),
  scalar({ name: "url_decode", doc: "Text from the query of a URL.", params: [STRING], result: STRING, run: urlDecode }),
  scalar({
    name: "try_url_decode",
    doc: "The same, null where it is malformed.",
    params: [STRING],
    result: STRING,
    run: (text: string) => urlDecoded(text),
    partial: true,
  }),
];

/** In lines of 76 characters, as Java's MIME encoder writes it. */
function base64(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return text.length <= 76 ? text : text.replace(/.{76}(?=.)/g, "$&\r\n");
}

/** Java's MIME decoder: other characters are passed over, an incomplete last group is an error. */
function unbase64(text: string): Uint8Array {
  const digits = text.replace(/[^A-Za-z0-9+/=]/g, "");
  const cut = digits.indexOf("=");
  const body = cut < 0 ? digits : digits.slice(0, cut);
  if (body.length % 4 === 1) {
    throw new QueryExecutionError("CONVERSION_INVALID_INPUT", {
      failed: `The value '${text}' (STRING) cannot be converted to BINARY because it is malformed`,
      found: "it is not base64",
      remedy: "Correct the value. Use `try_to_binary` to tolerate malformed input and return NULL instead.",
    });
  }
  return new Uint8Array(Buffer.from(body, "base64"));
}

const CHARACTER_SETS = ["us-ascii", "iso-8859-1", "utf-8", "utf-16be", "utf-16le", "utf-16", "utf-32"];

function invalidCharset(name: string, charset: string): QueryExecutionError {
  return new QueryExecutionError("INVALID_PARAMETER_VALUE.CHARSET", {
    failed: `The value of parameter(s) \`charset\` in \`${name}\` is invalid`,
    found: charset,
    remedy: `Use one of ${CHARACTER_SETS.join(", ")}.`,
  });
}

function malformed(name: string, charset: string): QueryExecutionError {
  return new QueryExecutionError("MALFORMED_CHARACTER_CODING", {
    failed: `Invalid value found when performing \`${name}\` with ${charset}`,
    found: "a character or byte that the character set does not have",
    remedy: "Use another character set.",
  });
}

function encode(text: string, charset: string): Uint8Array {
  switch (charset.toLowerCase()) {
    case "utf-8":
      return new Uint8Array(Buffer.from(text, "utf8"));
    case "us-ascii":
      return oneByte(text, 127, charset);
    case "iso-8859-1":
      return oneByte(text, 255, charset);
    case "utf-16le":
      return new Uint8Array(Buffer.from(text, "utf16le"));
    case "utf-16be":
      return new Uint8Array(Buffer.from(text, "utf16le").swap16());
    case "utf-16":
      return text === "" ? new Uint8Array(0) : new Uint8Array(Buffer.from(`\ufeff${text}`, "utf16le").swap16());
    case "utf-32": {
      const points = [...text];
      const bytes = new Uint8Array(points.length * 4);
      points.forEach((point, i) => new DataView(bytes.buffer).setUint32(i * 4, point.codePointAt(0) ?? 0));
      return bytes;
    }
    default:
      throw invalidCharset("encode", charset);
  }
}

function oneByte(text: string, highest: number, charset: string): Uint8Array {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > highest) throw malformed("encode", charset);
  return new Uint8Array(Buffer.from(text, "latin1"));
}

function decode(bytes: Uint8Array, charset: string): string {
  const name = charset.toLowerCase();
  const buffer = Buffer.from(bytes);
  switch (name) {
    case "utf-8":
      return strictly(bytes, "utf-8", charset);
    case "us-ascii":
      if (bytes.some((byte) => byte > 127)) throw malformed("decode", charset);
      return buffer.toString("latin1");
    case "iso-8859-1":
      return buffer.toString("latin1");
    case "utf-16le":
      return strictly(bytes, "utf-16le", charset);
    case "utf-16be":
      return strictly(bytes, "utf-16be", charset);
    case "utf-16":
      if (bytes[0] === 0xff && bytes[1] === 0xfe) return strictly(bytes.subarray(2), "utf-16le", charset);
      return strictly(bytes[0] === 0xfe && bytes[1] === 0xff ? bytes.subarray(2) : bytes, "utf-16be", charset);
    case "utf-32": {
      let text = "";
      for (let at = 0; at + 4 <= bytes.length; at += 4) text += String.fromCodePoint(buffer.readUInt32BE(at));
      return text;
    }
    default:
      throw invalidCharset("decode", charset);
  }
}

function strictly(bytes: Uint8Array, encoding: string, charset: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed("decode", charset);
  }
}

/** decode(bytes, charset), or Oracle's decode(value, search, result, …, default), where nulls are equal. */
function decoding(): FunctionEntry {
  const ofBytes = scalar({ name: "decode", doc: "", params: [BINARY, STRING], result: STRING, run: decode });
  return {
    name: "decode",
    doc: "Text from bytes in a character set; with more arguments the result that stands after the first equal value, else the default.",
    resolve(args, options, settings) {
      if (args.length < 2) throw wrongArgumentCount("decode", "> 1", args.length);
      if (args.length === 2) return ofBytes.resolve(args, options, settings);
      const [value] = args;
      const pairs = Math.floor((args.length - 1) / 2);
      if (!value) throw wrongArgumentCount("decode", "> 1", 0);
      const searched = alike("decode", [value, ...Array.from({ length: pairs }, (_, i) => args[i * 2 + 1] ?? value)], settings);
      const results = alike(
        "decode",
        args.filter((_, i) => i > 0 && (i % 2 === 0 || i === args.length - 1) && !isSearch(i, args.length)),
        settings,
      );
      const dataType = results[0]?.dataType ?? STRING;
      const typed = results.map((one) => castTo(one, dataType, settings));
      return { args: [...searched, ...typed], dataType, nullable: true };
    },
    emit(call, context) {
      if (call.args.length === 2) return ofBytes.emit(call, context);
      const { writer } = context;
      const pairs = Math.floor((call.args.length - 1) / 2);
      const [first, ...rest] = call.args;
      if (!first) throw wrongArgumentCount("decode", "> 1", 0);
      const value = context.emit(first);
      const found = writer.local("decode");
      const isNull = writer.local("n");
      writer.line(`let ${found} = ${placeholder(call.dataType)}, ${isNull} = true;`);
      const put = (at: number): void => {
        const result = rest[pairs + at];
        if (result === undefined) return;
        const emitted = context.emit(result);
        if (emitted.isNull !== "true") writer.line(`${found} = ${emitted.value}; ${isNull} = ${emitted.isNull};`);
      };
      const next = (at: number): void => {
        const search = rest[at];
        if (at === pairs || search === undefined) return put(pairs);
        const other = context.emit(search);
        const same = compareText("===", value.value, other.value, first.dataType, context, `${value.isNull} || ${other.isNull}`);
        const equal =
          value.isNull === "false" && other.isNull === "false"
            ? same
            : `(${value.isNull} || ${other.isNull} ? ${value.isNull} && ${other.isNull} : ${same})`;
        writer.block(`if (${equal})`, () => put(at));
        writer.block("else", () => next(at + 1));
      };
      next(0);
      return { value: found, isNull };
    },
  };
}

/** Whether the i-th of so many arguments of Oracle's decode is compared with (and no result). */
function isSearch(i: number, count: number): boolean {
  return i % 2 === 1 && i + 1 < count;
}

/** application/x-www-form-urlencoded, as java.net.URLEncoder writes it. */
function urlEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll("%20", "+")
    .replace(/[!'()~]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}

function urlDecoded(text: string): string | null {
  const bytes = text.replaceAll("+", " ");
  if (/%(?![0-9a-fA-F]{2})/.test(bytes)) return null;
  return bytes.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"));
}

function urlDecode(text: string): string {
  const found = urlDecoded(text);
  if (found !== null) return found;
  throw new QueryExecutionError("CANNOT_DECODE_URL", {
    failed: `The provided URL cannot be decoded: ${text}`,
    found: "a % without two hexadecimal digits",
    remedy: "Correct the URL. Use `try_url_decode` to tolerate malformed input and return NULL instead.",
  });
}
