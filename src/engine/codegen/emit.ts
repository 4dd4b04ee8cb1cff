import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { EmitContext, FieldBinding } from "../functions/function-entry.ts";
import { emitCast, emitRawText } from "./cast.ts";
import type { CodeWriter, Emitted } from "./code.ts";
import { literalText, placeholder } from "./literal-text.ts";
import { structuralKey } from "./structural-key.ts";

/** What a stage gives to its expressions. */
export interface EmitOptions {
  readonly writer: CodeWriter;
  readonly settings: ExpressionSettings;
  /** Text of the batch's fixed time in microseconds. */
  readonly batchTimeUs: string;
  /** Text of a number that differs between batches; the batch's time when absent. */
  readonly batchNumber?: string;
  /** The input columns, by ordinal. */
  readonly fields: readonly FieldBinding[];
  /** See EmitContext.malformed. */
  readonly malformed?: (reason: string) => void;
}

/** A context in which expressions over these columns can be emitted. One row at a time: make it inside the row's loop. */
export function createEmitContext(options: EmitOptions): EmitContext {
  return new ExpressionEmitter(options, new Map());
}

/**
 * A context over the columns of a projection of `input`. A column is computed when it is first used, and never if nothing uses it;
 * fields of a struct column are taken without building the struct where its function knows how.
 */
export function projectContext(input: EmitContext, columns: readonly Resolved[]): EmitContext {
  return new ExpressionEmitter(
    {
      writer: input.writer,
      settings: input.settings,
      batchTimeUs: input.batchTimeUs,
      batchNumber: input.batchNumber,
      fields: columns.map((expression) => ({ kind: "expression", expression, context: input })),
      ...(input.malformed && { malformed: input.malformed }),
    },
    input.shared,
  );
}

/** Writes the lines that compute an expression for the current row. */
export function emitExpression(expression: Resolved, context: EmitContext): Emitted {
  return context.emit(expression);
}

/** The text of the value with null for a null, as rows hold it. */
export function valueOrNull(emitted: Emitted): string {
  if (emitted.isNull === "false") return emitted.value;
  if (emitted.isNull === "true") return "null";
  return `(${emitted.isNull} ? null : ${emitted.value})`;
}

/** The text of "is true" for a condition: null counts as false. */
export function isTrue(condition: Emitted): string {
  if (condition.isNull === "false") return condition.value;
  if (condition.isNull === "true") return "false";
  return `(!${condition.isNull} && ${condition.value})`;
}

/** The text of "a or b is null". */
export function anyNull(...parts: readonly Emitted[]): string {
  const texts = new Set(parts.map((one) => one.isNull).filter((text) => text !== "false"));
  if (texts.has("true")) return "true";
  return texts.size === 0 ? "false" : [...texts].join(" || ");
}

const SIMPLE = /^(?:[A-Za-z_$][\w$]*|-?\d+(?:\.\d+)?n?|"[^"\\]{0,24}")$/;

class ExpressionEmitter implements EmitContext {
  readonly writer: CodeWriter;
  readonly settings: ExpressionSettings;
  readonly batchTimeUs: string;
  readonly batchNumber: string;
  readonly malformed?: (reason: string) => void;
  readonly shared: Map<string, unknown>;
  readonly #fields: readonly FieldBinding[];
  readonly #kept = new Map<string, { emitted: Emitted; block: number }>();

  constructor(options: EmitOptions, shared: Map<string, unknown>) {
    this.writer = options.writer;
    this.settings = options.settings;
    this.batchTimeUs = options.batchTimeUs;
    this.batchNumber = options.batchNumber ?? options.batchTimeUs;
    this.#fields = options.fields;
    this.shared = shared;
    if (options.malformed) this.malformed = options.malformed;
  }

