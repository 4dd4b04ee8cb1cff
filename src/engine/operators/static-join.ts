import type { ExpressionSettings, Resolved } from "../columns/resolved.ts";
import type { JoinNode } from "../plan/node.ts";
import { keyText } from "../state/key-text.ts";
import type { Row } from "../types/data-type.ts";
import { pairTest } from "./pair-function.ts";
import { rowFunction } from "./sort.ts";

/** The text of a row's join key, undefined when a part of it that is not compared by `<=>` is null, which matches nothing. */
function joinKeyOf(
  keys: readonly Resolved[],
  nullSafe: readonly boolean[],
  columns: JoinNode["columns"],
  settings: ExpressionSettings,
): (row: Row) => string | undefined {
  const values = rowFunction(keys, columns, settings);
  return (row) => {
    const key = values(row, 0);
    return key.some((value, i) => value === null && !nullSafe[i]) ? undefined : keyText(key);
  };
}

/**
 * A join where at most one side is a stream: the table side is hashed, the rows of the other side look their matches up. All join types, as far as
 * `check` lets them through.
 */
export class StaticJoin {
  readonly #node: JoinNode;
  readonly #streamIsLeft: boolean;
  readonly #test: (left: Row, right: Row) => boolean;
  readonly #leftKey: (row: Row) => string | undefined;
  readonly #rightKey: (row: Row) => string | undefined;
  #table: Row[] = [];

  constructor(node: JoinNode, stream: "left" | "right", settings: ExpressionSettings) {
    this.#node = node;
    this.#streamIsLeft = stream === "left";
    this.#test = pairTest(node, node.condition, settings);
    this.#leftKey = joinKeyOf(node.leftKeys, node.nullSafe ?? [], node.left.columns, settings);
    this.#rightKey = joinKeyOf(node.rightKeys, node.nullSafe ?? [], node.right.columns, settings);
  }

  /** Where the rows of the table side are pushed. */
  tableRows(): Row[] {
    return this.#table;
  }

  /** The join of these rows with the table, which is then forgotten. */
  rows(stream: readonly Row[]): Row[] {
    const { type, left, right } = this.#node;
    const byKey = new Map<string, number[]>();
    const keyOfTable = this.#streamIsLeft ? this.#rightKey : this.#leftKey;
    const keyOfStream = this.#streamIsLeft ? this.#leftKey : this.#rightKey;
    const table = this.#table;
    this.#table = [];
    table.forEach((row, i) => {
      const key = keyOfTable(row);
      if (key === undefined) return;
      const list = byKey.get(key);
      if (list) list.push(i);
      else byKey.set(key, [i]);
    });
    const nulls = (this.#streamIsLeft ? right : left).columns.map(() => null);
    const keepsStream = type === "full" || type === (this.#streamIsLeft ? "left" : "right");
    const keepsTable = type === "full" || type === (this.#streamIsLeft ? "right" : "left");
    const matched = new Set<number>();
    const out: Row[] = [];
    for (const row of stream) {
      const key = keyOfStream(row);
      const matches = (key === undefined ? [] : (byKey.get(key) ?? [])).filter((i) => this.#pair(row, table[i] ?? []));
      if (type === "semi" || type === "anti") {
        if (matches.length > 0 === (type === "semi")) out.push(row);
        continue;
      }
      for (const i of matches) {
        matched.add(i);
        out.push(this.#joined(row, table[i] ?? []));
      }
      if (matches.length === 0 && keepsStream) out.push(this.#joined(row, nulls));
    }
    if (keepsTable) {
      const none = (this.#streamIsLeft ? left : right).columns.map(() => null);
      table.forEach((row, i) => {
        if (!matched.has(i)) out.push(this.#joined(none, row));
      });
    }
    return out;
  }

  #pair(stream: Row, table: Row): boolean {
    return this.#streamIsLeft ? this.#test(stream, table) : this.#test(table, stream);
  }

  #joined(stream: Row, table: Row): Row {
    return this.#streamIsLeft ? [...stream, ...table] : [...table, ...stream];
  }
}
