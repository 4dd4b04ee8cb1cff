import type { DataType } from "../types/data-type.ts";
import { isNumeric } from "./coerce.ts";

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
  if (from.type === "string") return to.type !== "interval" || ansi;
  if (from.type === "binary") return false;
  if (to.type === "binary") return !ansi && isNumeric(from);
  if (from.type === "interval" || to.type === "interval") return false;
  if (from.type === "date") return to.type === "timestamp" || (!ansi && (isNumeric(to) || to.type === "boolean"));
  if (to.type === "date") return from.type === "timestamp";
  if (from.type === "timestamp") return isNumeric(to) || (!ansi && to.type === "boolean");
  if (to.type === "timestamp") return isNumeric(from) || (!ansi && from.type === "boolean");
  return true;
}
