import { CodeWriter, listingOf } from "../codegen/code.ts";
import { createEmitContext, valueOrNull } from "../codegen/emit.ts";
import type { ExpressionSettings } from "../columns/resolved.ts";
import type { EmitContext, FieldBinding, RawText } from "../functions/function-entry.ts";
import { fieldRef } from "../plan/node.ts";
import { DriftLog } from "../functions/json/drift.ts";
import type { Column } from "../plan/node.ts";
import type { Block, RawBlock } from "../sources/source.ts";
import type { Row, StructType } from "../types/data-type.ts";
import { simpleString } from "../types/type-text.ts";
import type { DeadLetterBatch, DeadLetterSink } from "./dead-letters.ts";

/**
 * What all stages of one batch share: the batch's fixed time, and the counts that must add up:
 * rows read = kept + filtered + late + dead-lettered (rows of sources, before any of them is multiplied).
 */
export class BatchRun {
  /** Microseconds; what current_timestamp gives in this batch. */
  timeUs: number = 0;
  /** How many batches have begun. */
  begun: number = 0;
  readRows: number = 0;
  keptRows: number = 0;
  filteredRows: number = 0;
  lateRows: number = 0;
  deadRows: number = 0;
  /** Rows too far in the future to move the watermark, part of the others; undefined where the query sets no bound. */
  futureRows: number | undefined;
  /** Where generated code reports malformed records. */
  deadLetters: DeadLetterSink | undefined;
  letters: DeadLetterBatch | undefined;
  /** How records differ from their schema, where a from_json asks for it. */
  readonly drift: DriftLog = new DriftLog();

  begin(timeUs: number, letters: DeadLetterBatch): void {
    this.timeUs = timeUs;
    this.begun++;
    this.readRows = 0;
    this.keptRows = 0;
    this.filteredRows = 0;
    this.lateRows = 0;
    this.deadRows = 0;
    if (this.futureRows !== undefined) this.futureRows = 0;
    this.letters = letters;
    this.drift.begin();
    this.deadLetters = letters;
  }

  /** The conservation numbers and the dead letters by reason, as texts for the progress of a source. */
  metrics(): Record<string, string> {
    const counts: Record<string, string> = {
      keptRows: String(this.keptRows),
      filteredRows: String(this.filteredRows),
      lateRows: String(this.lateRows),
      deadLetterRows: String(this.deadRows),
      ...(this.futureRows !== undefined && { futureRows: String(this.futureRows) }),
    };
    for (const [reason, count] of this.letters?.counts ?? []) counts[`deadLetters.${reason}`] = String(count);
    return Object.assign(counts, this.drift.metrics());
  }
}

/** Settings of the expressions, and whether malformed records leave the stage as dead letters. */
export type StageSettings = ExpressionSettings & { readonly keepDeadLetters: boolean };

/** One function that is being generated. */
export interface StageBuild {
  readonly writer: CodeWriter;
  readonly settings: ExpressionSettings;
  /** Local counters of the function; they go to the BatchRun at its end. */
  readonly counters: { readonly kept: string; readonly filtered: string; readonly late: string };
  /** Whether a row here is still one row of the source, so that dropping it is counted. */
  counting: boolean;
  /** In a stage that reads a source: the lines that leave out what is not read yet of this block, in the loop (`rest`) and before it (`all`). */
  readonly unread?: { readonly rest: string; readonly all: string };
}

/** Goes on with the next step, for a row whose columns the context knows. */
export type Next = (context: EmitContext) => void;

/** The code of one operator within a generated function: lines before the loop, the row's lines, lines after the loop. */
export interface Step {
  before?(build: StageBuild): void;
  row(context: EmitContext, build: StageBuild, next: Next): void;
  after?(build: StageBuild): void;
}

/** A step is made anew for every function that it becomes part of, because it keeps names of that function. */
export type StepFactory = () => Step;

export type RowsFunction = (rows: readonly Row[], run: BatchRun, out: Row[]) => void;
export type RawFunction = (block: RawBlock, run: BatchRun, out: Row[]) => void;
export type BlockFunction = (block: Block, run: BatchRun, out: Row[]) => void;

/** The loop that a stage begins with: how many rows, and how each column is read. */
interface Loop {
  readonly name: string;
  readonly parameter: string;
  open(build: StageBuild): void;
  readonly head: string;
  /** How many rows there are to read. */
  readonly count?: string;
  fields(writer: CodeWriter): readonly FieldBinding[];
  malformed?(writer: CodeWriter): (reason: string) => void;
}

/** A stage: everything from a source of rows to where they are kept, as one generated function per kind of input. */
export class Stage {
  readonly title: string;
  readonly #steps: readonly StepFactory[];
  readonly settings: StageSettings;
  readonly #sources = new Map<string, string>();
  readonly #functions = new Map<string, unknown>();

  constructor(title: string, steps: readonly StepFactory[], settings: StageSettings) {
    this.title = title;
    this.#steps = steps;
    this.settings = settings;
  }

