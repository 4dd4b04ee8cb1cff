import { QueryExecutionError } from "../codegen/execution-error.ts";

/**
 * A pattern of java.util.regex as a JavaScript expression over code points (flag v): classes with unions and intersections, \Q…\E, anchors,
 * POSIX and Unicode classes, flags at the start or inside. Refuses what JavaScript has no equal for (possessive quantifiers, atomic groups).
 */
export function javaPattern(pattern: string, flags: string, name: string = "rlike"): RegExp {
  const head = /^\(\?([ims]+)\)/.exec(pattern);
  const global = head?.[1] ?? "";
  try {
    const source = new Translation(head === null ? pattern : pattern.slice(head[0].length), global.includes("m")).source();
    return new RegExp(source, `v${flags}${[...new Set(global)].join("")}`);
  } catch (cause) {
    throw new QueryExecutionError("INVALID_PARAMETER_VALUE.PATTERN", {
      failed: `The value of parameter(s) \`regexp\` in \`${name}\` is invalid: '${pattern}'`,
      found: cause instanceof Error ? cause.message : "it is not understood",
      remedy: "Correct the pattern; look-behind of open length, possessive quantifiers and atomic groups are not available here.",
      cause,
    });
  }
}

const SPACE = " \\t\\n\\v\\f\\r";
const HORIZONTAL = " \\t\\u00a0\\u1680\\u180e\\u2000-\\u200a\\u202f\\u205f\\u3000";
const VERTICAL = "\\n\\v\\f\\r\\u0085\\u2028\\u2029";
const POSIX: Readonly<Record<string, string>> = {
  Alpha: "a-zA-Z",
  Digit: "0-9",
  Alnum: "a-zA-Z0-9",
  Upper: "A-Z",
  Lower: "a-z",
  Punct: "\\!-\\/\\:-\\@\\[-\\`\\{-\\~",
  Space: SPACE,
  Blank: " \\t",
  XDigit: "0-9a-fA-F",
  Cntrl: "\\x00-\\x1f\\x7f",
  ASCII: "\\x00-\\x7f",
  Graph: "\\!-\\~",
  Print: " -\\~",
  javaLowerCase: "\\p{Lowercase}",
  javaUpperCase: "\\p{Uppercase}",
};
const END = "(?=(?:\\r\\n|[\\n\\r\\u0085\\u2028\\u2029])?(?![^]))";

class Translation {
  readonly #text: string;
  readonly #multiline: boolean;
  #at = 0;

  constructor(text: string, multiline: boolean) {
    this.#text = text;
    this.#multiline = multiline;
  }

  source(): string {
    let out = "";
    const closing: number[] = [0];
    while (this.#at < this.#text.length) {
      const letter = this.#take();
      if (letter === "\\") out += this.#escape();
      else if (letter === "[") out += this.#class();
      else if (letter === "$") out += this.#multiline ? "$" : END;
      else if (letter === "}" || letter === "]") out += `\\${letter}`;
      else if (letter === "{") out += this.#braces();
      else if (letter === "(") {
        const inside = /^\?([ims]+)\)/.exec(this.#text.slice(this.#at));
        if (inside === null) {
          closing.push(0);
          out += "(";
        } else {
          this.#at += inside[0].length;
          closing[closing.length - 1] = (closing.at(-1) ?? 0) + 1;
          out += `(?${inside[1]}:`;
        }
      } else if (letter === ")") out += ")".repeat((closing.pop() ?? 0) + 1);
      else out += letter;
    }
    return out + ")".repeat(closing[0] ?? 0);
  }

