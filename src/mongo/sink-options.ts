import type { Options } from "../engine/plan/plan.ts";
import { MongoError } from "./mongo-error.ts";

/** How `.format("mongodb")` is to write. Names of options are read without regard to case, as Spark does. */
export type MongoSinkOptions = {
  readonly uri: string;
  readonly database: string;
  readonly collection: string;
  /** `idFields`: columns (dotted into structs) whose values make `_id`; comma text or a JSON array. Empty only in append mode. */
  readonly idFields: readonly string[];
  /** `idSeparator`, "|" when not given. */
  readonly idSeparator: string;
  /** `writeMode`: upsert (the default) replaces the document of the same `_id`; append only inserts. */
  readonly writeMode: "upsert" | "append";
  /** `writeConcern`: "majority" or a number; the server's default when not given. */
  readonly writeConcern: string | number | undefined;
  /** `journal`: "true" asks for the write to be on the disk before it is acknowledged. */
  readonly journal: boolean;
  /** `latencyColumn`: the column (dotted into structs) with the event's time, for metrics. */
  readonly latencyColumn: string | undefined;
  /** `bulkSize`: documents in one request, 1 000 when not given. */
  readonly bulkSize: number;
};

const NAMES = [
  "uri",
  "database",
  "collection",
  "idFields",
  "idSeparator",
  "writeMode",
  "writeConcern",
  "journal",
  "latencyColumn",
  "bulkSize",
];
/** Options that the engine itself reads and passes on. */
const ENGINE_NAMES = ["checkpointLocation", "path", "queryName"];

/** Reads and checks the options. @throws MongoError MONGO_OPTION */
export function parseSinkOptions(options: Options): MongoSinkOptions {
  const given = new Map(Object.entries(options).map(([name, value]) => [name.toLowerCase(), value]));
  const known = new Set([...NAMES, ...ENGINE_NAMES].map((name) => name.toLowerCase()));
  for (const name of Object.keys(options))
    if (!known.has(name.toLowerCase())) throw wrong(`an unknown option "${name}"`, `It knows ${NAMES.join(", ")}.`);
  const read = (name: string): string | undefined => given.get(name.toLowerCase());
  const needed = (name: string): string => {
    const value = read(name);
    if (value === undefined || value === "") throw wrong(`no option "${name}"`, `Set it with .option("${name}", …).`);
    return value;
  };
  const writeMode = read("writeMode") ?? "upsert";
  if (writeMode !== "upsert" && writeMode !== "append") throw wrong(`writeMode "${writeMode}"`, 'Use "upsert" or "append".');
  const idFields = parseIdFields(read("idFields"));
  if (writeMode === "upsert" && idFields.length === 0)
    throw wrong(
      "no idFields",
      "Name the columns that make a result unique, such as window.start,sensor_type,location: upserts need a deterministic _id.",
    );
  const bulkSize = Number(read("bulkSize") ?? 1000);
  if (!Number.isInteger(bulkSize) || bulkSize < 1 || bulkSize > 100_000)
    throw wrong(`bulkSize "${read("bulkSize")}"`, "Use a whole number from 1 to 100000.");
  const concern = read("writeConcern");
  return {
    uri: needed("uri"),
    database: needed("database"),
    collection: needed("collection"),
    idFields,
    idSeparator: read("idSeparator") ?? "|",
    writeMode,
    writeConcern: concern === undefined ? undefined : /^\d+$/.test(concern) ? Number(concern) : concern,
    journal: read("journal")?.toLowerCase() === "true",
    latencyColumn: read("latencyColumn"),
    bulkSize,
  };
}

function parseIdFields(text: string | undefined): readonly string[] {
  if (text === undefined || text.trim() === "") return [];
  if (!text.trim().startsWith("["))
    return text
      .split(",")
      .map((field) => field.trim())
      .filter((field) => field !== "");
  try {
    const fields = JSON.parse(text) as unknown;
    if (Array.isArray(fields) && fields.every((field) => typeof field === "string")) return fields as string[];
  } catch {
    throw wrong(`idFields ${text}`, 'Write comma text (a,b) or a JSON array (["a","b"]).');
  }
  throw wrong(`idFields ${text}`, 'Write comma text (a,b) or a JSON array (["a","b"]).');
}

export function wrong(found: string, remedy: string): MongoError {
  return new MongoError("MONGO_OPTION", { failed: "Cannot write to MongoDB as asked", found, remedy });
}
