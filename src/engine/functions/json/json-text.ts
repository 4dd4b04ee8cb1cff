/** Raised where the text is no JSON; one object, because it carries nothing but its message and is caught at once. */
export class JsonSyntaxError extends Error {}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WORD = /NaN|Infinity|[-+](?:Infinity|INF)/y;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", "/": "/" };

export type JsonToken = "object" | "array" | "string" | "whole" | "fraction" | "true" | "false" | "null";

/**
 * A cursor over JSON text by the rules that Spark gives its parser: single quotes allowed, NaN and infinities allowed as numbers, no comments,
 * no trailing commas, no control characters inside text; what follows the value is not looked at.
 */
export class JsonText {
  #text = "";
  #at = 0;
  #tokenEnd = 0;

  open(text: string): void {
    this.#text = text;
    this.#at = 0;
  }

  /** Where the cursor stands, for `slice`. */
  get position(): number {
    return this.#at;
  }

  slice(from: number): string {
    return this.#text.slice(from, this.#at);
  }

  /** Goes to the next character that is no white space; its code, NaN at the end. */
  peek(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return code;
      this.#at++;
    }
  }

  /** What kind of value begins here. Numbers and words are measured, not consumed. */
  token(): JsonToken {
    const code = this.peek();
    switch (code) {
      case 123:
        return "object";
      case 91:
        return "array";
      case 34:
      case 39:
        return "string";
      case 116:
        return this.#word("true");
      case 102:
        return this.#word("false");
      case 110:
        return this.#word("null");
      default:
        return this.#number();
    }
  }

  #word(word: "true" | "false" | "null"): JsonToken {
    if (!this.#text.startsWith(word, this.#at)) throw this.#fail(`unrecognised word`);
    this.#tokenEnd = this.#at + word.length;
    return word;
  }

  #number(): JsonToken {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text);
    if (word !== null) {
      this.#tokenEnd = WORD.lastIndex;
      return "fraction";
    }
    if (match === null) throw this.#fail(Number.isNaN(this.peek()) ? "unexpected end" : "unexpected character");
    this.#tokenEnd = NUMBER.lastIndex;
    return match[1] === undefined && match[2] === undefined ? "whole" : "fraction";
  }

  /** Consumes the number or word that `token` measured and gives its text. */
  scalar(): string {
    const start = this.#at;
    this.#at = this.#tokenEnd;
    return this.#text.slice(start, this.#tokenEnd);
  }

  /** Consumes the text that begins here. */
  string(): string {
    const quote = this.#text.charCodeAt(this.#at++);
    let from = this.#at;
    let made = "";
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === quote) break;
      if (code === 92) {
        made += this.#text.slice(from, this.#at) + this.#escape();
        from = this.#at;
      } else if (code >= 32) {
        this.#at++;
      } else {
        throw this.#fail(Number.isNaN(code) ? "unexpected end within text" : "control character within text");
      }
    }
    return made + this.#text.slice(from, this.#at++);
  }

  #escape(): string {
    const kind = this.#text.charAt(this.#at + 1);
    if (kind === "u") {
      const digits = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#fail("bad \\u escape");
      this.#at += 6;
      return String.fromCharCode(parseInt(digits, 16));
    }
    const plain = Object.hasOwn(ESCAPES, kind) ? ESCAPES[kind] : kind === "'" ? "'" : undefined;
    if (plain === undefined) throw this.#fail("unrecognised escape");
    this.#at += 2;
    return plain;
  }

  /** Reads an object that begins here: `member` is called with each name, the cursor before the value, which it must consume. */
  object(member: (name: string) => void): void {
    this.#at++;
    if (this.peek() === 125) {
      this.#at++;
      return;
    }
    for (;;) {
      const code = this.peek();
      if (code !== 34 && code !== 39) throw this.#fail("a name is missing");
      const name = this.string();
      if (this.peek() !== 58) throw this.#fail("a colon is missing");
      this.#at++;
      member(name);
      if (this.#closes(125)) return;
    }
  }

  /** Reads an array that begins here: `element` is called with the cursor before each value, which it must consume. */
  array(element: () => void): void {
    this.#at++;
    if (this.peek() === 93) {
      this.#at++;
      return;
    }
    for (;;) {
      element();
      if (this.#closes(93)) return;
    }
  }

  #closes(mark: number): boolean {
    const code = this.peek();
    if (code !== mark && code !== 44) throw this.#fail(Number.isNaN(code) ? "unexpected end" : "a comma is missing");
    this.#at++;
    return code === mark;
  }

  /** Consumes a value of whatever kind. */
  skip(): void {
    switch (this.token()) {
      case "object":
        return this.object(() => this.skip());
      case "array":
        return this.array(() => this.skip());
      case "string":
        this.string();
        return;
      default:
        this.scalar();
    }
  }

  #fail(what: string): JsonSyntaxError {
    return new JsonSyntaxError(what);
  }
}
