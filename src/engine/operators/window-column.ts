import type { Emitted } from "../codegen/code.ts";
import { createEmitContext } from "../codegen/emit.ts";
import type { EmitContext, FieldBinding, FunctionEntry } from "../functions/function-entry.ts";
import type { Resolved } from "../columns/resolved.ts";
import { windowType } from "../types/schema.ts";

const timestamp = { type: "timestamp" } as const;

/** Makes a window of its two instants; a field of it is the instant itself. */
const makeWindow: FunctionEntry = {
  name: "window",
  doc: "A window from its start and end.",
  resolve: (args) => ({ args, dataType: windowType, nullable: false }),
  emit: (call, context) => {
    const [start, end] = call.args.map((one) => context.emit(one));
    return { value: `[${start?.value}, ${end?.value}]`, isNull: "false" };
  },
  emitField: (call, ordinal, context) => {
    const part = call.args[ordinal];
    return part && context.emit(part);
  },
};

/** The binding of a window column whose start and end are texts; `[start, end]` is only built where the whole window is asked for. */
export function windowBinding(
  context: Pick<EmitContext, "writer" | "settings" | "batchTimeUs">,
  start: Emitted,
  end: Emitted,
): FieldBinding {
  const inner = createEmitContext({
    writer: context.writer,
    settings: context.settings,
    batchTimeUs: context.batchTimeUs,
    fields: [
      { kind: "value", emitted: start },
      { kind: "value", emitted: end },
    ],
  });
  const part = (ordinal: number, name: string): Resolved => ({ kind: "field", ordinal, name, dataType: timestamp, nullable: false });
  const expression: Resolved = {
    kind: "call",
    entry: makeWindow,
    args: [part(0, "start"), part(1, "end")],
    options: {},
    dataType: windowType,
    nullable: false,
  };
  return { kind: "expression", expression, context: inner };
}

/** `window.start` or `window.end` of a window-typed expression. */
export function windowPart(window: Resolved, part: "start" | "end"): Resolved {
  return { kind: "getField", input: window, ordinal: part === "start" ? 0 : 1, name: part, dataType: timestamp, nullable: window.nullable };
}