  /** The texts of the functions generated so far. */
  get code(): readonly string[] {
    return [...this.#sources.values()];
  }

  /** The function over rows of these columns. */
  overRows(columns: readonly Column[], counted: boolean): RowsFunction {
    return this.#function(`rows${counted ? " of a source" : ""}`, rowsLoop(columns), counted);
  }

  /** The function over record blocks of a source with this schema. */
  overRecords(schema: StructType): BlockFunction {
    return this.#function("records", recordsLoop(schema, this.settings.byteScanners !== false), true);
  }

  /** The function over blocks of rows of which these columns lie as bytes. */
  overRaw(columns: readonly Column[], raw: readonly number[], counted: boolean): RawFunction {
    const kind = `raw ${raw.map((i) => columns[i]?.name).join(", ")}${counted ? " of a source" : ""}`;
    return this.#function(kind, rawLoop(columns, raw, this.settings.byteScanners !== false), counted);
  }

  /** The function over the groups of a state; `fields` gives the columns of group `g`. */
  overGroups(
    open: (build: StageBuild) => void,
    fields: (writer: CodeWriter) => readonly FieldBinding[],
  ): (groups: readonly number[], run: BatchRun, out: Row[]) => void {
    const loop: Loop = {
      name: "emitGroups",
      parameter: "groups",
      open,
      head: "for (let i = 0, n = groups.length; i < n; i++)",
      fields: (writer) => {
        writer.line("const g = groups[i];");
        return fields(writer);
      },
    };
    return this.#function("groups", loop, false);
  }

  #function<F>(kind: string, loop: Loop, counted: boolean): F {
    const known = this.#functions.get(kind);
    if (known) return known as F;
    const writer = new CodeWriter();
    const build: StageBuild = {
      writer,
      settings: this.settings,
      counters: { kept: "kept", filtered: "filtered", late: "late" },
      counting: counted,
      ...(counted &&
        loop.count !== undefined && { unread: { rest: "run.readRows -= n - i - 1; n = i + 1;", all: `run.readRows -= ${loop.count};` } }),
    };
    const steps = this.#steps.map((make) => make());
    writer.line("let kept = 0, filtered = 0, late = 0;");
    loop.open(build);
    for (const step of steps) step.before?.(build);
    writer.block(`row: ${loop.head}`, () => {
      const malformed = loop.malformed?.(writer);
      const context = createEmitContext({
        writer,
        settings: this.settings,
        batchTimeUs: "run.timeUs",
        batchNumber: "run.begun",
        fields: loop.fields(writer),
        ...(malformed && this.settings.keepDeadLetters && { malformed }),
      });
      runSteps(steps, 0, context, build);
    });
    for (const step of steps) step.after?.(build);
    if (counted) writer.line("run.keptRows += kept; run.filteredRows += filtered; run.lateRows += late;");
    const parameters = [loop.parameter, "run", "out"];
    const compiled = writer.compile<F & object>(loop.name, parameters);
    this.#sources.set(kind, `// ${this.title}, over ${kind}\n${listingOf(compiled)}`);
    this.#functions.set(kind, compiled);
    return compiled;
  }
}

function runSteps(steps: readonly Step[], at: number, context: EmitContext, build: StageBuild): void {
  const step = steps[at];
  if (step) step.row(context, build, (following) => runSteps(steps, at + 1, following, build));
}

function rowsLoop(columns: readonly Column[]): Loop {
  return {
    name: "processRows",
    parameter: "rows",
    open: () => {},
    head: "for (let i = 0, n = rows.length; i < n; i++)",
    count: "rows.length",
    fields: (writer) => {
      writer.line("const row$ = rows[i];");
      return columns.map((column, i) => rowBinding(column, i, writer));
    },
    malformed: (writer) => (reason) => {
      writer.line(`run.deadLetters.row(row$, ${reason}); run.deadRows++;`);
      writer.line("continue row;");
    },
  };
}

