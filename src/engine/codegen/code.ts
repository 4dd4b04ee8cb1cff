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
  #lines: string[] = [];
  #blocks: number[] = [0];
  #blockCount = 0;
  #names = 0;

  line(text: string): void {
    this.#lines.push("  ".repeat(this.#blocks.length - 1) + text);
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
    return `${prefix.replace(/[^A-Za-z0-9_]/g, "_")}$${this.#names++}`;
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

  text(): string {
    return this.#lines.join("\n");
  }

  /** The finished function: `parameters` are the names of its arguments. */
  compile<F>(name: string, parameters: readonly string[]): F {
    const bound = new Map(this.constants);
    for (const [late, make] of this.#late) bound.set(late, make());
    const source = `"use strict";\nreturn function ${name}(${parameters.join(", ")}) {\n${this.text()}\n};`;
    const make = new Function(...bound.keys(), source) as (...values: unknown[]) => F;
    return make(...bound.values());
  }
}
