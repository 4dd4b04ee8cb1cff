/**
 * What an expression compiles to: two pieces of JavaScript text that are free of side effects, cheap to repeat (a local variable or a constant)
 * and mean nothing before the lines that were written for them have run.
 */
export interface Emitted {
  /** The value; undefined behaviour where `isNull` is true. */
  readonly value: string;
  /** The text of a boolean; the literal text "false" when the value is never null, so that checks can be left out. */
  readonly isNull: string;
}

/**
 * Where generated lines go. One writer makes one function: `line` appends to its body, `local` gives a fresh name,
 * `constant` binds an object (a regular expression, a helper function, a lookup) under a name outside the function.
 */
export class CodeWriter {
  readonly constants: Map<string, unknown> = new Map();
  #late: Map<string, () => unknown> = new Map();
  #bound: ReadonlyMap<string, unknown> = new Map();
  #lines: (string | (() => string))[] = [];
  #blocks: number[] = [0];
  #blockCount = 0;
  #names = 0;

  line(text: string): void {
    this.#lines.push("  ".repeat(this.#blocks.length - 1) + text);
  }

  /** A line for readers of the generated code; a function gives one that is known when the whole function is written. */
  comment(text: string | (() => string)): void {
    const head = `${"  ".repeat(this.#blocks.length - 1)}// `;
    this.#lines.push(() => head + (typeof text === "string" ? text : text()).replaceAll(/[\r\n\u2028\u2029]+/g, " "));
  }

  /** Writes `head {`, the body, `}`. */
  block(head: string, body: () => void): void {
    this.line(`${head} {`);
    this.#blocks.push(++this.#blockCount);
    body();
    this.#blocks.pop();
    this.line("}");
  }

  /** Names the block that is being written. What was declared in a block can be used for as long as `isOpen` says so. */
  get currentBlock(): number {
    return this.#blocks.at(-1) ?? 0;
  }

  /** Whether names declared directly in that block can still be seen. */
  isOpen(block: number): boolean {
    return this.#blocks.includes(block);
  }

  /** A name that no other part of this function uses. */
  local(prefix: string): string {
    return `${prefix.replace(/^(?=\d)|[^A-Za-z0-9_]/g, "_")}$${this.#names++}`;
  }

  /** Declares a constant local for `text` and gives its name. */
  assign(prefix: string, text: string): string {
    const name = this.local(prefix);
    this.line(`const ${name} = ${text};`);
    return name;
  }

  /** Binds a value from outside under a name; the same value gives the same name. */
  constant(prefix: string, value: unknown): string {
    for (const [name, known] of this.constants) if (known === value) return name;
    const name = this.local(prefix);
    this.constants.set(name, value);
    return name;
  }

  /** Binds a value that is made when the function is compiled, after everything that it depends on has been asked for. */
  lateConstant(prefix: string, make: () => unknown): string {
    const name = this.local(prefix);
    this.#late.set(name, make);
    return name;
  }

  /** The finished function: `parameters` are the names of its arguments. */
  compile<F>(name: string, parameters: readonly string[]): F {
    const bound = new Map(this.constants);
    for (const [late, make] of this.#late) bound.set(late, make());
    this.#bound = bound;
    const lines = this.#lines.map((line) => `  ${typeof line === "string" ? line : line()}\n`).join("");
    const source = `"use strict";\nreturn function ${name}(${parameters.join(", ")}) {\n${lines}};`;
    const make = new Function(...bound.keys(), source) as (...values: unknown[]) => object;
    const made = make(...bound.values());
    writers.set(made, this);
    return made as F;
  }

  /** What the names stand for that the function got from outside. */
  get legend(): ReadonlyMap<string, unknown> {
    return this.#bound;
  }
}

/** Who wrote a generated function. */
const writers = new WeakMap<object, CodeWriter>();

/**
 * A generated function for readers: what the names stand for that it got from outside, its text, and below it the generated functions that it calls.
 */
export function listingOf(compiled: object): string {
  const legend = [...(writers.get(compiled)?.legend ?? [])];
  const called = legend.filter((entry): entry is [string, object] => typeof entry[1] === "function" && writers.has(entry[1]));
  const head = legend.map(([name, value]) => `// ${name}: ${nounOf(value)}\n`).join("");
  return [`${head}${String(compiled)}`, ...called.map(([name, value]) => `// ${name}\n${listingOf(value)}`)].join("\n\n");
}

function nounOf(value: unknown): string {
  if (typeof value === "function") return writers.has(value) ? "generated, below" : `function ${value.name}`;
  if (typeof value !== "object" || value === null) return String(value);
  return "length" in value && ArrayBuffer.isView(value) ? `${value.constructor.name}(${String(value.length)})` : value.constructor.name;
}
