import { randomUUID } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import { systemClock } from "../../base/clock.ts";
import { parseDurationMs } from "../../base/duration.ts";
import { StreamlabError } from "../../base/errors.ts";
import { fileFormats } from "../file-formats.ts";
import type { Format } from "../formats.ts";
import { analyze } from "../plan/analyze.ts";
import type { Plan } from "../plan/plan.ts";
import type { AnalysisContext } from "../plan/scope.ts";
import type { QueryDefinition } from "../query/streaming-query.ts";
import { StreamingQuery } from "../query/streaming-query.ts";
import type { StreamingQueryListener } from "../query/listener.ts";
import type { Wait } from "../query/wait.ts";
import type { QuerySettings } from "../query/query-runtime.ts";
import { confOf, defaultSettings, settingsOf } from "../query/query-runtime.ts";
import type { MemoryTable } from "../sinks/builtin.ts";
import type { UserFunctions } from "../functions/user-function.ts";
import { createUserFunctions } from "../functions/user-function.ts";
import { consoleFormat, noopFormat } from "../sinks/builtin.ts";
import { MemoryInput, tableSource } from "../sources/memory.ts";
import { rateFormat, rateMicroBatchFormat } from "../sources/rate.ts";
import { socketFormat } from "../sources/socket.ts";
import { sqlPlan } from "../sql/sql-plan.ts";
import type { Row, StructType } from "../types/data-type.ts";
import type { RowInput } from "../types/json-value.ts";
import { rowFromJson } from "../types/json-value.ts";
import type { Schema } from "../types/schema-builder.ts";
import { DataFrame } from "./data-frame.ts";
import type { Observation } from "./observation.ts";
import { DataReader } from "./reader.ts";
import { checkSessionZone, SESSION_ZONE } from "./session-zone.ts";
import { Terminations } from "./terminations.ts";

/** What a session is made of. */
export interface SessionOptions {
  /** Sources and sinks by name, besides rate, rate-micro-batch, socket, json, csv, text, memory, console and noop. */
  readonly formats?: readonly Format[];
  readonly clock?: Clock;
  /** Settings by Spark's names, such as `spark.sql.ansi.enabled`. */
  readonly conf?: Readonly<Record<string, string>>;
}

/** The queries of a session. */
export interface StreamingQueryManager {
  /** The queries that run now. */
  readonly active: readonly StreamingQuery[];
  get(id: string): StreamingQuery | undefined;
  addListener(listener: StreamingQueryListener): void;
  removeListener(listener: StreamingQueryListener): void;
  /**
   * Waits until any query of the session ends, or has ended since the session began or `resetTerminated` was called: true, rejecting with the error of
   * one that failed; false after the time given. An aborted signal rejects.
   */
  awaitAnyTermination(wait?: Wait): Promise<boolean>;
  /** Forgets the queries that have ended, so that `awaitAnyTermination` waits for the next. */
  resetTerminated(): void;
  /** Ends all of them. */
  stopAll(): Promise<void>;
}

/** The entry to everything: readers, settings, running queries. Owns the queries that were started through it until they end. */
export interface Session {
  readonly readStream: DataReader;
  readonly read: DataReader;
  readonly streams: StreamingQueryManager;
  /** The user's own functions of rows, by name: `session.udf.register("clean", (text: string | null) => text?.trim() ?? null, string())`. */
  readonly udf: UserFunctions;
  readonly clock: Clock;
  /** A stream that is fed by hand. */
  memoryStream<R>(schema: Schema<R>): MemoryStream<R>;
  /** A table of rows in JSON form (see RowInput). */
  createDataFrame<R>(rows: readonly RowInput[], schema: Schema<R>): DataFrame<R>;
  /** The rows that the memory sink of a query keeps, by the query's name. */
  table(name: string): MemoryTable | undefined;
  /** The frame of a temporary view (`createOrReplaceTempView`), or over the rows that a memory sink keeps at the time it is read. */
  view(name: string): DataFrame;
  /** Forgets a temporary view; false where there was none. */
  dropTempView(name: string): boolean;
  /** The frame of a query in Spark's SQL over views and memory sinks: the same plan as the frame's calls make, for streams too. Errors name the place in the text. */
  sql(text: string): DataFrame;
  /** A setting by Spark's name, for queries that start from now on. */
  setConf(name: string, value: string): void;
  getConf(name: string): string | undefined;
  /** For what extends the engine: how plans are understood, and how a query is started. */
  readonly internals: SessionInternals;
}

