import type { DataType, StructType } from "../../types/data-type.ts";
import { sqlTypeName } from "../../types/type-text.ts";
import type { JsonLeniency, JsonToken } from "./json-text.ts";
import { JsonSyntaxError, JsonText } from "./json-text.ts";

/** One way in which records differ from the schema they are read by, and how many do. */
export type DriftEntry = {
  readonly kind: "new" | "missing" | "type";
  /** The field's path: `value`, `place.room`, `tags[].name`. */
  readonly field: string;
  /** Of `type`: the type of the schema and the kind of value that came instead. */
  readonly expected?: string;
  readonly found?: string;
  readonly count: number;
};

/** How the records of a run differ from their schemas: plain data. */
export type DriftReport = {
  /** How many records have been compared: those that are JSON, of every from_json that asks for it. */
  readonly records: number;
  readonly entries: readonly DriftEntry[];
  readonly text: string;
};

/** How many different findings are kept apart: names come from the data, and may be without end. */
const MOST_ENTRIES = 100;
const OTHERS = "(others)";
const LONGEST_NAME = 80;

type Finding = Omit<DriftEntry, "count">;

/** Counts findings, for one batch and for the whole run. */
export class DriftLog {
  readonly #findings = new Map<string, Finding>();
  readonly #run = new Map<string, number>();
  readonly #batch = new Map<string, number>();
  #runRecords = 0;
  #batchRecords = 0;
  #asked = false;

  /** Some from_json wants its records compared. */
  ask(): void {
    this.#asked = true;
  }

  /** A batch begins. */
  begin(): void {
    this.#batch.clear();
    this.#batchRecords = 0;
  }

  /** Takes in what one record has shown. */
  add(findings: readonly Finding[]): void {
    this.#runRecords++;
    this.#batchRecords++;
    for (const finding of findings) {
      const key = this.#key(finding);
      this.#run.set(key, (this.#run.get(key) ?? 0) + 1);
      this.#batch.set(key, (this.#batch.get(key) ?? 0) + 1);
    }
  }

  #key(finding: Finding): string {
    const key = keyOf(finding);
    if (this.#findings.has(key)) return key;
    if (this.#findings.size < MOST_ENTRIES) {
      this.#findings.set(key, finding);
      return key;
    }
    const others: Finding = { kind: finding.kind, field: OTHERS };
    this.#findings.set(keyOf(others), others);
    return keyOf(others);
  }

