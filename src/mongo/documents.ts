import { Binary, Decimal128, Double, Int32, Long, type Document } from "mongodb";
import type { DataType, Row, StructType } from "../engine/types/data-type.ts";
import { wrong } from "./sink-options.ts";

const MS_PER_DAY = 86_400_000;

/**
 * A value as MongoDB holds it: timestamp → Date (cut to milliseconds), date → Date at midnight UTC, bigint → number or Long when unsafe,
 * decimal → Decimal128, double and float → Double, binary → Binary, struct and map → sub-document, null → null.
 */
export function toBson(value: unknown, type: DataType): unknown {
  return converter(type)(value);
}

type Convert = (value: unknown) => unknown;

function converter(type: DataType): Convert {
  const convert = present(type);
  return (value) => (value === null || value === undefined ? null : convert(value));
}

function present(type: DataType): Convert {
  switch (type.type) {
    case "timestamp":
      return (value) => new Date(Math.floor((value as number) / 1000));
    case "date":
      return (value) => new Date((value as number) * MS_PER_DAY);
    case "bigint":
      return (value) => (typeof value === "bigint" ? Long.fromBigInt(value) : whole(value as number));
    case "interval":
      return (value) => whole(value as number);
    case "tinyint":
    case "smallint":
    case "int":
      return (value) => new Int32(value as number);
    case "float":
    case "double":
      return (value) => new Double(value as number);
    case "decimal":
      return (value) => Decimal128.fromString(decimalText(value as bigint, type.scale));
    case "binary":
      return (value) => new Binary(value as Uint8Array);
    case "array": {
      const element = converter(type.element);
      return (value) => (value as unknown[]).map(element);
    }
    case "map": {
      const inner = converter(type.value);
      return (value) => Object.fromEntries([...(value as Map<unknown, unknown>)].map(([key, held]) => [String(key), inner(held)]));
    }
    case "struct":
      return structConverter(type);
    default:
      return (value) => value;
  }
}

/** 32 bits where they do, else a double while it is exact (the driver's own rule for JavaScript numbers). */
function whole(value: number): unknown {
  return Math.abs(value) < 2 ** 31 ? value : Long.fromNumber(value);
}

function decimalText(unscaled: bigint, scale: number): string {
  const negative = unscaled < 0n;
  const digits = String(negative ? -unscaled : unscaled).padStart(scale + 1, "0");
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  return negative ? `-${text}` : text;
}

function structConverter(type: StructType): Convert {
  const names = type.fields.map((field) => field.name);
  const converters = type.fields.map((field) => converter(field.dataType));
  return (value) => {
    const row = value as Row;
    const document: Document = {};
    for (let i = 0; i < names.length; i++) document[names[i] as string] = (converters[i] as Convert)(row[i]);
    return document;
  };
}

/** Rows of a schema → documents. */
export function documentMaker(schema: StructType): (row: Row) => Document {
  return structConverter(schema) as (row: Row) => Document;
}

/** Where a column, dotted into structs, stands in a row, and its type. @throws MongoError MONGO_OPTION for one that is not there */
export function columnReader(schema: StructType, path: string): { readonly read: (row: Row) => unknown; readonly type: DataType } {
  const steps: number[] = [];
  let type: DataType = schema;
  let rest = path;
  while (rest !== "") {
    if (type.type !== "struct") throw wrong(`a column "${path}" that goes into a ${type.type}`, "Name a column, or a field of a struct.");
    const fields: StructType["fields"] = type.fields;
    const index = fields.findIndex((field) => rest === field.name || rest.startsWith(`${field.name}.`));
    const field = fields[index];
    if (field === undefined) throw wrong(`no column "${path}"`, `The rows have ${schema.fields.map((known) => known.name).join(", ")}.`);
    steps.push(index);
    type = field.dataType;
    rest = rest.slice(field.name.length + 1);
  }
  return { type, read: (row) => steps.reduce<unknown>((value, step) => (value as Row | null)?.[step] ?? null, row) };
}
