import { StreamlabError } from "../../src/base/errors.ts";
import { columnOf } from "../../src/engine/columns/column.ts";
import type { AnyColumn } from "../../src/engine/columns/column.ts";
import type { Expression } from "../../src/engine/columns/expression.ts";
import { createSession } from "../../src/engine/api/session.ts";
import { compile } from "../../src/engine/operators/compile.ts";
import { DeadLetterBatch } from "../../src/engine/operators/dead-letters.ts";
import { BatchRun } from "../../src/engine/operators/stage.ts";
import { analyze } from "../../src/engine/plan/analyze.ts";
import { optimize } from "../../src/engine/plan/optimize.ts";
import type { RecordBlock } from "../../src/engine/sources/source.ts";
import { StateFiles } from "../../src/engine/state/state-files.ts";
import type { StructType } from "../../src/engine/types/data-type.ts";

/** Columns over `value` of records, and the records that they are computed of. */
export type FuzzCase = {
  readonly columns: readonly Expression[];
  readonly where?: Expression;
  readonly ansi: boolean;
  /** Whether malformed records become dead letters. */
  readonly deadLetters: boolean;
  readonly records: readonly (Uint8Array | null)[];
};

const RECORDS: StructType = { type: "struct", fields: [{ name: "value", dataType: { type: "binary" }, nullable: true }] };
/** What lies around a record in its buffer: it must not be read as a part of it. */
const BEFORE = Buffer.from('{"a":7},"x",1 ');
const AFTER = Buffer.from('"},1.5,2026-01-02T03:04:05Z,"a":3}}]');

/** What first differs between the answers from the bytes and by the full rules; undefined where all are the same. */
export function differenceOf(fuzz: FuzzCase): string | undefined {
  const [fromBytes, fullRules] = [true, false].map((byteScanners) => reader(fuzz, byteScanners)) as [Reader, Reader];
  for (const [i, record] of fuzz.records.entries()) {
    const [mine, wanted] = [fromBytes(record), fullRules(record)];
    if (mine === wanted) continue;
    const text = record === null ? "null" : `${JSON.stringify(Buffer.from(record).toString())} (${Buffer.from(record).toString("hex")})`;
    return `record ${i}, ${text}\n  from bytes: ${mine}\n  full rules: ${wanted}`;
  }
  return undefined;
}

type Reader = (record: Uint8Array | null) => string;

function reader(fuzz: FuzzCase, byteScanners: boolean): Reader {
  try {
    return compiled(fuzz, byteScanners);
  } catch (thrown) {
    const text = failure(thrown);
    return () => text;
  }
}

/** The answer of a query to one record after another, in all its parts: rows, dead letters, counts, drift, or the error. */
function compiled(fuzz: FuzzCase, byteScanners: boolean): Reader {
  const session = createSession({
    conf: { "spark.sql.codegen.byteScanners": String(byteScanners), "spark.sql.ansi.enabled": String(fuzz.ansi) },
  });
  const source = session.memoryStream(RECORDS).toDF();
  const kept = fuzz.where ? source.where(columnOf(fuzz.where) as never) : source;
  const frame = kept.select(...fuzz.columns.map((one, i) => columnOf(one, `c${i}`) as unknown as AnyColumn));
  const { context } = session.internals;
  const run = new BatchRun();
  const plan = compile(optimize(analyze(frame.plan, context)), {
    mode: "append",
    settings: { ...context.settings, keepDeadLetters: fuzz.deadLetters, drift: run.drift },
    stateFiles: () => new StateFiles(""),
  });
  const leaf = plan.leaves[0];
  if (!leaf) throw new Error("the query reads nothing");
  return (record) => {
    const letters = new DeadLetterBatch(0);
    run.begin(0, letters);
    plan.begin(run, [], []);
    try {
      plan.process(leaf, blockOf(record));
      const rows = plan.finish().map(shown);
      const dead = letters.letters.map(({ reason, value }) => [reason, value && Buffer.from(value).toString("hex")]);
      return JSON.stringify([rows, dead, run.metrics()]);
    } catch (thrown) {
      return failure(thrown);
    }
  };
}

function failure(thrown: unknown): string {
  if (thrown instanceof StreamlabError) return `${thrown.code}: ${thrown.message}`;
  return `not an error of the engine: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`;
}

function blockOf(record: Uint8Array | null): RecordBlock {
  const start = record === null ? -1 : BEFORE.length;
  return {
    kind: "records",
    topic: "t",
    partition: 0,
    buffer: Buffer.concat([BEFORE, record ?? Buffer.alloc(0), AFTER]),
    count: 1,
    positions: Int32Array.of(-1, -1, start, record === null ? -1 : start + record.length),
    offsets: Float64Array.of(0),
    timestampsMs: Float64Array.of(0),
    timestampType: 0,
  };
}

/** A value as JSON that tells apart what the engine tells apart. */
function shown(value: unknown): unknown {
  if (typeof value === "number")
    return Object.is(value, -0) || !Number.isFinite(value) ? { number: Object.is(value, -0) ? "-0" : String(value) } : value;
  if (typeof value === "bigint") return { bigint: String(value) };
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("hex") };
  if (value instanceof Map) return { map: [...value].map(shown) };
  if (Array.isArray(value)) return value.map(shown);
  return value === undefined ? { undefined: true } : value;
}
