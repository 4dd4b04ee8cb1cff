import type { ExpressionSettings } from "../columns/resolved.ts";
import { rowFunction } from "./sort.ts";
import type { JoinNode } from "../plan/node.ts";
import { fieldRef } from "../plan/node.ts";
import { stateWatermarkRule } from "../plan/join-watermarks.ts";
import type { StateWatermarkRule } from "../plan/join-watermarks.ts";
import { RowStore } from "../state/row-store.ts";
import type { StateFiles } from "../state/state-files.ts";
import type { Row } from "../types/data-type.ts";
import { joinKeyOf, pairTest } from "./static-join.ts";
import type { OperatorCounts, StatefulOperator } from "./stateful.ts";
import { newCounts } from "./stateful.ts";
import { windowPart } from "./window-column.ts";

type SideName = "left" | "right";

/** One buffered row: the row, and whether it has matched. */
interface Buffered {
  readonly row: Row;
  matched: boolean;
}

interface Side {
  readonly name: SideName;
  rows: Row[];
  readonly columns: JoinNode["columns"];
  readonly keyOf: (row: Row) => string | undefined;
  /** Event time in microseconds, null without one; undefined when the side has no watermark. */
  readonly timeOf: ((row: Row) => number | null) | undefined;
  readonly rule: StateWatermarkRule | undefined;
  /** The event time among the keys, for eviction by key. */
  readonly keyTimeOf: ((row: Row) => number | null) | undefined;
  readonly buffered: Map<string, Buffered[]>;
  size: number;
}

/** Rows whose key is null are kept for outer joins under this key, and match nothing. */
const NULL_KEY = "null";

/**
 * A symmetric hash join of two streams (Spark's SymmetricHashJoin): each side's new rows look for matches in the other side's state, then join their
 * own. State goes when its key's event time, or the bound that the condition puts on it, is behind the watermark; rows of an outer side that never
 * matched come out, with nulls, when they go.
 */
export class StreamJoin implements StatefulOperator {
  readonly name = "symmetricHashJoin";
  readonly store: RowStore;
  readonly counts: OperatorCounts = newCounts();
  readonly #node: JoinNode;
  readonly #sides: { readonly left: Side; readonly right: Side };
  readonly #test: (left: Row, right: Row) => boolean;
  #loaded = -1;
  #lateUs = -Infinity;
  #evictUs = -Infinity;

  constructor(node: JoinNode, settings: ExpressionSettings, files: StateFiles) {
    this.#node = node;
    this.store = new RowStore(files);
    this.#test = pairTest(node, settings);
    this.#sides = { left: sideOf(node, "left", settings), right: sideOf(node, "right", settings) };
  }

  get rows(): number {
    return this.#sides.left.size + this.#sides.right.size;
  }

  get wantsNoDataBatch(): boolean {
    return this.#evicts(this.#sides.left) || this.#evicts(this.#sides.right);
  }

