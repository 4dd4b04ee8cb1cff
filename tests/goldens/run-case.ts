import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { createSession, StreamingQueryError } from "../../src/engine/index.ts";
import type { DataFrame, MemoryStream, Session, Sink, SinkBatch, StreamingQuery } from "../../src/engine/index.ts";
import { StreamlabError } from "../../src/base/errors.ts";
import { parseDataType } from "../../src/engine/types/ddl.ts";
import type { StructType } from "../../src/engine/types/data-type.ts";
import { rowToJson } from "../../src/engine/types/json-value.ts";
import { simpleString } from "../../src/engine/types/type-text.ts";
import type { GoldenBatch, GoldenCase, GoldenColumn, GoldenConf, GoldenError, GoldenRow, GoldenStep, Phase } from "./case.ts";
import { differenceOf, wholeBatch } from "./difference.ts";
import { inputRows } from "./input-rows.ts";
import { buildFrame } from "./plan.ts";
import { rawBlock } from "./raw-block.ts";
import { recordedRow } from "./recorded-value.ts";

const CONF: Readonly<Record<string, string>> = {
  ansi: "spark.sql.ansi.enabled",
  noDataBatches: "spark.sql.streaming.noDataMicroBatches.enabled",
  multipleWatermarkPolicy: "spark.sql.streaming.multipleWatermarkPolicy",
};
const METRICS = ["operatorName", "numRowsTotal", "numRowsUpdated", "numRowsRemoved", "numRowsDroppedByWatermark"] as const;
const PHASES: readonly Phase[] = ["analysis", "start", "run"];

/** How a case ended: undefined when it is as Spark recorded it, else what differs first. */
export type CaseFailure = string | undefined;

/** No case takes a second; one that never ends must not hold up the others. */
const LIMIT_MS = 60_000;

/** How a case is run. */
export interface CaseOptions {
  /** Texts and binary columns of the inputs are handed over as bytes in blocks, not as values in rows. */
  readonly blocks?: boolean;
  /** False reads blocks by the full rules (spark.sql.codegen.byteScanners). */
  readonly byteScanners?: boolean;
  /** Hears the generated code of every run of the query. */
  onCode?(code: string): void;
}

/** Runs one case through the engine, restarts on the same checkpoint included, and compares. */
export async function runCase(golden: GoldenCase, options: CaseOptions = {}): Promise<CaseFailure> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-golden-"));
  const run = new CaseRun(golden, path.join(folder, "checkpoint"), options);
  try {
    return await Promise.race([run.check(), overdue()]);
  } catch (thrown) {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } finally {
    await run.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function overdue(): Promise<CaseFailure> {
  await delay(LIMIT_MS, undefined, { ref: false });
  return `did not end within ${LIMIT_MS / 1000} s`;
}

class CaseRun {
  readonly #golden: GoldenCase;
  readonly #checkpoint: string;
  readonly #options: CaseOptions;
  readonly #session: Session;
  readonly #inputs = new Map<string, MemoryStream<unknown>>();
  readonly #written = new Map<number, SinkBatch>();
  #query: StreamingQuery | undefined;
  #phase: { phase: Phase; step?: number } = { phase: "analysis" };

  constructor(golden: GoldenCase, checkpoint: string, options: CaseOptions) {
    this.#golden = golden;
    this.#checkpoint = checkpoint;
    this.#options = options;
    this.#session = createSession({ conf: { "spark.sql.codegen.byteScanners": String(options.byteScanners !== false) } });
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
    await this.#stop();
  }

  async #stop(): Promise<void> {
    if (this.#query) this.#options.onCode?.(this.#query.explain());
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
        await this.#stop();
        this.#setConf(step.conf);
        await this.#start(frame);
      }
      if (step.add) {
        this.#add(step.add);
        await this.#query?.processAllAvailable();
      }
      const difference = this.#checkStep(i, before);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }

  #add(rowsByInput: NonNullable<GoldenStep["add"]>): void {
    for (const [name, rows] of Object.entries(rowsByInput)) {
      const input = this.#inputs.get(name);
      if (!input) throw new Error(`the case has no input ${name}`);
      const schema = schemaOf(this.#golden.inputs[name] ?? []);
      const read = inputRows(rows, schema);
      const block = this.#options.blocks ? rawBlock(read, schema) : undefined;
      if (block) input.input.addRecords(block);
      else input.addRows(read);
    }
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
    for (const [name, table] of Object.entries(this.#golden.tables ?? {})) tables[name] = this.#table(schemaOf(table.schema), table.rows);
    return buildFrame(this.#golden.query, tables);
  }

  #table(schema: StructType, rows: readonly GoldenRow[]): DataFrame {
    const read = inputRows(rows, schema).map((row) => rowToJson(row, schema));
    return this.#session.createDataFrame(read, schema) as DataFrame;
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
    const written = [...this.#written.values()].filter((batch) => !before.has(batch.batchId));
    const found = written.map((batch) => this.#batch(batch));
    for (const [i, batch] of wanted.entries()) {
      const mine = found[i];
      if (!mine) return `step ${step}: batch ${batch.batchId} is missing${wholeBatch("-", batch)}`;
      const difference = differenceOf(mine, batch, this.#golden.ordered === true, written[i]?.schema);
      if (difference) return `step ${step}, batch ${batch.batchId}: ${difference}`;
    }
    const extra = found[wanted.length];
    return extra ? `step ${step}: Spark has no batch ${extra.batchId}${wholeBatch("+", extra)}` : undefined;
  }

  #batch(batch: SinkBatch): GoldenBatch {
    const progress = this.#query?.recentProgress.findLast((one) => one.batchId === batch.batchId);
    return {
      batchId: batch.batchId,
      watermark: progress?.eventTime.watermark ?? null,
      numInputRows: progress?.numInputRows ?? -1,
      rows: batch.rows.map((row) => recordedRow(row, batch.schema)),
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