function rowBinding(column: Column, ordinal: number, writer: CodeWriter): FieldBinding {
  return {
    kind: "read",
    emit: () => {
      const value = writer.assign(column.name, `row$[${ordinal}]`);
      return { value, isNull: column.nullable ? `${value} === null` : "false" };
    },
  };
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Binary columns of a block, and texts: read from its bytes, or without `scanned` copied before anything reads them. */
function rawBinding(place: RawText, text: boolean, scanned: boolean, writer: CodeWriter): FieldBinding {
  if (scanned) return { kind: "bytes", ...(text && { text }), ...place };
  return {
    kind: "read",
    emit: () => {
      const { buffer, start, end } = place;
      const copy = text ? `${buffer}.utf8Slice(${start}, ${end})` : `Uint8Array.prototype.slice.call(${buffer}, ${start}, ${end})`;
      const value = writer.assign("copy", `${start} < 0 ? null : ${copy}`);
      return { value, isNull: `${value} === null` };
    },
  };
}

function rawLoop(columns: readonly Column[], raw: readonly number[], scanned: boolean): Loop {
  return {
    name: "processRaw",
    parameter: "block",
    open: ({ writer }) => {
      writer.line(
        `const buffer = ${writer.constant("asBuffer", asBuffer)}(block.buffer), positions = block.positions${raw.length < columns.length ? ", rows = block.rows" : ""};`,
      );
    },
    head: "for (let i = 0, n = block.count; i < n; i++)",
    count: "block.count",
    fields: (writer) => {
      if (raw.length < columns.length) writer.line("const row$ = rows[i];");
      return columns.map((column, ordinal): FieldBinding => {
        const at = raw.indexOf(ordinal);
        if (at < 0) return rowBinding(column, ordinal, writer);
        const [start, end] = [2 * at, 2 * at + 1].map((offset) => `positions[i * ${2 * raw.length} + ${offset}]`);
        return rawBinding({ buffer: "buffer", start: start ?? "", end: end ?? "" }, column.dataType.type === "string", scanned, writer);
      });
    },
    malformed: (writer) => (reason) => {
      const row = writer.constant("rawRow", (block: RawBlock, i: number) => rawRow(block, i, columns));
      writer.line(`run.deadLetters.row(${row}(block, i), ${reason}); run.deadRows++;`);
      writer.line("continue row;");
    },
  };
}

/** A row of a raw block with all its values. */
function rawRow(block: RawBlock, i: number, columns: readonly Column[]): Row {
  const buffer = asBuffer(block.buffer);
  return columns.map((column, ordinal): Row[number] => {
    const at = block.columns.indexOf(ordinal);
    if (at < 0) return block.rows[i]?.[ordinal] ?? null;
    const from = 2 * (i * block.columns.length + at);
    const start = block.positions[from] ?? -1;
    if (start < 0) return null;
    const end = block.positions[from + 1] ?? start;
    return column.dataType.type === "string" ? buffer.utf8Slice(start, end) : Uint8Array.prototype.slice.call(buffer, start, end);
  });
}

function recordsLoop(schema: StructType, scanned: boolean): Loop {
  return {
    name: "processRecords",
    parameter: "block",
    open: ({ writer }) => {
      writer.line(`const buffer = ${writer.constant("asBuffer", asBuffer)}(block.buffer), positions = block.positions;`);
    },
    head: "for (let i = 0, n = block.count; i < n; i++)",
    count: "block.count",
    fields: (writer) => schema.fields.map((field): FieldBinding => recordField(field.name, writer, scanned)),
    malformed: (writer) => (reason) => {
      writer.line(`run.deadLetters.record(block, i, ${reason}); run.deadRows++;`);
      writer.line("continue row;");
    },
  };
}

/** The columns of Kafka's source, read from a block when something uses them. */
function recordField(name: string, writer: CodeWriter, scanned: boolean): FieldBinding {
  const read = (text: string): FieldBinding => ({ kind: "read", emit: () => ({ value: writer.assign(name, text), isNull: "false" }) });
  switch (name) {
    case "key":
      return rawBinding({ buffer: "buffer", start: "positions[i * 4]", end: "positions[i * 4 + 1]" }, false, scanned, writer);
    case "value":
      return rawBinding({ buffer: "buffer", start: "positions[i * 4 + 2]", end: "positions[i * 4 + 3]" }, false, scanned, writer);
    case "topic":
      return read("block.topic");
    case "partition":
      return read("block.partition");
    case "offset":
      return read("block.offsets[i]");
    case "timestamp":
      return read("block.timestampsMs[i] * 1000");
    case "timestampType":
      return read("block.timestampType");
    case "headers": {
      const rows = writer.constant("headerRows", headerRows);
      return {
        kind: "read",
        emit: () => {
          const value = writer.assign("headers", `${rows}(block, i)`);
          return { value, isNull: `${value} === null` };
        },
      };
    }
    default:
      throw new RangeError(`records have no column ${name}`);
  }
}

function headerRows(block: Extract<Block, { kind: "records" }>, i: number): unknown[] | null {
  const headers = block.headers?.[i];
  return headers && headers.length > 0 ? headers.map(([key, value]) => [key, value]) : null;
}

/** The context with further columns at the end. */
export function extendContext(context: EmitContext, columns: readonly Column[], added: readonly FieldBinding[]): EmitContext {
  const fields = columns.map((_, i): FieldBinding => ({ kind: "expression", expression: fieldRef(columns, i), context }));
  return createEmitContext({
    writer: context.writer,
    settings: context.settings,
    batchTimeUs: context.batchTimeUs,
    batchNumber: context.batchNumber,
    fields: [...fields, ...added],
    ...(context.malformed && { malformed: context.malformed }),
  });
}

/** The last step of a stage whose rows go on as rows. */
export function rowsTerminal(columns: readonly Column[]): StepFactory {
  return () => ({
    row: (context, build) => {
      const values = columns.map((_, i) => valueOrNull(context.field(i)));
      build.writer.line(`out.push([${values.join(", ")}]); kept++;`);
    },
  });
}

/** For explain: a column list. */
export function columnsText(columns: readonly Column[]): string {
  return columns.map((column) => `${column.name}: ${simpleString(column.dataType)}`).join(", ");
}
