import type { StructType } from "../engine/types/data-type.ts";

const BASE_SCHEMA: StructType = {
  type: "struct",
  fields: [
    { name: "key", dataType: { type: "binary" }, nullable: true },
    { name: "value", dataType: { type: "binary" }, nullable: true },
    { name: "topic", dataType: { type: "string" }, nullable: true },
    { name: "partition", dataType: { type: "int" }, nullable: true },
    { name: "offset", dataType: { type: "bigint" }, nullable: true },
    { name: "timestamp", dataType: { type: "timestamp" }, nullable: true },
    { name: "timestampType", dataType: { type: "int" }, nullable: true },
  ],
};

const HEADERS_SCHEMA: StructType = {
  type: "struct",
  fields: [
    ...BASE_SCHEMA.fields,
    {
      name: "headers",
      dataType: {
        type: "array",
        element: {
          type: "struct",
          fields: [
            { name: "key", dataType: { type: "string" }, nullable: true },
            { name: "value", dataType: { type: "binary" }, nullable: true },
          ],
        },
      },
      nullable: true,
    },
  ],
};

/** The columns of records read from Kafka, as in Spark; `headers` only where the option includeHeaders asks for them. */
export function recordSchema(includeHeaders: boolean): StructType {
  return includeHeaders ? HEADERS_SCHEMA : BASE_SCHEMA;
}
