import { JsonSyntaxError, JsonText } from "./json-text.ts";

/** A step of a path: a name, a position, every element of an array, or what no value has ("$.*"). */
type Step = string | number | typeof EVERY | typeof NOTHING;
const EVERY = Symbol("[*]");
const NOTHING = Symbol(".*");

/** How what is found is written: a text without its quotes, a value as JSON, arrays opened into the array around them. */
type Style = "raw" | "quoted" | "flat";

const STEP = /(\.\*|\['\*'\])|\.([^.[]+)|\['([^']+)'\]|\[(\d+)\]|(\[\*\])/y;

/**
 * get_json_object: the value under a path of names, positions and [*]; text without its quotes, other values as JSON without blanks. Null where there is
 * none, where it is null, and where the text is no JSON. (Spark's GetJsonObject, Hive's rules for [*].)
 */
export function jsonPath(text: string, path: string): string | null {
  const steps = stepsOf(path);
  if (steps === null) return null;
  CURSOR.open(text);
  try {
    return Number.isNaN(CURSOR.peek()) ? null : found(CURSOR, steps, 0, "raw");
  } catch (thrown) {
    if (thrown instanceof JsonSyntaxError) return null;
    throw thrown;
  }
}

const CURSOR = new JsonText({ nonNumeric: false, controlCharacters: true });
const known = new Map<string, readonly Step[] | null>();

function stepsOf(path: string): readonly Step[] | null {
  let steps = known.get(path);
  if (steps === undefined) {
    if (known.size > 100) known.clear();
    steps = parsePath(path);
    known.set(path, steps);
  }
  return steps;
}

function parsePath(path: string): Step[] | null {
  if (!path.startsWith("$")) return null;
  const steps: Step[] = [];
  STEP.lastIndex = 1;
  for (let end = 1; end < path.length; end = STEP.lastIndex) {
    const match = STEP.exec(path);
    if (match === null) return null;
    const [, nothing, name, quoted, position, every] = match;
    steps.push(
      nothing !== undefined ? NOTHING : every !== undefined ? EVERY : position !== undefined ? Number(position) : (name ?? quoted ?? ""),
    );
  }
  return steps;
}

function found(cursor: JsonText, steps: readonly Step[], at: number, style: Style): string | null {
  const kind = cursor.token();
  const step = steps[at];
  if (step === undefined) {
    if (kind === "string" && style === "raw") return cursor.string();
    if (kind === "array" && style === "flat") return joined(elements(cursor, () => found(cursor, steps, at, style)));
    return cursor.copy();
  }
  if (kind === "object" && typeof step === "string") return member(cursor, step, () => found(cursor, steps, at + 1, style));
  if (kind === "array" && step === EVERY) return every(cursor, steps, at, style);
  if (kind === "array" && typeof step === "number") {
    const next: Style = steps[at + 1] === EVERY ? "quoted" : style;
    let position = 0;
    let result: string | null = null;
    cursor.array(() => {
      if (position++ === step) result = found(cursor, steps, at + 1, next);
      else cursor.skip();
    });
    return result;
  }
  cursor.skip();
  return null;
}

/** The first member of the name in which there is something. */
function member(cursor: JsonText, name: string, value: () => string | null): string | null {
  let result: string | null = null;
  cursor.object((one) => {
    if (result === null && one === name && cursor.token() !== "null") result = value();
    else cursor.skip();
  });
  return result;
}

/** Two [*] in a row flatten; one gives its element without brackets where it has only one. */
function every(cursor: JsonText, steps: readonly Step[], at: number, style: Style): string | null {
  if (steps[at + 1] === EVERY) {
    const all = elements(cursor, () => found(cursor, steps, at + 2, "flat"));
    return all.length === 0 ? null : `[${all.join(",")}]`;
  }
  const all = elements(cursor, () => found(cursor, steps, at + 1, style === "flat" ? "flat" : "quoted"));
  if (all.length === 0) return null;
  return style !== "quoted" && all.length === 1 ? (all[0] ?? null) : `[${all.join(",")}]`;
}

function elements(cursor: JsonText, element: () => string | null): string[] {
  const all: string[] = [];
  cursor.array(() => {
    const one = element();
    if (one !== null) all.push(one);
  });
  return all;
}

function joined(all: readonly string[]): string | null {
  return all.length === 0 ? null : all.join(",");
}

/** json_array_length: how many elements; null where the text is no array. */
export function jsonArrayLength(text: string): number | null {
  return measured(text, "array", (cursor) => {
    let count = 0;
    cursor.array(() => {
      count++;
      cursor.skip();
    });
    return count;
  });
}

/** json_object_keys: the names of the outermost object; null where the text is no object. */
export function jsonObjectKeys(text: string): string[] | null {
  return measured(text, "object", (cursor) => {
    const names: string[] = [];
    cursor.object((name) => {
      names.push(name);
      cursor.skip();
    });
    return names;
  });
}

function measured<T>(text: string, kind: "array" | "object", measure: (cursor: JsonText) => T): T | null {
  CURSOR.open(text);
  try {
    return !Number.isNaN(CURSOR.peek()) && CURSOR.token() === kind ? measure(CURSOR) : null;
  } catch (thrown) {
    if (thrown instanceof JsonSyntaxError) return null;
    throw thrown;
  }
}
