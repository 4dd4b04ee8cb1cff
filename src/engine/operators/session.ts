import { CodeWriter } from "../codegen/code.ts";
import { valueOrNull } from "../codegen/emit.ts";
import type { ExpressionSettings } from "../columns/resolved.ts";
import type { EmitContext } from "../functions/function-entry.ts";
import type { Column, SessionNode } from "../plan/node.ts";
import type { OutputMode } from "../plan/plan.ts";
import { DeadlineQueue } from "../state/deadline-queue.ts";
import { RowStore } from "../state/row-store.ts";
import type { StateFiles } from "../state/state-files.ts";
import { inStoreOrder, type StateGrowth } from "../state/store-order.ts";
import { keyText, normalizedKey } from "../state/key-text.ts";
import type { Row } from "../types/data-type.ts";
import type { CalendarInterval } from "../types/interval-text.ts";
import { addMonthsToUs, parseInterval } from "../types/interval-text.ts";
import { unsafeRowHash } from "../types/unsafe-row.ts";
import { groupRowColumns } from "./group-code.ts";
import type { StepFactory } from "./stage.ts";
import type { OperatorCounts, StatefulOperator } from "./stateful.ts";
import { newCounts } from "./stateful.ts";

const TIMESTAMP = { type: "timestamp" } as const;

/** One session of one key: `[startUs, endUs)` and the aggregates' buffers. */
interface Session {
  readonly startUs: number;
  endUs: number;
  readonly buffer: unknown[];
}

interface Pending {
  readonly key: Row;
  readonly sessions: Session[];
}

/** Where the session of one row ends, microseconds: months go by the calendar. */
export function sessionEndUs(startUs: number, gap: CalendarInterval): number {
  return addMonthsToUs(startUs, gap.months) + gap.us;
}

/** The same for the text of a gap: −Infinity for what is no duration. */
export function sessionEndByText(startUs: number, text: string): number {
  const gap = parseInterval(text);
  return gap === undefined ? -Infinity : sessionEndUs(startUs, gap);
}

/**
 * Session windows (Spark's sessionWindowStateStoreSaveExec): every row opens `[ts, ts + gap)`; sessions of a key that overlap or touch are merged.
 * Lateness is tested per row before merging, in complete mode too; rows whose gap is null, zero or negative go.
 */
export class SessionOperator implements StatefulOperator {
  readonly name = "sessionWindowStateStoreSaveExec";
  readonly store: RowStore;
  readonly counts: OperatorCounts = newCounts();
  readonly #node: SessionNode;
  readonly #mode: OutputMode;
  readonly #marked: boolean;
  readonly #ordered: boolean;
  #pending = new Map<string, Pending>();
  #emitted: Row[] = [];
  #sessions = 0;
  #loaded = -1;
  /** Which keys have a session that ends: by number, the earliest end first. */
  readonly #ends = new DeadlineQueue();
  readonly #endingKeys = new Map<number, Row>();
  #endings = 0;
  #merge: ((into: unknown[], from: unknown[]) => void) | undefined;
  #result: ((buffer: unknown[]) => Row) | undefined;
  lateUs: number = -Infinity;
  #evictUs = -Infinity;
  readonly #gaps = new Map<string, CalendarInterval | undefined>();

  /** `ordered`: what comes above asks for the order of the sessions. */
  constructor(node: SessionNode, mode: OutputMode, files: StateFiles, ordered: boolean = false) {
    this.#node = node;
    this.#mode = mode;
    this.#ordered = ordered;
    this.#marked = node.keyColumns[node.sessionKey]?.eventTimeDelayMs !== undefined;
    this.store = new RowStore(files);
  }

  get rows(): number {
    return this.#sessions;
  }

  get wantsNoDataBatch(): boolean {
    return this.#mode !== "complete";
  }

  outputWatermarkUs(inputUs: number): number {
    return inputUs;
  }