  emit(expression: Resolved): Emitted {
    if (expression.kind === "literal") return this.#literal(expression.value);
    if (expression.kind === "field") return this.field(expression.ordinal);
    const key = structuralKey(expression);
    return this.once(key, () => this.#node(expression), nameOf(expression));
  }

  field(ordinal: number): Emitted {
    const binding = this.binding(ordinal);
    if (binding.kind === "expression") return binding.context.emit(binding.expression);
    return this.once(`field ${ordinal}`, () => {
      if (binding.kind === "value") return binding.emitted;
      if (binding.kind === "read") return binding.emit();
      if (binding.text) return emitRawText(binding, this);
      const isNull = `${binding.start} < 0`;
      return { value: `(${isNull} ? null : Uint8Array.prototype.slice.call(${binding.buffer}, ${binding.start}, ${binding.end}))`, isNull };
    });
  }

  binding(ordinal: number): FieldBinding {
    const binding = this.#fields[ordinal];
    if (binding === undefined) throw new RangeError(`no column ${ordinal} in this stage`);
    return binding;
  }

  origin(expression: Resolved): { expression: Resolved; context: EmitContext } {
    if (expression.kind !== "field") return { expression, context: this };
    const binding = this.binding(expression.ordinal);
    return binding.kind === "expression" ? binding.context.origin(binding.expression) : { expression, context: this };
  }

  #literal(value: unknown): Emitted {
    return value === null ? { value: "null", isNull: "true" } : { value: literalText(value, this.writer), isNull: "false" };
  }

  /** Computes once per row what is asked for several times, as far as the first place can be seen from the later ones. */
  once(key: string, make: () => Emitted, name: string = "value"): Emitted {
    const known = this.#kept.get(key);
    if (known !== undefined && this.writer.isOpen(known.block)) return known.emitted;
    const emitted = this.#settle(make(), name);
    this.#kept.set(key, { emitted, block: this.writer.currentBlock });
    return emitted;
  }

  #settle(made: Emitted, name: string): Emitted {
    const isNull = SIMPLE.test(made.isNull) ? made.isNull : this.writer.assign(`${name}IsNull`, made.isNull);
    if (isNull === "true") return { value: "null", isNull };
    return { value: SIMPLE.test(made.value) ? made.value : this.writer.assign(name, made.value), isNull };
  }

  #node(expression: Exclude<Resolved, { kind: "literal" | "field" }>): Emitted {
    switch (expression.kind) {
      case "call":
        return expression.entry.emit(expression, this);
      case "cast":
        return emitCast(expression, this);
      case "case":
        return this.#case(expression);
      case "getField":
        return this.#getField(expression);
    }
  }

  #getField(expression: Extract<Resolved, { kind: "getField" }>): Emitted {
    const origin = this.origin(expression.input);
    if (origin.expression.kind === "call") {
      const emitted = origin.expression.entry.emitField?.(origin.expression, expression.ordinal, origin.context);
      if (emitted !== undefined) return emitted;
    }
    const input = this.emit(expression.input);
    if (input.isNull === "true") return input;
    const text =
      input.isNull === "false"
        ? `${input.value}[${expression.ordinal}]`
        : `(${input.isNull} ? null : ${input.value}[${expression.ordinal}])`;
    const value = this.writer.assign("f", text);
    return { value, isNull: expression.nullable ? `${value} === null` : "false" };
  }

  #case(expression: Extract<Resolved, { kind: "case" }>): Emitted {
    const value = this.writer.local("case");
    const isNull = this.writer.local("caseNull");
    this.writer.line(`let ${value} = ${placeholder(expression.dataType)};`);
    if (expression.nullable) this.writer.line(`let ${isNull} = true;`);
    const put = (result: Resolved): void => {
      const emitted = this.emit(result);
      if (emitted.isNull === "true") return;
      this.writer.line(`${value} = ${emitted.value};`);
      if (expression.nullable) this.writer.line(`${isNull} = ${emitted.isNull};`);
    };
    const branch = (at: number): void => {
      const pair = expression.branches[at];
      if (pair === undefined) {
        if (expression.otherwise) put(expression.otherwise);
        return;
      }
      const condition = this.emit(pair[0]);
      this.writer.block(`if (${isTrue(condition)})`, () => put(pair[1]));
      if (at + 1 < expression.branches.length || expression.otherwise) this.writer.block("else", () => branch(at + 1));
    };
    branch(0);
    return { value, isNull: expression.nullable ? isNull : "false" };
  }
}

/** What the local of an expression is called: its column or field, the function otherwise. */
function nameOf(expression: Resolved): string {
  switch (expression.kind) {
    case "call":
      return /^[a-z_]\w*$/.test(expression.entry.name) ? expression.entry.name : "value";
    case "cast":
      return nameOf(expression.input);
    case "field":
    case "getField":
      return expression.name;
    default:
      return "value";
  }
}
