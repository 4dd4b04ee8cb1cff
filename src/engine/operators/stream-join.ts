import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import { UnsupportedQueryError } from "../plan/check.ts";
import { andOf } from "../plan/conditions.ts";
import { conjuncts, isDeterministic, referencesOf, shiftFields } from "../plan/expressions.ts";
import { eventTimeOf, stateWatermark, watermarkKey } from "../plan/join-watermarks.ts";
import type { JoinSide, StateWatermark } from "../plan/join-watermarks.ts";
import type { JoinNode } from "../plan/node.ts";
import { KeyedRows } from "../state/keyed-rows.ts";
import type { StateFiles } from "../state/state-files.ts";
import type { Row } from "../types/data-type.ts";
import { pairTest, rowsTogether, rowTest } from "./pair-function.ts";
import { rowFunction } from "./sort.ts";
import type { OperatorCounts, StatefulOperator } from "./stateful.ts";
import { newCounts } from "./stateful.ts";

interface Side {
  readonly name: JoinSide;
  /** The side's order of deadlines in the store. */
  readonly queue: 0 | 1;
  readonly width: number;
  rows: Row[];
  /** The side and the key of a row, as the store's key. */
  readonly keyOf: (row: Row) => unknown[];
  /** What the condition asks of this side alone: rows that fail it match nothing. */
  readonly accepts: ((row: Row) => boolean) | undefined;
  /** The column with the watermark, −1 without one. */
  readonly time: number;
  /** Where among the keys the event time is, −1 if it is not; else `bound` tells how state of this side goes. */
  readonly timeKey: number;
  readonly bound: StateWatermark | undefined;
  /** Unmatched rows come out with nulls. */
  readonly outer: boolean;
}

/**
 * A symmetric hash join of two streams (Spark's StreamingSymmetricHashJoinExec). In a batch the left rows look for matches among the right side's state and
 * join the left state; then the right rows look among the left state, which now has the batch's rows, and join the right state (a semi join takes
 * the right rows first); then state goes whose key's event time, or the bound that the condition puts on its event time, is behind the
 * watermark. Rows of an outer side that never matched come out, with nulls, when they go.
 *
 * Keys are compared as groups are: where nulls reach the join (a full outer one), null matches null, as in Spark.
 */
export class StreamJoin implements StatefulOperator {
  readonly name = "symmetricHashJoin";
  readonly store: KeyedRows;
  readonly counts: OperatorCounts = newCounts();
  readonly #semi: boolean;
  readonly #left: Side;
  readonly #right: Side;
  readonly #matches: (left: Row, right: Row) => boolean;
  readonly #together: (left: Row, right: Row) => Row;
  /** Rows of the state that this batch has seen, by slot, and which slots those are. */
  readonly #seen: (Row | undefined)[] = [];
  #seenSlots: number[] = [];
  #scheduled = -1;
  #lateUs = -Infinity;
  #evictUs = -Infinity;

  constructor(node: JoinNode, settings: ExpressionSettings, files: StateFiles) {
    if (node.leftKeys.length === 0 || isNever(node.condition)) {
      throw new UnsupportedQueryError("STREAM_FAILED", {
        failed: "Stream-stream join without equality predicate is not supported",
        found: `a ${node.type} join of two streams`,
        remedy: "Compare a column of one side with a column of the other by =, beside the bounds on the time.",
      });
    }
    const { left, right, both } = splitCondition(node);
    this.#semi = node.type === "semi";
    this.store = new KeyedRows(files, 2);
    this.#matches = pairTest(node, both, settings);
    this.#together = rowsTogether(node);
    this.#left = sideOf(node, "left", left, settings);
    this.#right = sideOf(node, "right", right, settings);
  }

  get rows(): number {
    return this.store.size;
  }

