import type { DataType } from "../types/data-type.ts";
import { isIntegral, isNumeric } from "./coerce.ts";

/** Whether a cast between two types exists at all (Cast.canCast, Cast.canAnsiCast). */
export function castAllowed(from: DataType, to: DataType, ansi: boolean): boolean {
  if (from.type === "null") return true;
  if (to.type === "null") return false;
  if (to.type === "string") return true;
  if (from.type === "array") return to.type === "array" && castAllowed(from.element, to.element, ansi);
  if (from.type === "map") return to.type === "map" && castAllowed(from.key, to.key, ansi) && castAllowed(from.value, to.value, ansi);
  if (from.type === "struct") {
    return (
      to.type === "struct" &&
      from.fields.length === to.fields.length &&
      from.fields.every((one, i) => {
        const other = to.fields[i];
        return other !== undefined && castAllowed(one.dataType, other.dataType, ansi);
      })
    );
  }
  if (to.type === "array" || to.type === "map" || to.type === "struct") return false;
  if (from.type === to.type) return true;
  if (from.type === "months" || to.type === "months") return false;
  if (from.type === "string") return to.type !== "interval" || ansi;
  if (from.type === "binary") return false;
  if (to.type === "binary") return !ansi && isIntegral(from);
  if (from.type === "interval" || to.type === "interval") return false;
  if (from.type === "date") return to.type === "timestamp" || (!ansi && (isNumeric(to) || to.type === "boolean"));
  if (to.type === "date") return from.type === "timestamp";
  if (from.type === "timestamp") return isNumeric(to) || (!ansi && to.type === "boolean");
  if (to.type === "timestamp") return isNumeric(from) || (!ansi && from.type === "boolean");
  return true;
}

/** Which DATATYPE_MISMATCH a cast that does not exist is, and what to do about it (Cast.typeCheckFailureMessage). */
export function castRefusal(from: DataType, to: DataType, ansi: boolean, mode: "cast" | "try"): { kind: string; remedy: string } {
  const instead = ansi || mode === "try" ? functionInstead(from, to) : undefined;
  if (instead !== undefined) return { kind: "CAST_WITH_FUNC_SUGGESTION", remedy: `Use the function ${instead} instead.` };
  if (ansi && mode === "cast" && castAllowed(from, to, false))
    return { kind: "CAST_WITH_CONF_SUGGESTION", remedy: 'Set "spark.sql.ansi.enabled" to "false" if such a cast is wanted.' };
  return { kind: "CAST_WITHOUT_SUGGESTION", remedy: "Convert it by way of a type that both know, such as STRING." };
}

function functionInstead(from: DataType, to: DataType): string | undefined {
  if (isNumeric(from) && to.type === "date") return "DATE_FROM_UNIX_DATE";
  return from.type === "date" && isNumeric(to) ? "UNIX_DATE" : undefined;
}
