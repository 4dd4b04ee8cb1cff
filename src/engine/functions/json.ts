import type { Emitted } from "../codegen/code.ts";
import { placeholder } from "../codegen/literal-text.ts";
import { structuralKey } from "../codegen/structural-key.ts";
import { AnalysisError, wrongArgumentCount } from "../columns/analysis-error.ts";
import type { DataType, StructType } from "../types/data-type.ts";
import { sqlTypeName } from "../types/type-text.ts";
import { givenOptions, parseMode } from "./csv/csv-options.ts";
import { rawText } from "./bytes/raw-text.ts";
import { emitScannedField, emitScannedRecord, type ScanFormat } from "./bytes/scan-code.ts";
import { MALFORMED, SCANNED } from "./bytes/scanned-record.ts";
import type { EmitContext, FunctionEntry, RawText, ResolvedCallNode } from "./function-entry.ts";
import { createByteScanner } from "./json/byte-scanner.ts";
import { JsonDrift } from "./json/drift.ts";
import { JsonParser, leniencyOf } from "./json/json-parser.ts";
import { jsonTypeOf } from "./json/json-inference.ts";
import { jsonArrayLength, jsonObjectKeys, jsonPath } from "./json/json-path.ts";
import { jsonStyle, jsonWriter } from "./json/json-writer.ts";
import { constantText, withOptionTexts } from "./option-texts.ts";
import { implicitCast, INT, scalar, STRING, unexpectedType } from "./scalar.ts";

/** from_json, to_json, get_json_object. */
export const json: readonly FunctionEntry[] = [
  {
    name: "from_json",
    doc: "Reads JSON text by a schema: what is not of its type is null, broken text gives nulls (PERMISSIVE). The option driftReport counts new, missing and changed fields.",
    resolve(args, options, settings) {
      const [text] = args;
      if (!text || args.length !== 1) throw wrongArgumentCount("from_json", "1", args.length);
      if (!options.schema) {
        throw new AnalysisError("INVALID_SCHEMA.NON_STRING_LITERAL", {
          failed: "from_json needs a schema",
          found: "none was given",
          remedy: 'Give a schema, or its DDL such as "device string, value double".',
        });
      }
      checkSchema(options.schema, true);
      const mode = parseMode(givenOptions(options.options ?? {}).get("mode"));
      if (mode === "DROPMALFORMED") {
        throw new AnalysisError("PARSE_MODE_UNSUPPORTED", {
          failed: `The function \`from_json\` doesn't support the ${mode} mode`,
          found: `mode ${mode}`,
          remedy: "Acceptable modes are PERMISSIVE and FAILFAST.",
        });
      }
      if (text.dataType.type !== "string" && text.dataType.type !== "null") throw unexpectedType("from_json", text, '"STRING"');
      return { args: [implicitCast(text, STRING, "from_json", settings)], dataType: nullableType(options.schema), nullable: true };
    },
    emit: (call, context) => {
      const raw = call.dataType.type === "struct" && call.dataType.fields.length > 0 ? rawText(call.args[0], context) : undefined;
      if (raw && call.dataType.type === "struct") return emitScannedRecord(call, context, scanFormat(call, call.dataType, raw, context));
      const record = parsedRecord(call, context);
      return { value: record, isNull: `${record} === null` };
    },
    emitField(call, ordinal, context) {
      const schema = call.dataType;
      if (schema.type !== "struct") return undefined;
      const raw = rawText(call.args[0], context);
      return raw
        ? emitScannedField(call, ordinal, context, scanFormat(call, schema, raw, context))
        : parsedField(call, schema, ordinal, context);
    },
  },
  withOptionTexts(
    scalar({
      name: "to_json",
      doc: "A struct, array or map as JSON text; fields that are null are left out. Options: ignoreNullFields, pretty, timestampFormat, dateFormat, timeZone.",
      params: [
        (arg) => {
          checkSchema(arg.dataType, false);
          return arg;
        },
      ],
      result: STRING,
      make: (call) => {
        const write = jsonWriter(call.args[0]?.dataType ?? STRING, jsonStyle(call.options.options ?? {}));
        return (value: unknown) => write(value);
      },
    }),
    1,
  ),
  withOptionTexts(
    scalar({
      name: "schema_of_json",
      doc: "The schema of a JSON text that is written in the query, as DDL.",
      params: [constantText("schema_of_json")],
      result: STRING,
      make: (call) => {
        const options = call.options.options ?? {};
        return (text: string) => sqlTypeName(jsonTypeOf(text, options));
      },
    }),
    1,
  ),
  scalar({
    name: "get_json_object",
    doc: "The part of a JSON text under a path such as $.a[0].b, as text; null if there is none.",
    params: [STRING, STRING],
    result: STRING,
    run: jsonPath,
    partial: true,
  }),
  scalar({
    name: "json_array_length",
    doc: "How many elements the outermost array of a JSON text has; null if it is none.",
    params: [STRING],
    result: INT,
    run: jsonArrayLength,
    partial: true,
  }),
  scalar({
    name: "json_object_keys",
    doc: "The names of the outermost object of a JSON text; null if it is none.",
    params: [STRING],
    result: { type: "array", element: STRING },
    run: jsonObjectKeys,
    partial: true,
  }),
];

