import type { Clock } from "../../base/clock.ts";
import { StreamlabError } from "../../base/errors.ts";
import type { StructType } from "../types/data-type.ts";
import { parseTypeOrSchema } from "../types/ddl.ts";
import type { Long, Schema, Timestamp } from "../types/schema-builder.ts";
import { DataFrame } from "./data-frame.ts";
import type { AnyRow } from "./data-frame.ts";
import type { SessionInternals } from "./session.ts";

/** The columns of Kafka's source. */
export type KafkaRow = {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly topic: string;
  readonly partition: number;
  readonly offset: Long;
  readonly timestamp: Timestamp;
  readonly timestampType: number;
};

/** The row types of formats whose columns are known by the format's name. */
export interface FormatRows {
  kafka: KafkaRow;
  rate: { readonly timestamp: Timestamp; readonly value: Long };
}

/** `session.readStream` and `session.read`: a format, its options, then `load`. */
export class DataReader<R = AnyRow> {
  readonly #session: SessionInternals;
  readonly #clock: Clock;
  readonly #streaming: boolean;
  #format = "";
  #options: Record<string, string> = {};
  #schema: StructType | undefined;

  constructor(session: SessionInternals, clock: Clock, streaming: boolean) {
    this.#session = session;
    this.#clock = clock;
    this.#streaming = streaming;
  }

  format<F extends keyof FormatRows>(name: F): DataReader<FormatRows[F]>;
  format(name: string): this;
  format(name: string): unknown {
    this.#format = name;
    return this;
  }

  option(name: string, value: string | number | boolean): this {
    this.#options[name] = String(value);
    return this;
  }

  options(values: Readonly<Record<string, string | number | boolean>>): this {
    for (const [name, value] of Object.entries(values)) this.option(name, value);
    return this;
  }

  /** The columns, for formats that do not know them: a schema, or Spark's DDL. */
  schema<S>(schema: Schema<S>): DataReader<S>;
  schema(ddl: string): this;
  schema(schema: StructType | string): unknown {
    const type = typeof schema === "string" ? parseTypeOrSchema(schema) : schema;
    if (type.type !== "struct")
      throw new StreamlabError("INVALID_SCHEMA", {
        failed: "Cannot use this schema",
        found: String(schema),
        remedy: 'Write columns and types: "device string, value double".',
      });
    this.#schema = { type: "struct", fields: type.fields };
    return this;
  }

  json(path: string): DataFrame<R> {
    return this.format("json").load(path);
  }

  csv(path: string): DataFrame<R> {
    return this.format("csv").load(path);
  }

  text(path: string): DataFrame<R> {
    return this.format("text").load(path);
  }

  /** The frame; `path` stands for the option of that name, for formats of files. */
  load(path?: string): DataFrame<R> {
    if (path !== undefined) this.option("path", path);
    const format = this.#session.formatOf(this.#format);
    const context = {
      options: { ...this.#options },
      clock: this.#clock,
      streaming: this.#streaming,
      ...(this.#schema && { schema: this.#schema }),
    };
    const schema = format.sourceSchema?.(context) ?? this.#schema;
    if (!schema || !format.openSource) {
      throw new StreamlabError("CANNOT_READ_FORMAT", {
        failed: `Cannot read the format ${this.#format}`,
        found: format.openSource ? "no schema" : "it can only be written",
        remedy: format.openSource ? "Give the columns with schema(…)." : "Choose another format.",
      });
    }
    return new DataFrame<R>(this.#session, {
      op: "source",
      format: this.#format,
      options: context.options,
      schema,
      streaming: this.#streaming,
    });
  }
}
