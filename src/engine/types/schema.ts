import { isInterval, rangeText } from "./interval-type.ts";
import type { DataType, StructField, StructType } from "./data-type.ts";

/** A column of a schema; nullable unless said otherwise, as everything that comes from outside is. */
export function structField(name: string, dataType: DataType, nullable: boolean = true): StructField {
  return { name, dataType, nullable };
}

/** A schema from pairs of name and type: `structType([["device", { type: "string" }]])`. */
export function structType(fields: readonly (StructField | readonly [string, DataType])[]): StructType {
  return { type: "struct", fields: fields.map((one) => ("name" in one ? one : structField(one[0], one[1]))) };
}

/** The ordinals of the fields with this name; names are compared without case, as Spark does by default. */
export function fieldOrdinals(schema: StructType, name: string): number[] {
  const wanted = name.toLowerCase();
  const found: number[] = [];
  schema.fields.forEach((one, ordinal) => {
    if (one.name === name || one.name.toLowerCase() === wanted) found.push(ordinal);
  });
  return found;
}

/** The ordinal of the first field with this name (without case), −1 when there is none. */
export function fieldOrdinal(schema: StructType, name: string): number {
  return fieldOrdinals(schema, name)[0] ?? -1;
}

/** Whether two types are the same, names of struct fields included, nullability not. */
export function sameType(a: DataType, b: DataType): boolean {
  if (a === b) return true;
  if (a.type !== b.type) return false;
  switch (a.type) {
    case "decimal":
      return b.type === "decimal" && a.precision === b.precision && a.scale === b.scale;
    case "interval":
    case "months":
      return isInterval(b) && rangeText(a) === rangeText(b);
    case "array":
      return b.type === "array" && sameType(a.element, b.element);
    case "map":
      return b.type === "map" && sameType(a.key, b.key) && sameType(a.value, b.value);
    case "struct":
      return (
        b.type === "struct" &&
        a.fields.length === b.fields.length &&
        a.fields.every((one, i) => {
          const other = b.fields[i];
          return other !== undefined && one.name === other.name && sameType(one.dataType, other.dataType);
        })
      );
    default:
      return true;
  }
}

/** The type of `window` and `session_window` columns. */
export const windowType: StructType = {
  type: "struct",
  fields: [
    { name: "start", dataType: { type: "timestamp" }, nullable: true },
    { name: "end", dataType: { type: "timestamp" }, nullable: true },
  ],
};
