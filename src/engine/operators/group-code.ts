import type { Emitted } from "../codegen/code.ts";
import type { CodeWriter } from "../codegen/code.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { EmitContext, FieldBinding } from "../functions/function-entry.ts";
import type { AggregateNode, Column, Node, SessionNode } from "../plan/node.ts";
import type { GroupStore } from "../state/group-store.ts";
import { hashText, keyStorage } from "../state/group-store.ts";
import type { DataType } from "../types/data-type.ts";
import { windowBinding, windowPart } from "./window-column.ts";

const TIMESTAMP: DataType = { type: "timestamp" };

/** How one grouping key lies in the state: a window is one number when its size is fixed, else two; any other key is one cell. */
export type KeyPart =
  | { readonly kind: "value"; readonly key: Resolved; readonly column: Column; readonly cell: number }
  | { readonly kind: "window"; readonly key: Resolved; readonly column: Column; readonly cell: number; readonly sizeUs?: number };

/** The columns of a group's row: the keys, then the calls' results. */
export function groupRowColumns(node: AggregateNode | SessionNode): readonly Column[] {
  const results = node.calls.map(({ text, aggregate }): Column => ({
    name: text,
    dataType: aggregate.dataType,
    nullable: aggregate.nullable,
  }));
  return [...node.keyColumns, ...results];
}

/** The parts of grouping keys over an input. */
export function keyParts(
  keys: readonly Resolved[],
  columns: readonly Column[],
  input: Node | undefined,
): { readonly parts: readonly KeyPart[]; readonly types: readonly DataType[] } {
  const parts: KeyPart[] = [];
  const types: DataType[] = [];
  keys.forEach((key, i) => {
    const column = columns[i];
    if (column === undefined) return;
    const cell = types.length;
    if (column.window === undefined || key.dataType.type !== "struct") {
      parts.push({ kind: "value", key, column, cell });
      types.push(key.dataType);
      return;
    }
    const sizeUs = input && fixedSize(key, input);
    parts.push({ kind: "window", key, column, cell, ...(sizeUs !== undefined && { sizeUs }) });
    types.push(TIMESTAMP, ...(sizeUs === undefined ? [TIMESTAMP] : []));
  });
  return { parts, types };
}

/** The size of the window that a key refers to, when the window is made directly below. */
function fixedSize(key: Resolved, input: Node): number | undefined {
  let node = input;
  while (node.op === "filter") node = node.input;
  return node.op === "window" && key.kind === "field" && key.ordinal === node.columns.length - 1 ? node.window.sizeUs : undefined;
}

/** The raw cells of a key in one row, and the instant at which the row's group ends (for keys with an event time). */
export interface EmittedKey {
  /** Names of locals; codes are made by `lookUp`. */
  readonly raw: readonly Emitted[];
  /** Text of the end in microseconds, and of "it has none". */
  readonly end?: Emitted;
}

/** Computes the values of the cells, without looking them up. */
export function emitKey(parts: readonly KeyPart[], context: EmitContext): EmittedKey {
  const raw: Emitted[] = [];
  let end: Emitted | undefined;
  for (const part of parts) {
    if (part.kind === "value") {
      const emitted = context.emit(part.key);
      raw.push(emitted);
      if (part.column.eventTimeDelayMs !== undefined) end ??= emitted;
      continue;
    }
    const start = context.emit(windowPart(part.key, "start"));
    raw.push(start);
    const stop: Emitted =
      part.sizeUs === undefined
        ? context.emit(windowPart(part.key, "end"))
        : { value: `(${start.value} + ${part.sizeUs})`, isNull: start.isNull };
    if (part.sizeUs === undefined) raw.push(stop);
    if (part.column.eventTimeDelayMs !== undefined) end ??= stop;
  }
  return end ? { raw, end } : { raw };
}

/** What the arrays of a state are called in the generated code: those of the keys' cells and those of the buffers' slots. */
export type GroupNames = { readonly cells: readonly string[]; readonly slots: readonly string[] };

/** Names by the keys' columns, and by the aggregates with the names of their slots. */
export function groupNames(parts: readonly KeyPart[], calls: AggregateNode["calls"] = []): GroupNames {
  const cells: string[] = [];
  for (const part of parts) {
    cells[part.cell] = part.kind === "window" ? `${part.column.name}_start` : part.column.name;
    if (part.kind === "window" && part.sizeUs === undefined) cells[part.cell + 1] = `${part.column.name}_end`;
  }
  const slots = calls.flatMap(({ text, aggregate }) =>
    aggregate.slots.map((slot) => `${text.replace(/\W+/g, "_").slice(0, 24)}_${slot.name}`),
  );
  return { cells, slots };
}

