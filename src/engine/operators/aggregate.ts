import type { Emitted } from "../codegen/code.ts";
import { CodeWriter } from "../codegen/code.ts";
import type { Resolved } from "../columns/resolved.ts";
import type { EmitContext, FieldBinding } from "../functions/function-entry.ts";
import type { AggregateNode, Column } from "../plan/node.ts";
import type { OutputMode } from "../plan/plan.ts";
import { GroupStore } from "../state/group-store.ts";
import { keyText } from "../state/key-text.ts";
import type { StateFiles } from "../state/state-files.ts";
import { inStoreOrder } from "../state/store-order.ts";
import type { DataType, Row } from "../types/data-type.ts";
import { unsafeRowHash } from "../types/unsafe-row.ts";
import { emitKey, GroupCode, groupNames, groupRowColumns, keyParts } from "./group-code.ts";
import type { EmittedKey, KeyPart } from "./group-code.ts";
import type { BatchRun, Stage, StageBuild, StepFactory } from "./stage.ts";
import type { OperatorCounts, StatefulOperator } from "./stateful.ts";
import { newCounts } from "./stateful.ts";

const INT = { type: "int" } as const;
const BIGINT = { type: "bigint" } as const;

/**
 * A grouped aggregation over its whole state (Spark's StateStoreSave). The late test is made per (row, group) against the previous batch's
 * watermark, eviction against this batch's; which groups a batch emits depends on the output mode:
 *
 * | mode     | late rows | emits                  | evicts                      |
 * |----------|-----------|------------------------|-----------------------------|
 * | append   | dropped   | groups as they expire  | the same                    |
 * | update   | dropped   | every touched group    | expired ones, after emission|
 * | complete | counted   | everything             | never                       |
 */
export class AggregateOperator implements StatefulOperator {
  readonly name = "stateStoreSave";
  readonly store: GroupStore;
  readonly counts: OperatorCounts = newCounts();
  readonly #node: AggregateNode;
  readonly #mode: OutputMode;
  readonly #parts: readonly KeyPart[];
  readonly #types: ReturnType<typeof keyParts>["types"];
  readonly #inits: readonly string[];
  readonly #dropped = new Set<string>();
  #lastDropped: readonly unknown[] | undefined;
  /** Read by generated code. */
  lateUs: number = -Infinity;
  #evictUs = -Infinity;
  readonly #ordered: boolean;
  #before = 0;

