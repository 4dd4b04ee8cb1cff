import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { createSession, StreamingQueryError } from "../../src/engine/index.ts";
import type { DataFrame, MemoryStream, Session, Sink, SinkBatch, StreamingQuery } from "../../src/engine/index.ts";
import { StreamlabError } from "../../src/base/errors.ts";
import { parseDataType } from "../../src/engine/types/ddl.ts";
import type { StructType } from "../../src/engine/types/data-type.ts";
import type { JsonValue } from "../../src/engine/types/json-value.ts";
import { rowToJson } from "../../src/engine/types/json-value.ts";
import { simpleString } from "../../src/engine/types/type-text.ts";
import type { GoldenBatch, GoldenCase, GoldenColumn, GoldenConf, GoldenError, Phase } from "./case.ts";
import { buildFrame } from "./plan.ts";

const CONF: Readonly<Record<string, string>> = {
  ansi: "spark.sql.ansi.enabled",
  noDataBatches: "spark.sql.streaming.noDataMicroBatches.enabled",
  multipleWatermarkPolicy: "spark.sql.streaming.multipleWatermarkPolicy",
};
const METRICS = ["operatorName", "numRowsTotal", "numRowsUpdated", "numRowsRemoved", "numRowsDroppedByWatermark"] as const;
const PHASES: readonly Phase[] = ["analysis", "start", "run"];

/** How a case ended: undefined when it is as Spark recorded it, else what differs first. */
export type CaseFailure = string | undefined;

/** Runs one case through the engine, restarts on the same checkpoint included, and compares. */
export async function runCase(golden: GoldenCase): Promise<CaseFailure> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-golden-"));
  const run = new CaseRun(golden, path.join(folder, "checkpoint"));
  try {
    return await run.check();
  } catch (thrown) {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } finally {
    await run.close();
    await rm(folder, { recursive: true, force: true });
  }
}

class CaseRun {
  readonly #golden: GoldenCase;
  readonly #checkpoint: string;
  readonly #session: Session = createSession();
  readonly #inputs = new Map<string, MemoryStream<unknown>>();
  readonly #written = new Map<number, SinkBatch>();
  #query: StreamingQuery | undefined;
  #phase: { phase: Phase; step?: number } = { phase: "analysis" };

  constructor(golden: GoldenCase, checkpoint: string) {
    this.#golden = golden;
    this.#checkpoint = checkpoint;
  }

  async check(): Promise<CaseFailure> {
    const { expectError: wanted } = this.#golden;
    let thrown: unknown;
    let difference: CaseFailure;
    try {
      difference = await this.#steps();
    } catch (caught) {
      thrown = caught;
    }
    if (thrown !== undefined)
      return wanted
        ? this.#checkError(thrown, wanted)
        : `was refused or died (${this.#phase.phase}): ${thrown instanceof Error ? thrown.message : String(thrown)}`;
    if (difference !== undefined) return difference;
    return wanted ? `was accepted, but should be refused with ${wanted.errorClass ?? "an error"}: ${wanted.messageContains}` : undefined;
  }

  async close(): Promise<void> {
    await this.#query?.stop();
  }

