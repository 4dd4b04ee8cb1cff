import { isTrue, projectContext } from "../codegen/emit.ts";
import { durationText, resolvedText } from "../columns/resolved-text.ts";
import type { Node } from "../plan/node.ts";
import { fieldRef } from "../plan/node.ts";
import { extendContext } from "./stage.ts";
import type { StepFactory } from "./stage.ts";
import { windowBinding, windowPart } from "./window-column.ts";

type NodeOf<Op extends Node["op"]> = Extract<Node, { op: Op }>;

/** Rows for which the condition is true go on. */
export function filterStep(node: NodeOf<"filter">): StepFactory {
  return () => ({
    row: (context, build, next) => {
      const counted = build.counting;
      build.writer.comment(`filter: ${resolvedText(node.condition)}`);
      build.writer.block(`if (${isTrue(context.emit(node.condition))})`, () => next(context));
      if (counted) build.writer.line("else filtered++;");
    },
  });
}

/** Columns are computed where something first uses them. */
export function projectStep(node: NodeOf<"project">): StepFactory {
  return () => ({ row: (context, _build, next) => next(projectContext(context, node.expressions)) });
}

/** explode and its kin: any number of rows for one. */
export function generateStep(node: NodeOf<"generate">): StepFactory {
  return () => ({
    row: (context, build, next) => {
      const counted = build.counting;
      build.writer.comment(`rows of ${resolvedText(node.call)}`);
      const made = counted ? build.writer.assign("made", "kept") : "";
      build.counting = false;
      node.call.entry.generator?.emitRows?.(node.call, context, (added) => next(extendContext(context, node.input.columns, added)));
      if (counted) build.writer.line(`if (kept === ${made}) filtered++; else kept = ${made} + 1;`);
    },
  });
}

/**
 * Tumbling and sliding windows: `[start, end)` in microseconds, aligned to the epoch plus `startUs`. Quotients of whole numbers below 2^53 round
 * down correctly, so that floor of a division finds the window of instants before 1970 too.
 */
export function windowStep(node: NodeOf<"window">): StepFactory {
  const { sizeUs, slideUs, startUs } = node.window;
  return () => ({
    row: (context, build, next) => {
      const { writer } = build;
      const every = sizeUs === slideUs ? "" : ` every ${durationText(slideUs)}`;
      writer.comment(`window of ${durationText(sizeUs)}${every} over ${resolvedText(node.time)}`);
      const time = context.emit(node.time);
      const counted = build.counting;
      if (time.isNull === "true") {
        if (counted) writer.line("filtered++;");
        return;
      }
      const emitWindow = (start: string): void => {
        const binding = windowBinding(context, { value: start, isNull: "false" }, { value: `(${start} + ${sizeUs})`, isNull: "false" });
        next(extendContext(context, node.input.columns, [binding]));
      };
      const body = (): void => {
        const shifted = startUs === 0 ? time.value : `(${time.value} - ${startUs})`;
        const last = `Math.floor(${shifted} / ${slideUs}) * ${slideUs}${startUs === 0 ? "" : ` + ${startUs}`}`;
        if (sizeUs === slideUs) {
          emitWindow(writer.assign("windowStart", last));
          return;
        }
        build.counting = false;
        const [made, missed] = counted ? [writer.assign("made", "kept"), writer.assign("missed", "late")] : ["", ""];
        const start = writer.local("windowStart");
        writer.block(`for (let ${start} = ${last}; ${start} > ${time.value} - ${sizeUs}; ${start} -= ${slideUs})`, () => emitWindow(start));
        if (counted) {
          writer.line(
            `if (kept !== ${made}) { kept = ${made} + 1; late = ${missed}; } else if (late !== ${missed}) late = ${missed} + 1; else filtered++;`,
          );
        }
      };
      if (time.isNull === "false") {
        body();
        return;
      }
      writer.block(`if (!(${time.isNull}))`, body);
      if (counted) writer.line("else filtered++;");
    },
  });
}

/** Event times of one watermark operator in one batch, in microseconds. */
export class EventTimeStats {
  readonly delayMs: number;
  /** Whose event times: "ts of kafka sensor-data". */
  readonly input: string;
  maxUs: number = -Infinity;
  minUs: number = Infinity;
  sumUs: number = 0;
  count: number = 0;

  constructor(delayMs: number, input: string) {
    this.delayMs = delayMs;
    this.input = input;
  }

  begin(): void {
    this.maxUs = -Infinity;
    this.minUs = Infinity;
    this.sumUs = 0;
    this.count = 0;
  }

  add(maxUs: number, minUs: number, sumUs: number, count: number): void {
    this.maxUs = Math.max(this.maxUs, maxUs);
    this.minUs = Math.min(this.minUs, minUs);
    this.sumUs += sumUs;
    this.count += count;
  }
}

/**
 * Follows the event time of every row that comes by. With `maxFutureUs`, one that lies further ahead of the batch's time is counted in
 * `run.futureRows` and not followed: a clock that is wrong must not make all others late.
 */
export function watermarkStep(node: NodeOf<"watermark">, stats: EventTimeStats, maxFutureUs?: number): StepFactory {
  return () => {
    let names: readonly string[] = [];
    let future: readonly [count: string, latest: string] | undefined;
    return {
      before: ({ writer }) => {
        names = ["maxUs", "minUs", "sumUs", "count"].map((name) => writer.local(name));
        const [max, min, sum, count] = names;
        writer.line(`let ${max} = -Infinity, ${min} = Infinity, ${sum} = 0, ${count} = 0;`);
        if (maxFutureUs === undefined) return;
        future = [writer.local("future"), writer.local("latestUs")];
        writer.line(`let ${future[0]} = 0;`);
        writer.line(`const ${future[1]} = run.timeUs + ${maxFutureUs};`);
      },
      row: (context, { writer }, next) => {
        const column = fieldRef(node.columns, node.ordinal);
        writer.comment(`watermark: the largest ${resolvedText(column)} of the batch less ${durationText(stats.delayMs * 1000)}`);
        const time = context.emit(column.dataType.type === "struct" ? windowPart(column, "end") : column);
        const [max, min, sum, count] = names;
        const follow = (): void => {
          writer.line(`if (${time.value} > ${max}) ${max} = ${time.value};`);
          writer.line(`if (${time.value} < ${min}) ${min} = ${time.value};`);
          writer.line(`${sum} += ${time.value}; ${count}++;`);
        };
        const capped = (): void => {
          if (future === undefined) return follow();
          writer.line(`if (${time.value} > ${future[1]}) ${future[0]}++;`);
          writer.block("else", follow);
        };
        if (time.isNull === "false") capped();
        else if (time.isNull !== "true") writer.block(`if (!(${time.isNull}))`, capped);
        next(context);
      },
      after: ({ writer }) => {
        writer.line(`${writer.constant("stats", stats)}.add(${names.join(", ")});`);
        if (future !== undefined) writer.line(`run.futureRows += ${future[0]};`);
      },
    };
  };
}