  /** `ordered`: what comes above asks for the order of the groups. */
  constructor(node: AggregateNode, mode: OutputMode, files: StateFiles, ordered: boolean = false) {
    this.#node = node;
    this.#mode = mode;
    this.#ordered = ordered;
    const { parts, types } = keyParts(node.keys, node.keyColumns, node.sets ? undefined : node.input);
    this.#parts = parts;
    this.#types = node.sets ? [...types, INT] : types;
    const slots = node.calls.flatMap((call) => call.aggregate.slots);
    this.#inits = slots.map((slot) => slot.initial);
    this.store = new GroupStore({ keys: this.#types, slots }, files);
  }

  get rows(): number {
    return this.store.size;
  }

  get wantsNoDataBatch(): boolean {
    return this.#mode !== "complete";
  }

  get #drops(): boolean {
    return this.#mode !== "complete" && this.#parts.some((part) => part.column.eventTimeDelayMs !== undefined);
  }

  outputWatermarkUs(inputUs: number): number {
    return inputUs;
  }

  begin(lateUs: number, evictUs: number): void {
    this.store.beginBatch();
    this.#before = this.store.size;
    this.lateUs = lateUs;
    this.#evictUs = evictUs;
    this.#dropped.clear();
    this.#lastDropped = undefined;
    Object.assign(this.counts, newCounts());
  }

  /** Called by generated code for every (row, group) behind the late watermark. */
  late(...key: unknown[]): void {
    this.counts.lateInput++;
    const last = this.#lastDropped;
    if (last?.length === key.length && last.every((cell, i) => cell === key[i])) return;
    this.#lastDropped = key;
    this.#dropped.add(keyText(key));
  }

  /** The last step of the stages that feed it. */
  fold(): StepFactory {
    return () => {
      let code: GroupCode | undefined;
      let late = "";
      return {
        before: ({ writer }) => {
          code = new GroupCode(this.store, this.#types, this.#inits, groupNames(this.#parts, this.#node.calls), writer);
          code.open(writer);
          late = writer.local("lateUs");
          if (this.#drops) writer.line(`const ${late} = ${writer.constant("aggregate", this)}.lateUs;`);
        },
        row: (context, build) => {
          if (!code) return;
          for (const set of this.#node.sets ?? [0]) this.#foldInto(code, set, late, context, build);
        },
      };
    };
  }

  #foldInto(code: GroupCode, set: number, late: string, context: EmitContext, build: StageBuild): void {
    const { writer } = build;
    const key = this.#key(set, context);
    const update = (): void => {
      this.#update(code, key, context, writer);
      if (set === (this.#node.sets?.[0] ?? 0)) writer.line("kept++;");
    };
    if (!this.#drops || !key.end || key.end.isNull === "true") {
      update();
      return;
    }
    const isLate = `${key.end.isNull === "false" ? "" : `!(${key.end.isNull}) && `}${key.end.value} <= ${late}`;
    writer.comment("late: the group had ended by the watermark of the batch before");
    writer.block(`if (${isLate})`, () => {
      const values = key.raw.map((one) => (one.isNull === "false" ? one.value : `${one.isNull} ? null : ${one.value}`));
      writer.line(`${writer.constant("aggregate", this)}.late(${values.join(", ")}); late++;`);
    });
    writer.block("else", update);
  }

  #key(set: number, context: EmitContext): EmittedKey {
    const key = emitKey(this.#parts, context);
    if (!this.#node.sets) return key;
    const time = this.#parts.findIndex((part) => part.column.eventTimeDelayMs !== undefined);
    const timed = time >= 0 && (set & (1 << time)) === 0;
    const masked = this.#parts.flatMap((part): Emitted[] => {
      const emitted = key.raw[part.cell] ?? { value: "null", isNull: "true" };
      const nulled: Emitted = (set & (1 << this.#parts.indexOf(part))) === 0 ? emitted : { value: "null", isNull: "true" };
      return part.kind === "window" && part.sizeUs === undefined
        ? [nulled, nulled === emitted ? (key.raw[part.cell + 1] ?? nulled) : nulled]
        : [nulled];
    });
    return { raw: [...masked, { value: String(set), isNull: "false" }], ...(timed && key.end && { end: key.end }) };
  }

  #update(code: GroupCode, key: EmittedKey, context: EmitContext, writer: CodeWriter): void {
    const args = this.#node.calls.map((call) => call.aggregate.args.map((arg) => context.emit(arg)));
    const group = code.find(key, writer, (made) => {
      if (this.#mode !== "complete") code.schedule(made, key.end, writer);
    });
    code.touch(group, writer);
    const slots = code.slotTexts(group);
    let from = 0;
    this.#node.calls.forEach(({ aggregate, text }, i) => {
      writer.comment(text);
      aggregate.update(slots.slice(from, from + aggregate.slots.length), args[i] ?? [], writer);
      from += aggregate.slots.length;
    });
  }

  /** The row that the results are computed from, and the results, as columns of a stage over groups. */
  emission(stage: Stage): (groups: readonly number[], run: BatchRun, out: Row[]) => void {
    let code: GroupCode | undefined;
    return stage.overGroups(
      ({ writer }) => {
        code = new GroupCode(this.store, this.#types, this.#inits, groupNames(this.#parts, this.#node.calls), writer);
        code.open(writer);
      },
      (writer) => {
        if (!code) return [];
        const slots = code.slotTexts("g");
        const context = { writer, settings: stage.settings, batchTimeUs: "run.timeUs", batchNumber: "run.begun" };
        const bindings: FieldBinding[] = code.keyBindings(this.#parts, context, writer);
        if (this.#node.sets) bindings.push(code.numberBinding(this.#types.length - 1, writer));
        let from = 0;
        for (const { aggregate, text } of this.#node.calls) {
          const mine = slots.slice(from, from + aggregate.slots.length);
          const emit = (): Emitted => {
            writer.comment(text);
            return aggregate.result(mine, writer);
          };
          bindings.push({ kind: "read", emit });
          from += aggregate.slots.length;
        }
        return bindings;
      },
    );
  }

  /** The columns of `emission`: the keys, then the calls' results. */
  get rowColumns(): readonly Column[] {
    return groupRowColumns(this.#node);
  }

  get results(): readonly Resolved[] {
    return this.#node.results;
  }

  /** Lets `emit` write the groups that this batch gives, and evicts what has expired. */
  finish(emit: (groups: readonly number[]) => void): void {
    if (this.#node.keys.length === 0) this.#touchGlobal();
    this.counts.updated = this.store.touchedCount;
    this.counts.dropped = this.#dropped.size;
    const after = this.store.size;
    if (this.#mode === "complete") {
      emit(this.#inOrder(this.store.groups(), after));
      return;
    }
    if (this.#mode === "update") emit(this.store.touchedGroups());
    const expired = this.store.takeExpired(this.#evictUs);
    if (this.#mode === "append") emit(this.#inOrder(expired, after));
    for (const group of expired) this.store.release(group);
    this.counts.removed = expired.length;
  }

  #inOrder(groups: readonly number[], after: number): readonly number[] {
    if (!this.#ordered || groups.length < 2) return groups;
    const types: DataType[] = this.#parts.map((part) => part.column.dataType);
    if (this.#node.sets) types.push(BIGINT);
    const hashOf = (group: number): number | undefined => unsafeRowHash(this.#keyOf(group), types);
    return inStoreOrder(groups, hashOf, { copied: this.store.version > 0, before: this.#before, after });
  }

  #keyOf(group: number): unknown[] {
    const cell = (at: number): unknown => this.store.keyValue(at, group);
    const key = this.#parts.map((part) => {
      const first = cell(part.cell);
      if (part.kind === "value" || first === null) return first;
      return [first, part.sizeUs === undefined ? cell(part.cell + 1) : (first as number) + part.sizeUs];
    });
    return this.#node.sets ? [...key, cell(this.#types.length - 1)] : key;
  }

  /** The one group of an aggregation without keys exists from the first batch on, and every batch touches it. */
  #touchGlobal(): void {
    const [first] = this.store.groups();
    if (first !== undefined) this.store.touch(first);
    else this.store.put([], startValues(this.#inits));
  }
}

/** The values of the slots' start texts. */
function startValues(texts: readonly string[]): Row {
  const writer = new CodeWriter();
  writer.line(`return [${texts.join(", ")}];`);
  return writer.compile<() => Row>("startValues", [])();
}