/** Spark's MemoryStream. */
export interface MemoryStream<R> {
  /** Adds rows in JSON form, all at once: one step of the stream. */
  addData(rows: readonly RowInput[]): void;
  /** Adds rows in the engine's representation. */
  addRows(rows: readonly Row[]): void;
  toDF(): DataFrame<R>;
  readonly input: MemoryInput;
}

/** What data frames and writers need of their session. */
export interface SessionInternals {
  readonly clock: Clock;
  readonly context: AnalysisContext;
  readonly settings: QuerySettings;
  readonly tables: Map<string, MemoryTable>;
  /** Temporary views by lower-case name. */
  readonly views: Map<string, Plan>;
  /** Who waits for the metrics of a query without streams, by name. */
  readonly observations: Map<string, Observation>;
  formatOf(name: string): Format;
  start(definition: Omit<QueryDefinition, "clock" | "settings" | "idleEventMs" | "formatOf" | "listeners">): Promise<StreamingQuery>;
}

/** Makes a session. It holds no global state: two sessions know nothing of each other. */
export function createSession(options: SessionOptions = {}): Session {
  const clock = options.clock ?? systemClock;
  const inputs = new Map<string, MemoryInput>();
  const tables = new Map<string, MemoryTable>();
  const formats = new Map(
    [
      rateFormat,
      rateMicroBatchFormat,
      socketFormat,
      consoleFormat,
      noopFormat,
      memoryFormat(inputs, tables),
      ...fileFormats,
      ...(options.formats ?? []),
    ].map((format) => [format.name, format]),
  );
  const active = new Set<StreamingQuery>();
  /** Names of queries that are about to run. */
  const starting = new Set<string>();
  const terminations = new Terminations(clock);
  const listeners = new Set<StreamingQueryListener>();
  const views = new Map<string, Plan>();
  const udf = createUserFunctions();
  checkSessionZone(options.conf?.[SESSION_ZONE]);
  const conf = new Map(Object.entries({ ...confOf(defaultSettings), ...options.conf }));
  const settings = (): QuerySettings => settingsOf(Object.fromEntries(conf), defaultSettings);

  const formatOf = (name: string): Format => {
    const format = formats.get(name);
    if (format) return format;
    throw new StreamlabError("DATA_SOURCE_NOT_FOUND", {
      failed: `Failed to find the data source: ${name}`,
      found: `the formats of this session are ${[...formats.keys()].join(", ")}`,
      remedy: "Check the spelling, or make the session with this format.",
    });
  };
  const internals: SessionInternals = {
    clock,
    get context() {
      const byteScanners = conf.get(BYTE_SCANNERS)?.toLowerCase() !== "false";
      return { settings: { ansi: settings().ansi, ...(!byteScanners && { byteScanners }) }, functions: udf.functions };
    },
    get settings() {
      return settings();
    },
    tables,
    views,
    observations: new Map(),
    formatOf,
    start: async (definition) => {
      const { name } = definition;
      if (name !== undefined && (starting.has(name) || [...active].some((query) => query.name === name))) {
        throw new StreamlabError("QUERY_NAME_IN_USE", {
          failed: `Cannot start query with name ${name}`,
          found: "a query with that name is already active in this session",
          remedy: "Stop it first, or choose another name.",
        });
      }
      const ended: StreamingQueryListener = {
        onQueryTerminated: () => {
          active.delete(query);
          terminations.add(query);
        },
      };
      if (name !== undefined) starting.add(name);
      let query: StreamingQuery;
      try {
        query = await StreamingQuery.start({
          ...definition,
          clock,
          settings: { ...settings(), ansi: definition.context.settings.ansi },
          idleEventMs: idleEventMs(conf.get(IDLE_EVENTS)),
          formatOf,
          listeners: withEnd(listeners, ended),
        });
        if (query.isActive) active.add(query);
      } finally {
        if (name !== undefined) starting.delete(name);
      }
      return query;
    },
  };
  const viewPlan = (name: string): Plan | undefined => views.get(name.toLowerCase()) ?? tablePlan(name, tables);
  const catalog = {
    view: viewPlan,
    get names() {
      return [...views.keys(), ...tables.keys()];
    },
    columnsOf: (plan: Plan) => analyze(plan, internals.context).columns.map((column) => column.name),
  };
  const session: Session = {
    clock,
    internals,
    udf,
    get readStream() {
      return new DataReader(internals, clock, true);
    },
    get read() {
      return new DataReader(internals, clock, false);
    },
    streams: {
      get active() {
        return [...active];
      },
      get: (id) => [...active].find((query) => query.id === id || query.runId === id),
      addListener: (listener) => void listeners.add(listener),
      removeListener: (listener) => void listeners.delete(listener),
      awaitAnyTermination: (wait) => terminations.any(wait),
      resetTerminated: () => terminations.reset(),
      stopAll: async () => {
        await Promise.all([...active].map((query) => query.stop()));
      },
    },
    memoryStream: <R>(schema: Schema<R>): MemoryStream<R> => {
      const name = randomUUID();
      const input = new MemoryInput(name, schema);
      inputs.set(name, input);
      return {
        input,
        addRows: (rows) => input.add(rows),
        addData: (rows) => input.add(rows.map((row) => rowFromJson(row, schema))),
        toDF: () =>
          new DataFrame<R>(internals, {
            op: "source",
            format: "memory",
            options: { stream: name },
            schema: plainSchema(schema),
            streaming: true,
          }),
      };
    },
    createDataFrame: <R>(rows: readonly RowInput[], schema: Schema<R>) =>
      new DataFrame<R>(internals, { op: "local", schema: plainSchema(schema), rows: rows.map((row) => rowFromJson(row, schema)) }),
    table: (name) => tables.get(name),
    view: (name) => session.sql(`SELECT * FROM \`${name.replaceAll("`", "``")}\``),
    dropTempView: (name) => views.delete(name.toLowerCase()),
    sql: (text) => {
      const frame = new DataFrame(internals, sqlPlan(text, catalog));
      frame.analyzed();
      return frame;
    },
    setConf: (name, value) => {
      if (name === SESSION_ZONE) checkSessionZone(value);
      conf.set(name, value);
    },
    getConf: (name) => conf.get(name),
  };
  return session;
}

function plainSchema(schema: StructType): StructType {
  return { type: "struct", fields: schema.fields };
}

/** The listeners of the session, and the one by which it learns that its query has ended; later additions are heard too. */
function withEnd(listeners: ReadonlySet<StreamingQueryListener>, ended: StreamingQueryListener): ReadonlySet<StreamingQueryListener> {
  const all = new Set<StreamingQueryListener>([
    {
      onQueryStarted: (event) => listeners.forEach((listener) => listener.onQueryStarted?.(event)),
      onQueryProgress: (event) => listeners.forEach((listener) => listener.onQueryProgress?.(event)),
      onQueryIdle: (event) => listeners.forEach((listener) => listener.onQueryIdle?.(event)),
      onQueryTerminated: (event) => {
        ended.onQueryTerminated?.(event);
        listeners.forEach((listener) => listener.onQueryTerminated?.(event));
      },
    },
  ]);
  return all;
}

/** The plan over what a memory sink keeps; read anew by every query. */
function tablePlan(name: string, tables: ReadonlyMap<string, MemoryTable>): Plan | undefined {
  const found = [...tables.keys()].find((one) => one.toLowerCase() === name.toLowerCase());
  const table = found === undefined ? undefined : tables.get(found);
  if (!table || found === undefined) return undefined;
  return { op: "source", format: "memory", options: { table: found }, schema: table.schema, streaming: false };
}

function memoryFormat(inputs: ReadonlyMap<string, MemoryInput>, tables: ReadonlyMap<string, MemoryTable>): Format {
  return {
    name: "memory",
    openSource: ({ options }) => {
      const table = tables.get(options.table ?? "");
      if (table) return Promise.resolve(tableSource(table));
      const input = inputs.get(options.stream ?? "");
      if (!input)
        throw new StreamlabError("UNKNOWN_MEMORY_STREAM", {
          failed: "Cannot read a memory stream",
          found: "it is of another session",
          remedy: "Make it with session.memoryStream.",
        });
      return Promise.resolve(input.open());
    },
  };
}

/** False reads all records by the full rules, over strings: the answers are the same, only slower. True if it is not set. */
const BYTE_SCANNERS = "spark.sql.codegen.byteScanners";
const IDLE_EVENTS = "spark.sql.streaming.noDataProgressEventInterval";

/** Ten seconds, unless the setting says otherwise: milliseconds, or a duration ("5s"). */
function idleEventMs(written: string | undefined): number {
  if (written === undefined) return 10_000;
  return /^\s*\d+\s*$/.test(written) ? Number(written) : parseDurationMs(written);
}