  /** The steps up to the end, or to the error; the answer is the first difference. */
  async #steps(): Promise<CaseFailure> {
    const { golden, frame } = { golden: this.#golden, frame: this.#frame() };
    const schemaDifference = this.#checkSchema(frame);
    if (schemaDifference !== undefined) return schemaDifference;
    this.#phase = { phase: "start" };
    await this.#start(frame);
    for (const [i, step] of golden.steps.entries()) {
      this.#phase = { phase: "run", step: i };
      const before = new Set(this.#written.keys());
      if (step.restart) {
        await this.#query?.stop();
        this.#setConf(step.conf);
        await this.#start(frame);
      }
      if (step.add) {
        for (const [name, rows] of Object.entries(step.add)) this.#inputs.get(name)?.addData(rows);
        await this.#query?.processAllAvailable();
      }
      const difference = this.#checkStep(i, before);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }

  #setConf(conf: GoldenConf | undefined): void {
    for (const [name, value] of Object.entries(conf ?? {})) this.#session.setConf(CONF[name] ?? name, String(value));
  }

  #frame(): DataFrame {
    if (this.#inputs.size === 0) this.#setConf(this.#golden.conf);
    const tables: Record<string, DataFrame> = {};
    for (const [name, columns] of Object.entries(this.#golden.inputs)) {
      const stream = this.#inputs.get(name) ?? this.#session.memoryStream(schemaOf(columns));
      this.#inputs.set(name, stream);
      tables[name] = stream.toDF() as DataFrame;
    }
    for (const [name, table] of Object.entries(this.#golden.tables ?? {}))
      tables[name] = this.#session.createDataFrame(table.rows, schemaOf(table.schema)) as DataFrame;
    return buildFrame(this.#golden.query, tables);
  }

  async #start(frame: DataFrame): Promise<void> {
    const sink: Sink = {
      description: "golden",
      write: (batch) => {
        this.#written.set(batch.batchId, batch);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    this.#query = await frame.writeStream
      .outputMode(this.#golden.outputMode)
      .sink(sink)
      .option("checkpointLocation", this.#checkpoint)
      .start();
    await this.#query.processAllAvailable();
  }

  #checkSchema(frame: DataFrame): CaseFailure {
    if (!this.#golden.outputSchema) return undefined;
    const found = frame.schema.fields.map((field) => [field.name, simpleString(field.dataType)]);
    return isDeepStrictEqual(found, this.#golden.outputSchema)
      ? undefined
      : `the schema is ${JSON.stringify(found)}, Spark's is ${JSON.stringify(this.#golden.outputSchema)}`;
  }

  #checkStep(step: number, before: ReadonlySet<number>): CaseFailure {
    const wanted = this.#golden.expect?.[step] ?? [];
    const found = [...this.#written.values()].filter((batch) => !before.has(batch.batchId)).map((batch) => this.#batch(batch));
    for (const [i, batch] of wanted.entries()) {
      const mine = found[i];
      if (!mine) return `step ${step}: batch ${batch.batchId} is missing, Spark has ${JSON.stringify(batch)}`;
      const difference = differenceOf(mine, batch, this.#golden.ordered === true);
      if (difference) return `step ${step}, batch ${batch.batchId}: ${difference}`;
    }
    const extra = found[wanted.length];
    return extra ? `step ${step}: Spark has no batch ${extra.batchId}, found ${JSON.stringify(extra)}` : undefined;
  }

  #batch(batch: SinkBatch): GoldenBatch {
    const progress = this.#query?.recentProgress.findLast((one) => one.batchId === batch.batchId);
    return {
      batchId: batch.batchId,
      watermark: progress?.eventTime.watermark ?? null,
      numInputRows: progress?.numInputRows ?? -1,
      rows: batch.rows.map((row) => rowToJson(row, batch.schema)),
      state: (progress?.stateOperators ?? []).map((operator) => Object.fromEntries(METRICS.map((name) => [name, operator[name]]))),
    };
  }

  #checkError(thrown: unknown, wanted: GoldenError): CaseFailure {
    const cause = thrown instanceof StreamingQueryError ? thrown.problem.cause : thrown;
    if (!(thrown instanceof StreamlabError))
      return `ended with an error that is none of the engine's: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`;
    const early = PHASES.indexOf(this.#phase.phase) <= PHASES.indexOf(wanted.phase);
    const sameStep = this.#phase.phase !== "run" || wanted.step === undefined || (this.#phase.step ?? 0) === wanted.step;
    if (!early || !sameStep) return `was refused in ${JSON.stringify(this.#phase)}, Spark refuses in ${wanted.phase} ${wanted.step ?? ""}`;
    if (cause !== undefined && !(cause instanceof StreamlabError))
      return `died of ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`;
    const stable = wanted.errorClass !== null && !wanted.errorClass.startsWith("_LEGACY");
    const inPhase = this.#phase.phase === wanted.phase;
    if (stable && inPhase && thrown.code !== wanted.errorClass)
      return `the error class is ${thrown.code}, Spark's is ${wanted.errorClass ?? ""}: ${thrown.message}`;
    return undefined;
  }
}

function schemaOf(columns: readonly GoldenColumn[]): StructType {
  return { type: "struct", fields: columns.map(([name, type]) => ({ name, dataType: parseDataType(type), nullable: true })) };
}

/** What differs first between a batch and Spark's; rows as a multiset unless ordered, numbers with a relative tolerance of 1e-9. */
export function differenceOf(found: GoldenBatch, wanted: GoldenBatch, ordered: boolean): CaseFailure {
  for (const field of ["batchId", "watermark", "numInputRows"] as const) {
    if (found[field] !== wanted[field]) return `${field} is ${found[field]}, Spark's is ${wanted[field]}`;
  }
  const rest = [...found.rows];
  for (const [i, row] of wanted.rows.entries()) {
    const at = ordered ? (sameValue(rest[0], row) ? 0 : -1) : rest.findIndex((one) => sameValue(one, row));
    if (at < 0) return `row ${i} ${JSON.stringify(row)} is missing among ${JSON.stringify(rest.slice(0, 12))}`;
    rest.splice(at, 1);
  }
  if (rest.length > 0) return `Spark has no row ${JSON.stringify(rest[0])}`;
  return isDeepStrictEqual(found.state, wanted.state)
    ? undefined
    : `state is ${JSON.stringify(found.state.map(Object.values))}, Spark's is ${JSON.stringify(wanted.state.map(Object.values))}`;
}

function sameValue(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (typeof a === "number" && typeof b === "number") {
    if (Object.is(a, b)) return true;
    if (a === 0 && b === 0) return false;
    return !Number.isInteger(a) || !Number.isInteger(b) ? Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)) : a === b;
  }
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((one, i) => sameValue(one as JsonValue, b[i] as JsonValue));
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null && !Array.isArray(a) && !Array.isArray(b)) {
    const [left, right] = [a as Record<string, JsonValue>, b as Record<string, JsonValue>];
    const keys = Object.keys(left);
    return keys.length === Object.keys(right).length && keys.every((key) => key in right && sameValue(left[key], right[key]));
  }
  return a === b || (typeof a === "string" && typeof b === "string" && a === plainDecimal(b));
}

/** Decimals are recorded as Python writes them: `0E-7` for a zero with seven digits after the point. */
function plainDecimal(text: string): string {
  const [, sign = "", whole, fraction = "", exponent] = /^(-?)(\d)(?:\.(\d+))?E-(\d+)$/.exec(text) ?? [];
  return whole === undefined ? text : `${sign}0.${"0".repeat(Number(exponent) - 1)}${whole}${fraction}`;
}
