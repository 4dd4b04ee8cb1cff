import { messageOf } from "../base/errors.ts";
import { NotebookError } from "./notebook-error.ts";

/** The environment variable that carries a notebook's parameters, as one JSON object. */
export const PARAMETERS_VARIABLE = "STREAMLAB_NOTEBOOK_PARAMETERS";

/** What a parameter may hold. */
export type ParameterValue = string | number | boolean;

/** Values by name, as a run gives them. */
export type ParameterValues = Readonly<Record<string, ParameterValue>>;

/** How much a notebook does: quick in tests, full for the report. */
export type NotebookProfile = "quick" | "full";

/** A default: one value, or one for each profile. */
export type ParameterDefault = ParameterValue | { readonly quick: ParameterValue; readonly full: ParameterValue };

/** The type of a parameter's value, from its default. */
export type Widened<D> = D extends { readonly quick: infer V; readonly full: unknown }
  ? Widened<V>
  : D extends string
    ? string
    : D extends number
      ? number
      : D extends boolean
        ? boolean
        : never;

/**
 * The parameters of this run of the notebook: the defaults, replaced by what STREAMLAB_NOTEBOOK_PARAMETERS gives. A name that the
 * notebook does not know, or a value of another type than the default's, is a BAD_PARAMETERS.
 *
 * `const { seconds, seed, profile } = notebookParameters({ seconds: { quick: 5, full: 60 }, seed: 42 });`
 */
export function notebookParameters<const D extends Readonly<Record<string, ParameterDefault>>>(
  defaults: D,
): { readonly [K in keyof D]: Widened<D[K]> } & { readonly profile: NotebookProfile } {
  const given = readGiven();
  const profile = given["profile"] ?? "quick";
  if (profile !== "quick" && profile !== "full") throw refuse(`profile is ${JSON.stringify(profile)}`, 'It is "quick" or "full".');
  const values: Record<string, ParameterValue> = { profile };
  for (const [name, fallback] of Object.entries(defaults)) values[name] = typeof fallback === "object" ? fallback[profile] : fallback;
  for (const [name, value] of Object.entries(given)) {
    const expected = Object.hasOwn(values, name) ? values[name] : undefined;
    if (expected === undefined) throw refuse(`unknown parameter ${name}`, `This notebook knows ${Object.keys(values).join(", ")}.`);
    if (typeof value !== typeof expected)
      throw refuse(
        `${name} is a ${value === null ? "null" : typeof value}`,
        `It must be a ${typeof expected}, like ${JSON.stringify(expected)}.`,
      );
    values[name] = value as ParameterValue;
  }
  return values as { readonly [K in keyof D]: Widened<D[K]> } & { readonly profile: NotebookProfile };
}

function readGiven(): Record<string, unknown> {
  const text = process.env[PARAMETERS_VARIABLE];
  if (!text) return {};
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given === "object" && given !== null && !Array.isArray(given)) return given as Record<string, unknown>;
  } catch (thrown) {
    throw refuse(messageOf(thrown), "Write one JSON object.");
  }
  throw refuse("no JSON object", 'Write one JSON object, as in {"profile":"full"}.');
}

function refuse(found: string, remedy: string): NotebookError {
  return new NotebookError("BAD_PARAMETERS", { failed: `Cannot use ${PARAMETERS_VARIABLE}`, found, remedy });
}