  /** Of the batch, for the progress of a source: `drift.records`, and a count by finding; nothing where nothing asked. */
  metrics(): Record<string, string> {
    if (!this.#asked) return {};
    const metrics: Record<string, string> = { "drift.records": String(this.#batchRecords) };
    for (const [key, count] of this.#batch) metrics[`drift.${key}`] = String(count);
    return metrics;
  }

  report(): DriftReport {
    const entries = [...this.#run].map(([key, count]): DriftEntry => ({
      ...(this.#findings.get(key) ?? { kind: "new", field: key }),
      count,
    }));
    entries.sort((a, b) => b.count - a.count || a.kind.localeCompare(b.kind) || a.field.localeCompare(b.field));
    return { records: this.#runRecords, entries, text: this.#text(entries) };
  }

  #text(entries: readonly DriftEntry[]): string {
    if (!this.#asked) return 'No record has been compared with its schema: give from_json the option driftReport: "true".';
    if (entries.length === 0) return `All ${this.#runRecords} records are as their schema says.`;
    const lines = entries.map(({ kind, field, expected, found, count }) => {
      const what = { new: "is new", missing: "is missing", type: `should be ${expected}, but is a ${found}` }[kind];
      return `  ${field} ${what}: ${count}`;
    });
    return [`Of ${this.#runRecords} records:`, ...lines].join("\n");
  }
}

function keyOf({ kind, field, expected, found }: Finding): string {
  return kind === "type" && expected !== undefined ? `type.${field}: ${expected}, found ${found}` : `${kind}.${field}`;
}

type Check = () => void;

const FOUND: Readonly<Record<JsonToken, string>> = {
  object: "object",
  array: "array",
  string: "string",
  whole: "number",
  fraction: "fraction",
  true: "boolean",
  false: "boolean",
  null: "null",
};

const TAKEN: Readonly<Record<string, readonly JsonToken[]>> = {
  string: ["string"],
  boolean: ["true", "false"],
  tinyint: ["whole"],
  smallint: ["whole"],
  int: ["whole"],
  bigint: ["whole"],
  float: ["whole", "fraction"],
  double: ["whole", "fraction"],
  decimal: ["whole", "fraction", "string"],
  timestamp: ["string", "whole"],
  date: ["string"],
  binary: ["string"],
};

const NOT_FINITE = /^(?:NaN|[+-]?(?:Infinity|INF))$/;

/**
 * Compares JSON records with a schema, by names and by kinds of values: fields that the schema does not have, fields of it that are absent (null is not
 * absent), values of another kind. What is no JSON, or no object, is no drift but a malformed record.
 */
export class JsonDrift {
  readonly #log: DriftLog;
  readonly #cursor: JsonText;
  readonly #check: Check;
  readonly #root: JsonToken;
  #findings: Finding[] = [];

  constructor(schema: DataType, leniency: JsonLeniency, corruptOrdinal: number, log: DriftLog) {
    this.#log = log;
    this.#cursor = new JsonText(leniency);
    this.#root = schema.type === "array" ? "array" : "object";
    this.#check = schema.type === "struct" ? this.#struct(schema, "", corruptOrdinal) : this.#checkOf(schema, "");
    log.ask();
  }

  /** A record that lies in [start, end) of a buffer; start < 0 is a null. */
  bytes(buffer: Buffer, start: number, end: number): void {
    if (start >= 0) this.text(buffer.toString("utf8", start, end));
  }

  text(text: string | null): void {
    if (text === null) return;
    this.#findings = [];
    this.#cursor.open(text);
    try {
      if (Number.isNaN(this.#cursor.peek()) || this.#cursor.token() !== this.#root) return;
      this.#check();
    } catch (thrown) {
      if (thrown instanceof JsonSyntaxError) return;
      throw thrown;
    }
    this.#log.add(this.#findings);
  }

  #checkOf(type: DataType, path: string): Check {
    if (type.type === "struct") return this.#composite("object", type, path, this.#struct(type, `${path}.`, -1));
    if (type.type === "array") {
      const element = this.#checkOf(type.element, `${path}[]`);
      return this.#composite("array", type, path, () => this.#cursor.array(element));
    }
    if (type.type === "map") {
      const value = this.#checkOf(type.value, `${path}{}`);
      return this.#composite("object", type, path, () => this.#cursor.object(value));
    }
    const taken = TAKEN[type.type];
    const textually = type.type === "float" || type.type === "double";
    return () => {
      const token = this.#cursor.token();
      if (token === "string" && textually) {
        if (!NOT_FINITE.test(this.#cursor.string())) this.#other(type, path, token);
        return;
      }
      if (token !== "null" && taken !== undefined && !taken.includes(token)) this.#other(type, path, token);
      this.#cursor.skip();
    };
  }

  #composite(expected: JsonToken, type: DataType, path: string, check: Check): Check {
    return () => {
      const token = this.#cursor.token();
      if (token === expected) return check();
      if (token !== "null") this.#other(type, path, token);
      this.#cursor.skip();
    };
  }

  #struct(type: StructType, path: string, without: number): Check {
    const fields = new Map<string, { readonly ordinal: number; readonly check: Check }>();
    type.fields.forEach((one, ordinal) => {
      if (ordinal !== without) fields.set(one.name, { ordinal, check: this.#checkOf(one.dataType, `${path}${one.name}`) });
    });
    const seen = new Uint8Array(type.fields.length);
    return () => {
      seen.fill(0);
      this.#cursor.object((name) => {
        const field = fields.get(name);
        if (field === undefined) {
          this.#findings.push({ kind: "new", field: `${path}${name.slice(0, LONGEST_NAME)}` });
          return this.#cursor.skip();
        }
        seen[field.ordinal] = 1;
        field.check();
      });
      for (const [name, { ordinal }] of fields) if (seen[ordinal] === 0) this.#findings.push({ kind: "missing", field: `${path}${name}` });
    };
  }

  #other(type: DataType, path: string, token: JsonToken): void {
    this.#findings.push({ kind: "type", field: path, expected: sqlTypeName(type), found: FOUND[token] });
  }
}