  #take(): string {
    const point = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
    this.#at += point.length;
    return point;
  }

  #braces(): string {
    const counts = /^\d+(?:,\d*)?\}/.exec(this.#text.slice(this.#at));
    if (counts === null) throw new SyntaxError("Illegal repetition");
    this.#at += counts[0].length;
    return `{${counts[0]}`;
  }

  /** What follows a backslash outside of a class. */
  #escape(): string {
    if (this.#at >= this.#text.length) throw new SyntaxError("Unexpected internal error: a backslash at the end");
    const letter = this.#take();
    switch (letter) {
      case "A":
        return "(?<![^])";
      case "z":
        return "(?![^])";
      case "Z":
        return END;
      case "R":
        return `(?:\\r\\n|[${VERTICAL}])`;
      case "Q":
        return [...this.#quoted()].map(quote).join("");
      case "b":
      case "B":
        return `\\${letter}`;
      case "k":
        return "\\k";
      default:
        if (/[1-9]/.test(letter)) return `\\${letter}`;
        return this.#member(letter, false);
    }
  }

  #quoted(): string {
    const end = this.#text.indexOf("\\E", this.#at);
    const text = this.#text.slice(this.#at, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.#text.length : end + 2;
    return text;
  }

  /** An escape that stands for characters, as an atom or, without brackets, as a member of a class. */
  #member(letter: string, inClass: boolean): string {
    const set = (members: string): string => (inClass ? members : `[${members}]`);
    switch (letter) {
      case "s":
        return set(SPACE);
      case "S":
        return `[^${SPACE}]`;
      case "h":
        return set(HORIZONTAL);
      case "H":
        return `[^${HORIZONTAL}]`;
      case "v":
        return set(VERTICAL);
      case "V":
        return `[^${VERTICAL}]`;
      case "d":
      case "D":
      case "w":
      case "W":
      case "t":
      case "n":
      case "r":
      case "f":
        return `\\${letter}`;
      case "a":
        return "\\x07";
      case "e":
        return "\\x1b";
      case "x":
      case "u":
        return this.#code(letter);
      case "0": {
        const octal = /^[0-3]?[0-7]{1,2}/.exec(this.#text.slice(this.#at));
        if (octal === null) throw new SyntaxError("Illegal octal escape sequence");
        this.#at += octal[0].length;
        return `\\u{${parseInt(octal[0], 8).toString(16)}}`;
      }
      case "p":
      case "P":
        return this.#property(letter === "P", inClass);
      default:
        if (/[A-Za-z]/.test(letter)) throw new SyntaxError(`Illegal/unsupported escape sequence \\${letter}`);
        return inClass ? classMember(letter) : quote(letter);
    }
  }

  #code(letter: string): string {
    const match = (letter === "x" ? /^(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/ : /^([0-9a-fA-F]{4})/).exec(this.#text.slice(this.#at));
    if (match === null) throw new SyntaxError("Illegal hexadecimal escape sequence");
    this.#at += match[0].length;
    return `\\u{${match[1] ?? match[2] ?? "0"}}`;
  }

  #property(not: boolean, inClass: boolean): string {
    const match = /^(?:\{([^}]+)\}|(.))/.exec(this.#text.slice(this.#at));
    if (match === null) throw new SyntaxError("Illegal property name");
    this.#at += match[0].length;
    const name = match[1] ?? match[2] ?? "";
    const posix = POSIX[name];
    if (posix !== undefined) return not ? `[^${posix}]` : inClass ? posix : `[${posix}]`;
    const plain = name.replace(/^Is/, "");
    const known = [plain, `Script=${plain}`].find(isProperty);
    if (known === undefined) throw new SyntaxError(`Unknown character property name {${name}}`);
    return `\\${not ? "P" : "p"}{${known}}`;
  }

  /** A class after its opening bracket; Java's && joins unions, JavaScript's single operands. */
  #class(): string {
    const negated = this.#text[this.#at] === "^";
    if (negated) this.#at++;
    const unions: string[] = [];
    let union = "";
    let first = true;
    for (;;) {
      if (this.#at >= this.#text.length) throw new SyntaxError("Unclosed character class");
      if (this.#text.startsWith("&&", this.#at)) {
        this.#at += 2;
        unions.push(union);
        union = "";
        continue;
      }
      const letter = this.#take();
      if (letter === "]" && !first) break;
      first = false;
      if (letter === "[") union += this.#class();
      else if (letter === "\\" && this.#text[this.#at] === "Q") {
        this.#at++;
        union += [...this.#quoted()].map(classMember).join("");
      } else if (letter === "\\") union += this.#member(this.#take(), true);
      else if (letter === "-" && union !== "" && this.#at < this.#text.length && this.#text[this.#at] !== "]") union += "-";
      else union += classMember(letter);
    }
    if (unions.length === 0) return `[${negated ? "^" : ""}${union}]`;
    const operands = [...unions, union].filter((one) => one !== "").map((one) => `[${one}]`);
    return `[${negated ? "^" : ""}${operands.join("&&")}]`;
  }
}

function isProperty(name: string): boolean {
  try {
    return new RegExp(`\\p{${name}}`, "v").source !== "";
  } catch {
    return false;
  }
}

/** A character as itself. */
export function quote(letter: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(letter) ? `\\${letter}` : letter;
}

function classMember(letter: string): string {
  return /[\\^$.*+?()[\]{}|/&\-!#%,:;<=>@`~]/.test(letter) ? `\\${letter}` : letter;
}
