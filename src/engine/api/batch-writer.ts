import { StreamlabError } from "../../base/errors.ts";
import type { SaveMode } from "../formats.ts";
import type { DataFrame } from "./data-frame.ts";
import type { SessionInternals } from "./session.ts";

const MODES: Readonly<Record<string, SaveMode>> = {
  append: "append",
  overwrite: "overwrite",
  ignore: "ignore",
  error: "errorifexists",
  errorifexists: "errorifexists",
  default: "errorifexists",
};

/** `frame.write`: where the rows of a batch query go, and what becomes of what is there; `save` computes and writes them. */
export class DataFrameWriter {
  readonly #session: SessionInternals;
  readonly #frame: DataFrame;
  #format = "";
  #mode: SaveMode | undefined;
  #options: Record<string, string> = {};

  constructor(session: SessionInternals, frame: DataFrame) {
    this.#session = session;
    this.#frame = frame;
  }

  /** json, csv, text, console, noop, or a format of the session. */
  format(name: string): this {
    this.#format = name;
    return this;
  }

  /** append, overwrite, ignore or errorifexists. Files without a mode are errorifexists; sinks such as Kafka only append. */
  mode(name: string): this {
    const mode = MODES[name.toLowerCase()];
    if (!mode)
      throw new StreamlabError("INVALID_SAVE_MODE", {
        failed: `The specified save mode "${name}" is invalid`,
        found: name,
        remedy: 'Valid save modes include "append", "overwrite", "ignore", "error", "errorifexists", and "default".',
      });
    this.#mode = mode;
    return this;
  }

  option(name: string, value: string | number | boolean): this {
    this.#options[name] = String(value);
    return this;
  }

  options(values: Readonly<Record<string, string | number | boolean | readonly string[]>>): this {
    for (const [name, value] of Object.entries(values)) this.#options[name] = Array.isArray(value) ? value.join(",") : String(value);
    return this;
  }

  json(path: string): Promise<void> {
    return this.format("json").save(path);
  }

  csv(path: string): Promise<void> {
    return this.format("csv").save(path);
  }

  text(path: string): Promise<void> {
    return this.format("text").save(path);
  }

  /** Computes the rows and writes them; `path` stands for the option of that name. @throws StreamlabError, and the errors of the query and of the format */
  async save(path?: string): Promise<void> {
    if (path !== undefined) this.option("path", path);
    const format = this.#session.formatOf(this.#format);
    if (!format.save && !format.openSink) throw cannotWrite(this.#format, "it can only be read", "Choose another format.");
    if (!format.save && this.#mode !== undefined && this.#mode !== "append")
      throw cannotWrite(this.#format, `mode "${this.#mode}"`, 'Rows are only added to it: mode("append").');
    const rows = await this.#frame.collectRows();
    const batch = { batchId: 0, schema: this.#frame.schema, rows, outputMode: "append" } as const;
    const context = { options: this.#options, clock: this.#session.clock };
    if (format.save) {
      await format.save({ ...context, mode: this.#mode ?? "errorifexists", batch });
      return;
    }
    const sink = await format.openSink?.({ ...context, outputMode: "append" });
    if (!sink) return;
    try {
      await sink.write(batch, new AbortController().signal);
    } finally {
      await sink.close();
    }
  }
}

function cannotWrite(format: string, found: string, remedy: string): StreamlabError {
  return new StreamlabError("CANNOT_WRITE_FORMAT", { failed: `Cannot write the format ${format}`, found, remedy });
}