function checkSchema(type: DataType, read: boolean): void {
  if (!["struct", "array", "map", ...(read ? [] : ["null"])].includes(type.type)) {
    throw new AnalysisError("DATATYPE_MISMATCH.INVALID_JSON_SCHEMA", {
      failed: `Input schema "${sqlTypeName(type)}" must be a struct, an array, a map or a variant`,
      found: "a plain type",
      remedy: 'Give a schema, or its DDL such as "device string, value double".',
    });
  }
  if (!read || !hasOtherKeys(type)) return;
  throw new AnalysisError("DATATYPE_MISMATCH.INVALID_JSON_MAP_KEY_TYPE", {
    failed: `Input schema "${sqlTypeName(type)}" can only contain STRING as a key type for a MAP`,
    found: "a map with other keys",
    remedy: "Read the map with keys of type string, and cast them.",
  });
}

function hasOtherKeys(type: DataType): boolean {
  if (type.type === "map") return type.key.type !== "string" || hasOtherKeys(type.value);
  if (type.type === "array") return hasOtherKeys(type.element);
  return type.type === "struct" && type.fields.some((one) => hasOtherKeys(one.dataType));
}

/** from_json may leave anything null, whatever the schema says. */
function nullableType(type: DataType): DataType {
  if (type.type === "struct") {
    return { type: "struct", fields: type.fields.map((one) => ({ name: one.name, dataType: nullableType(one.dataType), nullable: true })) };
  }
  if (type.type === "array") return { type: "array", element: nullableType(type.element) };
  if (type.type === "map") return { type: "map", key: type.key, value: nullableType(type.value) };
  return type;
}

/** Why a record is a dead letter whose text is null, empty or JSON's null: from_json makes a null of it and calls nothing malformed. */
const NO_VALUE = "no value";

/** How records of this call are scanned. */
function scanFormat(call: ResolvedCallNode, schema: StructType, raw: RawText, context: EmitContext): ScanFormat {
  const { writer, malformed } = context;
  return {
    title: "JSON",
    schema,
    raw,
    make: (needed, fields) => {
      const parser = new JsonParser(schema, call.options.options ?? {});
      const validated = malformed !== undefined || parser.corruptOrdinal >= 0 || parser.failFast;
      return createByteScanner(schema, needed, validated, parser, fields);
    },
    before: () => {
      const drift = driftOf(call, context);
      if (drift !== undefined) writer.line(`${drift}.bytes(${raw.buffer}, ${raw.start}, ${raw.end});`);
    },
    after: (status, holder) => {
      const reason = `${status} === ${MALFORMED} ? ${holder}.reason : "${NO_VALUE}"`;
      if (malformed) writer.block(`if (${status} !== ${SCANNED})`, () => malformed(reason));
    },
  };
}

/** The record as the engine's value, null for a null; also the place where malformed text is noticed. */
function parsedRecord(call: ResolvedCallNode, context: EmitContext): string {
  const { writer } = context;
  const key = `parse ${structuralKey(call)}`;
  return context.once(key, () => {
    const [arg] = call.args;
    if (!arg) throw wrongArgumentCount("from_json", "1", 0);
    const text = context.emit(arg);
    const parser = writer.constant("parser", parserOf(call, context));
    const parse = `${parser}.parse(${text.value})`;
    const drift = driftOf(call, context);
    if (drift !== undefined && text.isNull !== "true") writer.line(`${drift}.text(${text.isNull} ? null : ${text.value});`);
    const record = writer.assign(
      "record",
      text.isNull === "false" ? parse : text.isNull === "true" ? "null" : `${text.isNull} ? null : ${parse}`,
    );
    const malformed = context.malformed;
    if (malformed) {
      const reason = text.isNull === "false" ? `${parser}.reason` : `(${text.isNull} ? null : ${parser}.reason)`;
      writer.block(`if (${record} === null || ${reason} !== null)`, () => malformed(`${reason} ?? "${NO_VALUE}"`));
    }
    return { value: record, isNull: "false" };
  }).value;
}

/**
 * The name of what compares the records with the schema, where the option driftReport asks for it and the query keeps such a log. Only where the record
 * is first read: a second place, in another branch, would count it twice.
 */
function driftOf(call: ResolvedCallNode, context: EmitContext): string | undefined {
  const options = call.options.options ?? {};
  const { drift } = context.settings;
  const key = `drift ${structuralKey(call)}`;
  if (!drift || !asksForDrift(options) || context.shared.has(key)) return undefined;
  context.shared.set(key, true);
  return context.writer.constant("drift", new JsonDrift(call.dataType, leniencyOf(options), parserOf(call, context).corruptOrdinal, drift));
}

function asksForDrift(options: Readonly<Record<string, string>>): boolean {
  return Object.entries(options).some(([name, value]) => name.toLowerCase() === "driftreport" && value.toLowerCase() === "true");
}

function parserOf(call: ResolvedCallNode, context: EmitContext): JsonParser {
  const key = `parser ${structuralKey(call)}`;
  const known = context.shared.get(key) as JsonParser | undefined;
  const parser = known ?? new JsonParser(call.dataType, call.options.options ?? {});
  context.shared.set(key, parser);
  return parser;
}

function parsedField(call: ResolvedCallNode, schema: StructType, ordinal: number, context: EmitContext): Emitted {
  const record = parsedRecord(call, context);
  const { writer } = context;
  const raw = writer.assign("f", `${record} === null ? null : ${record}[${ordinal}]`);
  const isNull = writer.assign("n", `${raw} === null`);
  const type = schema.fields[ordinal]?.dataType ?? STRING;
  return { value: `(${isNull} ? ${placeholder(type)} : ${raw})`, isNull };
}