/**
 * Code that finds the group of a row in a GroupStore, or makes it. The store's arrays are held in locals and read again when they have grown.
 */
export class GroupCode {
  readonly #store: GroupStore;
  readonly #types: readonly DataType[];
  readonly #inits: readonly string[];
  readonly #names: GroupNames;
  readonly #name: string;
  #cells: string[] = [];
  #slots: string[] = [];
  #locals: Record<"heads" | "next" | "mask" | "cap" | "stamps" | "touched" | "serial", string> | undefined;

  constructor(store: GroupStore, types: readonly DataType[], inits: readonly string[], names: GroupNames, writer: CodeWriter) {
    this.#store = store;
    this.#types = types;
    this.#inits = inits;
    this.#names = names;
    this.#name = writer.constant("state", store);
  }

  /** Declares the locals, before the loop. */
  open(writer: CodeWriter): void {
    const name = (prefix: string): string => writer.local(prefix);
    this.#locals = {
      heads: name("heads"),
      next: name("next"),
      mask: name("mask"),
      cap: name("cap"),
      stamps: name("stamps"),
      touched: name("touched"),
      serial: name("serial"),
    };
    this.#cells = this.#types.map((_, i) => name(this.#names.cells[i] ?? "key"));
    this.#slots = this.#inits.map((_, i) => name(this.#names.slots[i] ?? "slot"));
    writer.comment("the state: chains of groups by hash, and one array for each part of their keys and buffers");
    writer.line(`let ${this.#reads().join(", ")};`);
    writer.line(`const ${this.#locals.serial} = ${this.#name}.serial;`);
  }

  #reads(): string[] {
    const l = this.#locals;
    if (!l) return [];
    const s = this.#name;
    return [
      `${l.heads} = ${s}.heads`,
      `${l.next} = ${s}.next`,
      `${l.mask} = ${s}.mask`,
      `${l.cap} = ${s}.capacity`,
      `${l.stamps} = ${s}.stamps`,
      `${l.touched} = ${s}.touched`,
      ...this.#cells.map((cell, i) => `${cell} = ${s}.keys[${i}]`),
      ...this.#slots.map((slot, i) => `${slot} = ${s}.slots[${i}]`),
    ];
  }

  /** The slots' texts for a group. */
  slotTexts(group: string): string[] {
    return this.#slots.map((slot) => `${slot}[${group}]`);
  }

  /**
   * Writes the look-up: a local with the group's ordinal, made when it is new. `onNew` writes what a new group needs besides its keys and the
   * start values of its slots; `otherwise` what happens when it was there.
   */
  find(key: EmittedKey, writer: CodeWriter, onNew: (group: string) => void, otherwise?: (group: string) => void): string {
    const l = this.#locals;
    if (!l) throw new Error("the locals of a state are declared before the loop");
    writer.comment(`the group of this key; a text counts by its code`);
    const cells = key.raw.map((emitted, i) => this.#cell(emitted, i, writer));
    const hash = writer.assign("hash", cells.length === 0 ? "0" : hashText(cells));
    const mixed = writer.assign("mixed", `${hash} ^ (${hash} >>> 15)`);
    const group = writer.local("g");
    writer.line(`let ${group} = ${l.heads}[${mixed} & ${l.mask}];`);
    const same = cells.map((cell, i) => `${this.#cells[i]}[${group}] === ${cell}`).join(" && ") || "true";
    writer.line(`while (${group} >= 0 && !(${same})) ${group} = ${l.next}[${group}];`);
    writer.block(`if (${group} < 0)`, () => {
      writer.line(`${group} = ${this.#name}.allocate(${mixed});`);
      writer.line(`if (${this.#name}.capacity !== ${l.cap}) { ${this.#reads().join("; ")}; }`);
      cells.forEach((cell, i) => {
        writer.line(`${this.#cells[i]}[${group}] = ${cell};`);
        if (this.#store.storages[i] === "code") writer.line(`${this.#dictionary(i, writer)}.retain(${cell});`);
      });
      this.#inits.forEach((initial, i) => writer.line(`${this.#slots[i]}[${group}] = ${initial};`));
      onNew(group);
    });
    if (otherwise) writer.block("else", () => otherwise(group));
    return group;
  }

  /** Marks a group as changed in this batch. */
  touch(group: string, writer: CodeWriter): void {
    const l = this.#locals;
    writer.comment("changed by this batch");
    if (l)
      writer.line(
        `if (${l.stamps}[${group}] !== ${l.serial}) { ${l.stamps}[${group}] = ${l.serial}; ${l.touched}[${this.#name}.touchedCount++] = ${group}; }`,
      );
  }

  /** When the group is to go; nothing without an event time. */
  schedule(group: string, end: Emitted | undefined, writer: CodeWriter): void {
    if (!end || end.isNull === "true") return;
    const call = `${this.#name}.schedule(${group}, ${end.value});`;
    writer.line(end.isNull === "false" ? call : `if (!(${end.isNull})) ${call}`);
  }

  #dictionary(cell: number, writer: CodeWriter): string {
    return writer.constant("codes", this.#store.dictionaries[cell]);
  }

  #cell(emitted: Emitted, i: number, writer: CodeWriter): string {
    const type = this.#types[i] ?? TIMESTAMP;
    const name = this.#names.cells[i] ?? "key";
    if (keyStorage(type) === "number") {
      if (emitted.isNull === "false") return writer.assign(name, emitted.value);
      return emitted.isNull === "true" ? "(-Infinity)" : writer.assign(name, `${emitted.isNull} ? -Infinity : ${emitted.value}`);
    }
    if (emitted.isNull === "true") return "0";
    const dictionary = this.#dictionary(i, writer);
    const plain = !["binary", "array", "map", "struct"].includes(type.type);
    const code = writer.local(`${name}_code`);
    const look = plain
      ? `${writer.constant("codeOf", this.#store.dictionaries[i]?.codes)}.get(${emitted.value})`
      : `${dictionary}.code(${emitted.value})`;
    writer.line(`let ${code} = ${emitted.isNull === "false" ? look : `${emitted.isNull} ? 0 : ${look}`};`);
    if (plain) writer.line(`if (${code} === undefined) ${code} = ${dictionary}.code(${emitted.value});`);
    return code;
  }

  /** The bindings of the key columns of group `g`, for stages over groups. */
  keyBindings(
    parts: readonly KeyPart[],
    context: Pick<EmitContext, "writer" | "settings" | "batchTimeUs">,
    writer: CodeWriter,
  ): FieldBinding[] {
    return parts.map((part): FieldBinding => {
      const cell = `${this.#cells[part.cell]}[g]`;
      if (part.kind === "value") return { kind: "read", emit: () => this.#readCell(part, cell, writer) };
      if (part.column.nullable) {
        const last = `${this.#cells[part.cell + (part.sizeUs === undefined ? 1 : 0)]}[g]${part.sizeUs === undefined ? "" : ` + ${part.sizeUs}`}`;
        const emit = (): Emitted => {
          const value = writer.assign("window", `${cell} === -Infinity ? null : [${cell}, ${last}]`);
          return { value, isNull: `${value} === null` };
        };
        return { kind: "read", emit };
      }
      const start = writer.assign("start", cell);
      const end = part.sizeUs === undefined ? `${this.#cells[part.cell + 1]}[g]` : `(${start} + ${part.sizeUs})`;
      return windowBinding(context, { value: start, isNull: "false" }, { value: end, isNull: "false" });
    });
  }

  /** A cell of the key that holds a number and is never null. */
  numberBinding(cell: number, writer: CodeWriter): FieldBinding {
    return { kind: "read", emit: () => ({ value: writer.assign("key", `${this.#cells[cell]}[g]`), isNull: "false" }) };
  }

  #readCell(part: Extract<KeyPart, { kind: "value" }>, cell: string, writer: CodeWriter): Emitted {
    if (keyStorage(part.key.dataType) === "number") {
      const value = writer.assign(part.column.name, cell);
      return { value, isNull: part.column.nullable ? `${value} === -Infinity` : "false" };
    }
    const values = writer.constant("values", this.#store.dictionaries[part.cell]?.values);
    const value = writer.assign(part.column.name, `${values}[${cell}]`);
    return { value, isNull: part.column.nullable ? `${value} === null` : "false" };
  }
}
