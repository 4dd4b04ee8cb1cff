import type { DataType } from "../../types/data-type.ts";
import { formatDecimal, formatDouble, formatFloat } from "../../types/number-text.ts";
import { formatDate, formatIso } from "../../types/timestamp-text.ts";
import { valueText } from "../../types/value-text.ts";
import { quoteJson } from "./json-text.ts";

/** A writer of a type's values as Spark's to_json prints them: nulls of structs left out, instants in milliseconds, NaN and infinities as text. */
export function jsonWriter(type: DataType): (value: unknown) => string {
  switch (type.type) {
    case "string":
      return (value) => quoteJson(value as string);
    case "float":
    case "double": {
      const format = type.type === "double" ? formatDouble : formatFloat;
      return (value) => (Number.isFinite(value) ? format(value as number) : `"${format(value as number)}"`);
    }
    case "decimal":
      return (value) => formatDecimal(value as bigint, type.scale);
    case "date":
      return (value) => `"${formatDate(value as number)}"`;
    case "timestamp":
      return (value) => `"${formatIso(value as number, "millis")}"`;
    case "interval":
      return (value) => quoteJson(valueText(value, type));
    case "binary":
      return (value) => `"${Buffer.from(value as Uint8Array).toString("base64")}"`;
    case "array": {
      const element = nullable(jsonWriter(type.element));
      return (value) => `[${(value as unknown[]).map(element).join(",")}]`;
    }
    case "map": {
      const item = nullable(jsonWriter(type.value));
      return (value) =>
        `{${[...(value as Map<unknown, unknown>)].map(([k, v]) => `${quoteJson(valueText(k, type.key))}:${item(v)}`).join(",")}}`;
    }
    case "struct": {
      const fields = type.fields.map((one) => ({ head: `${quoteJson(one.name)}:`, write: jsonWriter(one.dataType) }));
      return (value) => {
        const found: string[] = [];
        fields.forEach(({ head, write }, i) => {
          const one = (value as unknown[])[i];
          if (one !== null && one !== undefined) found.push(head + write(one));
        });
        return `{${found.join(",")}}`;
      };
    }
    default:
      return String;
  }
}

function nullable(write: (value: unknown) => string): (value: unknown) => string {
  return (value) => (value === null ? "null" : write(value));
}
