import type { DataType } from "../../types/data-type.ts";
import { formatDecimal, formatDouble, formatFloat } from "../../types/number-text.ts";
import { formatDate, formatIso } from "../../types/timestamp-text.ts";
import { valueText } from "../../types/value-text.ts";
import { JsonSyntaxError, JsonText } from "./json-text.ts";

/** A writer of a type's values as Spark's to_json prints them: nulls of structs left out, instants in milliseconds, NaN and infinities as text. */
export function jsonWriter(type: DataType): (value: unknown) => string {
  switch (type.type) {
    case "string":
      return (value) => quote(value as string);
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
      return (value) => quote(valueText(value, type));
    case "binary":
      return (value) => `"${Buffer.from(value as Uint8Array).toString("base64")}"`;
    case "array": {
      const element = nullable(jsonWriter(type.element));
      return (value) => `[${(value as unknown[]).map(element).join(",")}]`;
    }
    case "map": {
      const item = nullable(jsonWriter(type.value));
      return (value) =>
        `{${[...(value as Map<unknown, unknown>)].map(([k, v]) => `${quote(valueText(k, type.key))}:${item(v)}`).join(",")}}`;
    }
    case "struct": {
      const fields = type.fields.map((one) => ({ head: `${quote(one.name)}:`, write: jsonWriter(one.dataType) }));
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

/** JSON text by the rules of Jackson, which escapes nothing that need not be. */
function quote(text: string): string {
  return JSON.stringify(text);
}

const STEP = /\.([^.[\]]+)|\[(\d+)\]|\['([^']*)'\]/y;

/** get_json_object: the value under a path of names and positions; text without its quotes, other values as they stand. Null where there is none. */
export function jsonPath(text: string, path: string): string | null {
  const steps = pathSteps(path);
  if (steps === null) return null;
  const cursor = new JsonText();
  cursor.open(text);
  try {
    return follow(cursor, steps, 0);
  } catch (thrown) {
    if (thrown instanceof JsonSyntaxError) return null;
    throw thrown;
  }
}

function pathSteps(path: string): (string | number)[] | null {
  if (!path.startsWith("$")) return null;
  const steps: (string | number)[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    if (match === null) return null;
    steps.push(match[2] === undefined ? (match[1] ?? match[3] ?? "") : Number(match[2]));
  }
  return steps;
}

function follow(cursor: JsonText, steps: readonly (string | number)[], at: number): string | null {
  const kind = cursor.token();
  const step = steps[at];
  if (step === undefined) {
    if (kind === "string") return cursor.string();
    const from = cursor.position;
    cursor.skip();
    return kind === "null" ? null : cursor.slice(from);
  }
  let found: string | null = null;
  let position = 0;
  let done = false;
  const visit = (hit: boolean): void => {
    if (hit && !done) {
      found = follow(cursor, steps, at + 1);
      done = true;
    } else {
      cursor.skip();
    }
  };
  if (kind === "object" && typeof step === "string") cursor.object((name) => visit(name === step));
  else if (kind === "array" && typeof step === "number") cursor.array(() => visit(position++ === step));
  else cursor.skip();
  return found;
}