  begin(lateUs: number, evictUs: number): void {
    this.lateUs = this.#marked ? lateUs : -Infinity;
    this.#evictUs = this.#marked ? evictUs : -Infinity;
    this.#pending = new Map();
    Object.assign(this.counts, newCounts());
    if (this.#loaded === this.store.version) return;
    this.#sessions = 0;
    this.#ends.clear();
    this.#endingKeys.clear();
    for (const [key, sessions] of this.store.scan()) {
      this.#sessions += sessions.length;
      this.#expect(key, sessions.map(decode));
    }
  }

  /** For generated code: where a row's session ends by a gap text; −Infinity for what is no duration. */
  endUs(startUs: number, text: string): number {
    let gap = this.#gaps.get(text);
    if (gap === undefined && !this.#gaps.has(text)) {
      gap = parseInterval(text);
      this.#gaps.set(text, gap);
    }
    return gap === undefined ? -Infinity : sessionEndUs(startUs, gap);
  }

  /** For generated code: a new session of one row, to fold the row into. */
  open(key: Row, startUs: number, endUs: number, buffer: unknown[]): unknown[] {
    const text = keyText(key);
    const pending = this.#pending.get(text);
    const session: Session = { startUs, endUs, buffer };
    if (pending) pending.sessions.push(session);
    else this.#pending.set(text, { key: key.map(normalizedKey), sessions: [session] });
    return buffer;
  }

  /** The last step of the stages that feed it. */
  fold(): StepFactory {
    const { time, gap, fixedGap, keys, calls } = this.#node;
    return () => ({
      row: (context, build) => {
        const { writer } = build;
        const self = writer.constant("sessions", this);
        const at = context.emit(time);
        const skip = (condition: string, body: () => void): void => {
          if (condition === "false") body();
          else {
            writer.line(`if (${condition}) filtered++;`);
            writer.block("else", body);
          }
        };
        skip(at.isNull, () => {
          const end = writer.assign("end", this.#endText(at.value, context, self, writer));
          skip(gap || !fixedGap || fixedGap.months !== 0 || fixedGap.us <= 0 ? `!(${end} > ${at.value})` : "false", () => {
            writer.line(`if (${end} <= ${self}.lateUs) { ${self}.counts.dropped++; late++; }`);
            writer.block("else", () => {
              const args = calls.map((call) => call.aggregate.args.map((arg) => context.emit(arg)));
              const values = keys.map((key) => valueOrNull(context.emit(key)));
              const initial = calls.flatMap((call) => call.aggregate.slots.map((slot) => slot.initial));
              const buffer = writer.assign("buffer", `${self}.open([${values.join(", ")}], ${at.value}, ${end}, [${initial.join(", ")}])`);
              this.#eachCall(buffer, (slots, i) => calls[i]?.aggregate.update(slots, args[i] ?? [], writer));
              writer.line("kept++;");
            });
          });
        });
      },
    });
  }

  /** The text of the end of a row's session. */
  #endText(start: string, context: EmitContext, self: string, writer: CodeWriter): string {
    const { gap, fixedGap } = this.#node;
    if (gap) {
      const text = context.emit(gap);
      return `${text.isNull === "false" ? "" : `${text.isNull} ? -Infinity : `}${self}.endUs(${start}, ${text.value})`;
    }
    const { months, us } = fixedGap ?? { months: 0, us: 0 };
    return months === 0 ? `${start} + ${us}` : `${writer.constant("addMonths", addMonthsToUs)}(${start}, ${months}) + ${us}`;
  }

  #eachCall(buffer: string, visit: (slots: readonly string[], call: number) => void): void {
    let from = 0;
    this.#node.calls.forEach(({ aggregate }, i) => {
      const first = from;
      visit(
        aggregate.slots.map((_, j) => `${buffer}[${first + j}]`),
        i,
      );
      from += aggregate.slots.length;
    });
  }

  #compile(): void {
    if (this.#merge) return;
    const merge = new CodeWriter();
    let others: (readonly string[])[] = [];
    this.#eachCall("from", (slots) => (others = [...others, slots]));
    this.#eachCall("into", (slots, i) => this.#node.calls[i]?.aggregate.merge(slots, others[i] ?? [], merge));
    this.#merge = merge.compile("mergeSessions", ["into", "from"]);
    const result = new CodeWriter();
    const values: string[] = [];
    this.#eachCall("buffer", (slots, i) => {
      const emitted = this.#node.calls[i]?.aggregate.result(slots, result);
      if (emitted) values.push(valueOrNull(emitted));
    });
    result.line(`return [${values.join(", ")}];`);
    this.#result = result.compile("sessionResult", ["buffer"]);
  }

  /** The columns of what `finish` gives: all keys, then the calls' results. */
  get rowColumns(): readonly Column[] {
    return groupRowColumns(this.#node);
  }

  /** Merges the batch's sessions into the state, evicts what has expired, and gives the rows that this batch emits. */
  finish(_settings: ExpressionSettings): Row[] {
    this.#compile();
    this.#emitted = [];
    const before = this.#sessions;
    for (const { key, sessions } of this.#pending.values()) this.#put(key, sessions);
    const growth = { copied: this.store.version > 0, before, after: this.#sessions };
    this.counts.lateInput = this.counts.dropped;
    if (this.#mode === "complete") {
      for (const [key, sessions] of this.store.scan()) for (const session of sessions) this.#emit(key, decode(session));
    } else this.#evict();
    this.#loaded = this.store.version + 1;
    return this.#ordered ? this.#inOrder(growth) : this.#emitted;
  }

  /** Spark keeps a session under its other keys and its start. */
  #inOrder(growth: StateGrowth): Row[] {
    const { keyColumns, sessionKey } = this.#node;
    const others = keyColumns.flatMap((column, i) => (i === sessionKey ? [] : [{ i, type: column.dataType }]));
    const types = [...others.map(({ type }) => type), TIMESTAMP];
    const hashOf = (row: Row): number | undefined => unsafeRowHash([...others.map(({ i }) => row[i]), (row[sessionKey] as Row)[0]], types);
    return [...inStoreOrder(this.#emitted, hashOf, growth)];
  }

  #put(key: Row, added: readonly Session[]): void {
    const before = (this.store.get(key) ?? []).map(decode);
    const all = [...before, ...added].sort((a, b) => a.startUs - b.startUs);
    const merged: Session[] = [];
    for (const session of all) {
      const last = merged.at(-1);
      if (last && session.startUs <= last.endUs) {
        last.endUs = Math.max(last.endUs, session.endUs);
        this.#merge?.(last.buffer, session.buffer);
      } else merged.push({ ...session, buffer: [...session.buffer] });
    }
    const starts = new Set(merged.map((session) => session.startUs));
    this.counts.removed += before.filter((session) => !starts.has(session.startUs)).length;
    this.counts.updated += merged.length;
    this.#sessions += merged.length - before.length;
    this.store.put(key, merged.map(encode));
    this.#expect(key, merged);
  }

  /** Notes when the first of a key's sessions ends; a note that is out of date by then is looked at in vain. */
  #expect(key: Row, sessions: readonly Session[]): void {
    if (!this.#marked || this.#mode === "complete" || sessions.length === 0) return;
    const ending = this.#endings++;
    this.#endingKeys.set(ending, key);
    this.#ends.add(ending, Math.min(...sessions.map((session) => session.endUs)));
  }

  #evict(): void {
    const due = new Map<string, Row>();
    for (const ending of this.#ends.take(this.#evictUs)) {
      const key = this.#endingKeys.get(ending) ?? [];
      this.#endingKeys.delete(ending);
      due.set(keyText(key), key);
    }
    for (const key of due.values()) {
      const sessions = (this.store.get(key) ?? []).map(decode);
      const stay = sessions.filter((session) => session.endUs > this.#evictUs);
      for (const session of sessions) if (session.endUs <= this.#evictUs && this.#mode === "append") this.#emit(key, session);
      this.counts.removed += sessions.length - stay.length;
      this.#sessions -= sessions.length - stay.length;
      if (stay.length === 0) this.store.remove(key);
      else if (stay.length < sessions.length) this.store.put(key, stay.map(encode));
      this.#expect(key, stay);
    }
  }

  #emit(key: Row, session: Session): void {
    const keys = [...key];
    keys.splice(this.#node.sessionKey, 0, [session.startUs, session.endUs]);
    this.#emitted.push([...keys, ...(this.#result?.(session.buffer) ?? [])]);
  }
}

function encode(session: Session): unknown {
  return [session.startUs, session.endUs, ...session.buffer];
}

function decode(stored: unknown): Session {
  const [startUs, endUs, ...buffer] = stored as [number, number, ...unknown[]];
  return { startUs, endUs, buffer };
}
