import type { Emitted } from "../codegen/code.ts";
import type { AggregateSlot } from "../functions/aggregate-entry.ts";
import type { DeduplicateNode } from "../plan/node.ts";
import { fieldRef } from "../plan/node.ts";
import { GroupStore } from "../state/group-store.ts";
import type { StateFiles } from "../state/state-files.ts";
import { emitKey, GroupCode, groupNames, keyParts } from "./group-code.ts";
import type { KeyPart } from "./group-code.ts";
import type { StepFactory } from "./stage.ts";
import type { OperatorCounts, StatefulOperator } from "./stateful.ts";
import { newCounts } from "./stateful.ts";
import { windowPart } from "./window-column.ts";

const NO_SLOTS: readonly AggregateSlot[] = [];

/**
 * dropDuplicates and dropDuplicatesWithinWatermark: the first row of a key goes on, later ones do not. Rows behind the late watermark are dropped when
 * the input has one. A key goes when its event time, if that is among the keys, is behind the watermark; within the watermark, when the first
 * row's event time plus the delay is.
 */
export class DeduplicateOperator implements StatefulOperator {
  readonly name: string;
  readonly store: GroupStore;
  readonly counts: OperatorCounts = newCounts();
  readonly wantsNoDataBatch = true;
  readonly #node: DeduplicateNode;
  readonly #parts: readonly KeyPart[];
  readonly #types: ReturnType<typeof keyParts>["types"];
  /** The event time column of the input, −1 without one. */
  readonly #time: number;
  lateUs: number = -Infinity;
  #evictUs = -Infinity;

  constructor(node: DeduplicateNode, files: StateFiles) {
    this.#node = node;
    this.name = node.withinWatermark ? "dedupeWithinWatermark" : "dedupe";
    const keys = node.ordinals.map((ordinal) => fieldRef(node.columns, ordinal));
    const { parts, types } = keyParts(
      keys,
      node.ordinals.map((ordinal) => node.columns[ordinal]).filter((column) => column !== undefined),
      undefined,
    );
    this.#parts = parts;
    this.#types = types;
    this.#time = node.input.columns.findIndex((column) => column.eventTimeDelayMs !== undefined);
    this.store = new GroupStore({ keys: types, slots: NO_SLOTS }, files);
  }

  get rows(): number {
    return this.store.size;
  }

  outputWatermarkUs(inputUs: number): number {
    return inputUs;
  }

  begin(lateUs: number, evictUs: number): void {
    this.store.beginBatch();
    this.lateUs = lateUs;
    this.#evictUs = evictUs;
    Object.assign(this.counts, newCounts());
  }

  step(): StepFactory {
    return () => {
      let code: GroupCode | undefined;
      let late = "";
      const self = this;
      const time = self.#time;
      return {
        before: ({ writer }) => {
          code = new GroupCode(self.store, self.#types, [], groupNames(self.#parts), writer);
          code.open(writer);
          late = writer.local("lateUs");
          writer.line(`const ${late} = ${writer.constant("dedupe", self)}.lateUs;`);
        },
        row: (context, build, next) => {
          const { writer } = build;
          const found = code;
          if (!found) return;
          const column = time < 0 ? undefined : fieldRef(self.#node.columns, time);
          const eventTime = column && context.emit(column.dataType.type === "struct" ? windowPart(column, "end") : column);
          const counted = build.counting;
          const keep = (): void => {
            const key = emitKey(self.#parts, context);
            found.find(
              key,
              writer,
              (made) => {
                found.schedule(made, self.#expiry(key.end, eventTime), writer);
                found.touch(made, writer);
                next(context);
              },
              counted ? () => writer.line("filtered++;") : undefined,
            );
          };
          if (!eventTime || eventTime.isNull === "true") {
            keep();
            return;
          }
          writer.comment("late: the event time is at or before the watermark of the batch before");
          writer.block(`if (${eventTime.isNull === "false" ? "" : `!(${eventTime.isNull}) && `}${eventTime.value} <= ${late})`, () => {
            writer.line(`${writer.constant("dedupe", self)}.counts.dropped++; late++;`);
          });
          writer.block("else", keep);
        },
      };
    };
  }

  /** When a new key goes. Within the watermark Spark reads a null event time as 0, and a window as an instant near the epoch: such keys go at once. */
  #expiry(end: Emitted | undefined, eventTime: Emitted | undefined): Emitted | undefined {
    if (!this.#node.withinWatermark) return end;
    const delayUs = (this.#node.input.columns[this.#time]?.eventTimeDelayMs ?? 0) * 1000;
    const isWindow = this.#node.input.columns[this.#time]?.dataType.type === "struct";
    if (!eventTime || isWindow || eventTime.isNull === "true") return { value: String(delayUs), isNull: "false" };
    const time = eventTime.isNull === "false" ? eventTime.value : `(${eventTime.isNull} ? 0 : ${eventTime.value})`;
    return { value: `${time} + ${delayUs}`, isNull: "false" };
  }

  /** At the batch's end: counts, and drops what has expired. */
  finish(): void {
    this.counts.updated = this.store.touchedCount;
    this.counts.lateInput = this.counts.dropped;
    const expired = this.store.takeExpired(this.#evictUs);
    for (const group of expired) this.store.release(group);
    this.counts.removed = expired.length;
  }
}