  #evicts(side: Side): boolean {
    return side.rule !== undefined || side.keyTimeOf !== undefined;
  }

  /** Where the rows of a side are pushed. */
  input(side: SideName): Row[] {
    return this.#sides[side].rows;
  }

  outputWatermarkUs(inputUs: number): number {
    const marks = [this.#sides.left, this.#sides.right].flatMap((side) => {
      if (side.keyTimeOf) return [inputUs];
      return side.rule ? [inputUs + side.rule.shiftUs] : [];
    });
    return marks.length === 0 ? inputUs : Math.min(inputUs, ...marks);
  }

  begin(lateUs: number, evictUs: number): void {
    this.#lateUs = lateUs;
    this.#evictUs = evictUs;
    this.#sides.left.rows = [];
    this.#sides.right.rows = [];
    Object.assign(this.counts, newCounts());
    if (this.#loaded !== this.store.version) this.#restore();
  }

  /** Reads the buffers back from the store. */
  #restore(): void {
    for (const side of [this.#sides.left, this.#sides.right]) {
      side.buffered.clear();
      side.size = 0;
    }
    for (const [[name, key], rows] of this.store.scan()) {
      const side = this.#sides[name as SideName];
      const list = (rows as [Row, boolean][]).map(([row, matched]) => ({ row, matched }));
      side.buffered.set(String(key), list);
      side.size += list.length;
    }
    this.#loaded = this.store.version;
  }

  finish(): Row[] {
    const out: Row[] = [];
    const { left, right } = this.#sides;
    const changed = { left: new Set<string>(), right: new Set<string>() };
    const [first, second] = this.#node.type === "semi" ? [right, left] : [left, right];
    this.#take(first, second, changed, out);
    this.#take(second, first, changed, out);
    this.counts.lateInput = this.counts.dropped;
    this.#evict(left, changed.left, out);
    this.#evict(right, changed.right, out);
    for (const side of [left, right]) {
      for (const key of changed[side.name]) {
        const list = side.buffered.get(key);
        if (list)
          this.store.put(
            [side.name, key],
            list.map(({ row, matched }) => [row, matched]),
          );
        else this.store.remove([side.name, key]);
      }
    }
    this.#loaded = this.store.version + 1;
    return out;
  }

  /** The new rows of one side: matches with the other side's state, then into this side's. */
  #take(side: Side, other: Side, changed: Record<SideName, Set<string>>, out: Row[]): void {
    const { type } = this.#node;
    for (const row of side.rows) {
      const time = side.timeOf?.(row);
      if (time !== undefined && time !== null && time <= this.#lateUs) {
        this.counts.dropped++;
        continue;
      }
      const key = side.keyOf(row);
      let matched = false;
      for (const candidate of key === undefined ? [] : (other.buffered.get(key) ?? [])) {
        const pair: [Row, Row] = side.name === "left" ? [row, candidate.row] : [candidate.row, row];
        if (!this.#test(...pair)) continue;
        matched = true;
        if (type === "semi") {
          if (side.name === "left") break;
          out.push(candidate.row);
        } else out.push([...pair[0], ...pair[1]]);
        if (!candidate.matched) {
          candidate.matched = true;
          changed[other.name].add(key ?? NULL_KEY);
        }
      }
      if (type === "semi" && matched) {
        if (side.name === "left") {
          out.push(row);
          continue;
        }
        this.#dropMatched(other, key ?? NULL_KEY);
      }
      if (this.#expired(side, row)) {
        if (!matched && this.#keeps(side.name)) out.push(this.#withNulls(side.name, row));
        continue;
      }
      const slot = key ?? NULL_KEY;
      const list = side.buffered.get(slot);
      if (list) list.push({ row, matched });
      else side.buffered.set(slot, [{ row, matched }]);
      side.size++;
      this.counts.updated++;
      changed[side.name].add(slot);
    }
    side.rows = [];
  }

  /** A left row of a semi join has done its work with its first match. */
  #dropMatched(side: Side, key: string): void {
    const list = side.buffered.get(key) ?? [];
    const stay = list.filter((one) => !one.matched);
    this.counts.removed += list.length - stay.length;
    side.size -= list.length - stay.length;
    if (stay.length === 0) side.buffered.delete(key);
    else side.buffered.set(key, stay);
  }

  /** Whether unmatched rows of a side come out with nulls. */
  #keeps(side: SideName): boolean {
    return this.#node.type === "full" || this.#node.type === side;
  }

  #withNulls(side: SideName, row: Row): Row {
    const nulls = this.#sides[side === "left" ? "right" : "left"].columns.map(() => null);
    return side === "left" ? [...row, ...nulls] : [...nulls, ...row];
  }

  #expired(side: Side, row: Row): boolean {
    const keyTime = side.keyTimeOf?.(row);
    if (keyTime !== undefined) return keyTime !== null && keyTime <= this.#evictUs;
    if (!side.rule) return false;
    const value = row[side.rule.ordinal];
    return typeof value === "number" && value <= this.#evictUs + side.rule.shiftUs;
  }

  #evict(side: Side, changed: Set<string>, out: Row[]): void {
    if (!this.#evicts(side)) return;
    for (const [key, list] of side.buffered) {
      const stay = list.filter((one) => !this.#expired(side, one.row));
      if (stay.length === list.length) continue;
      if (this.#keeps(side.name))
        for (const one of list) if (!one.matched && this.#expired(side, one.row)) out.push(this.#withNulls(side.name, one.row));
      this.counts.removed += list.length - stay.length;
      side.size -= list.length - stay.length;
      changed.add(key);
      if (stay.length === 0) side.buffered.delete(key);
      else side.buffered.set(key, stay);
    }
  }
}

function sideOf(node: JoinNode, name: SideName, settings: ExpressionSettings): Side {
  const input = node[name];
  const keys = name === "left" ? node.leftKeys : node.rightKeys;
  const time = input.columns.findIndex((column) => column.eventTimeDelayMs !== undefined);
  const timeExpression = (ordinal: number): ((row: Row) => number | null) => {
    const field = fieldRef(input.columns, ordinal);
    const values = rowFunction([field.dataType.type === "struct" ? windowPart(field, "end") : field], input.columns, settings);
    return (row) => (values(row, 0)[0] ?? null) as number | null;
  };
  const marked = (side: SideName): number =>
    (side === "left" ? node.leftKeys : node.rightKeys).findIndex(
      (key) => key.kind === "field" && node[side].columns[key.ordinal]?.eventTimeDelayMs !== undefined,
    );
  const position = [marked("left"), marked("right")].find((at) => at >= 0) ?? -1;
  const keyTime = position < 0 ? undefined : keys[position];
  const keyTimeOf =
    keyTime && rowFunction([keyTime.dataType.type === "struct" ? windowPart(keyTime, "end") : keyTime], input.columns, settings);
  return {
    name,
    rows: [],
    columns: input.columns,
    keyOf: joinKeyOf(keys, input.columns, settings),
    timeOf: time < 0 ? undefined : timeExpression(time),
    rule: keyTime ? undefined : stateWatermarkRule(node, name),
    keyTimeOf: keyTimeOf && ((row) => (keyTimeOf(row, 0)[0] ?? null) as number | null),
    buffered: new Map(),
    size: 0,
  };
}