  get wantsNoDataBatch(): boolean {
    return evicts(this.#left) || evicts(this.#right);
  }

  /** Where the rows of a side are pushed. */
  input(side: JoinSide): Row[] {
    return (side === "left" ? this.#left : this.#right).rows;
  }

  outputWatermarkUs(inputUs: number): number {
    return Math.min(inputUs, ...[this.#left, this.#right].map((side) => this.#goneUpTo(side, inputUs)).filter((us) => us > -Infinity));
  }

  begin(lateUs: number, evictUs: number): void {
    this.#lateUs = lateUs;
    this.#evictUs = evictUs;
    this.#left.rows = [];
    this.#right.rows = [];
    this.#forgetSeen();
    Object.assign(this.counts, newCounts());
    if (this.#scheduled !== this.store.version) this.#schedule();
  }

  /** After a load: when each row goes follows from the row, not from what a run before thought of it. */
  #schedule(): void {
    for (const slot of this.store.slots()) {
      const key = this.store.key(slot);
      const side = key[0] === 0 ? this.#left : this.#right;
      const deadline = deadlineOf(side, key, this.store.row(slot));
      if (deadline !== undefined) this.store.schedule(slot, deadline, side.queue);
    }
    this.#scheduled = this.store.version;
  }

  finish(): Row[] {
    const out: Row[] = [];
    const [first, second] = this.#semi ? [this.#right, this.#left] : [this.#left, this.#right];
    this.#take(first, out);
    this.#take(second, out);
    this.counts.lateInput = this.counts.dropped;
    this.#evict(this.#left, out);
    this.#evict(this.#right, out);
    this.#forgetSeen();
    this.#scheduled = this.store.version + 1;
    return out;
  }

  #isLate(side: Side, row: Row): boolean {
    const time = side.time < 0 ? null : instantOf(row[side.time]);
    if (time === null || time > this.#lateUs) return false;
    this.counts.dropped++;
    return true;
  }

  /** The new rows of one side: they look for matches in the other side's state, then they go into their own, right rows only if they are to stay. */
  #take(side: Side, out: Row[]): void {
    const isLeft = side.queue === 0;
    for (const row of side.rows) {
      if (this.#isLate(side, row)) continue;
      if (side.accepts && !side.accepts(row)) {
        if (side.outer) out.push(this.#withNulls(side, row));
        continue;
      }
      const key = side.keyOf(row);
      key[0] = isLeft ? 1 : 0;
      let matched = false;
      for (let slot = this.store.first(key), next = -1; slot >= 0; slot = next) {
        next = this.store.following(slot);
        const other = this.#row(slot);
        if (!(isLeft ? this.#matches(row, other) : this.#matches(other, row))) continue;
        matched = true;
        if (!this.#semi) {
          out.push(isLeft ? this.#together(row, other) : this.#together(other, row));
          this.store.mark(slot);
        } else if (isLeft) break;
        else this.#semiMatch(slot, other, out);
      }
      key[0] = side.queue;
      if (this.#semi && isLeft && matched) out.push(row);
      else if (isLeft || !this.#goesNow(side, key, row) || (side.outer && !matched)) this.#keep(side, key, row, matched);
    }
    side.rows = [];
  }

  /** A left row of a semi join has done its work with its first match. */
  #semiMatch(slot: number, row: Row, out: Row[]): void {
    out.push(row);
    this.store.drop(slot);
    this.#seen[slot] = undefined;
    this.counts.removed++;
  }

  #goesNow(side: Side, key: Row, row: Row): boolean {
    const deadline = deadlineOf(side, key, row);
    return deadline !== undefined && deadline <= this.#goneUpTo(side, this.#evictUs);
  }

  #row(slot: number): Row {
    return this.#seen[slot] ?? this.#remember(slot, this.store.row(slot));
  }

  #remember(slot: number, row: Row): Row {
    const seen = this.#seen;
    while (seen.length <= slot) seen.push(undefined);
    seen[slot] = row;
    this.#seenSlots.push(slot);
    return row;
  }

  #forgetSeen(): void {
    for (const slot of this.#seenSlots) this.#seen[slot] = undefined;
    this.#seenSlots = [];
  }

  #keep(side: Side, key: Row, row: Row, matched: boolean): void {
    const slot = this.store.add(key, row, matched, deadlineOf(side, key, row), side.queue);
    this.#remember(slot, row);
    this.counts.updated++;
  }

  #withNulls(side: Side, row: Row): Row {
    return side.queue === 0 ? [...row, ...nulls(this.#right.width)] : [...nulls(this.#left.width), ...row];
  }

  /** Up to which deadline state of a side goes under a watermark. */
  #goneUpTo(side: Side, watermarkUs: number): number {
    if (side.timeKey >= 0) return watermarkUs;
    return side.bound && watermarkUs > -Infinity ? side.bound.atUs(watermarkUs) : -Infinity;
  }

  #evict(side: Side, out: Row[]): void {
    const us = this.#goneUpTo(side, this.#evictUs);
    if (!evicts(side) || us === -Infinity) return;
    for (let slot = this.store.takeExpired(us, side.queue); slot >= 0; slot = this.store.takeExpired(us, side.queue)) {
      if (side.outer && !this.store.isMarked(slot)) out.push(this.#withNulls(side, this.store.row(slot)));
      this.store.drop(slot);
      this.counts.removed++;
    }
  }
}

/** A condition with a false part is false: Spark's optimizer leaves nothing of it, and no equality. */
function isNever(condition: Resolved | undefined): boolean {
  return condition !== undefined && conjuncts(condition).some((part) => part.kind === "literal" && part.value === false);
}

function evicts(side: Side): boolean {
  return side.timeKey >= 0 || side.bound !== undefined;
}

function nulls(count: number): null[] {
  return Array.from({ length: count }, () => null);
}

/** An event time, or the end of a window; null without one. */
function instantOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  const end: unknown = Array.isArray(value) ? value[1] : null;
  return typeof end === "number" ? end : null;
}

/** The instant that decides when a row goes; undefined for one that stays. */
function deadlineOf(side: Side, key: Row, row: Row): number | undefined {
  if (side.timeKey >= 0) return instantOf(key[side.timeKey + 1]) ?? undefined;
  return side.bound && (instantOf(row[side.bound.ordinal]) ?? undefined);
}

function sideOf(node: JoinNode, name: JoinSide, accepts: Resolved | undefined, settings: ExpressionSettings): Side {
  const { columns } = node[name];
  const side: Resolved = { kind: "literal", value: name === "left" ? 0 : 1, dataType: { type: "int" }, nullable: false };
  const values = rowFunction([side, ...(name === "left" ? node.leftKeys : node.rightKeys)], columns, settings);
  const timeKey = watermarkKey(node);
  return {
    name,
    queue: name === "left" ? 0 : 1,
    width: columns.length,
    rows: [],
    keyOf: (row) => values(row, 0) as unknown[],
    accepts: accepts && rowTest(accepts, columns, settings),
    time: eventTimeOf(columns),
    timeKey,
    bound: timeKey >= 0 ? undefined : stateWatermark(node, name),
    outer: node.type === "full" || node.type === name,
  };
}

/** The condition by what its parts read: one side only, or both. */
function splitCondition(node: JoinNode): Partial<Record<JoinSide | "both", Resolved>> {
  const width = node.left.columns.length;
  const parts: Record<JoinSide | "both", Resolved[]> = { left: [], right: [], both: [] };
  for (const part of node.condition ? conjuncts(node.condition) : []) {
    const references = [...referencesOf(part)];
    if (!isDeterministic(part)) parts.both.push(part);
    else if (references.every((ordinal) => ordinal < width)) parts.left.push(part);
    else if (references.every((ordinal) => ordinal >= width)) parts.right.push(shiftFields(part, -width));
    else parts.both.push(part);
    if (references.length === 0 && isDeterministic(part)) parts.right.push(part);
  }
  const [left, right, both] = [andOf(parts.left), andOf(parts.right), andOf(parts.both)];
  return { ...(left && { left }), ...(right && { right }), ...(both && { both }) };
}
