import type { Plain } from "./normalise.ts";

/** A place in a step's transcripts where the two brokers say something different. */
export interface Difference {
  /** "theme › client › title" */
  readonly step: string;
  /** "topics[0].errorCode"; "" is the whole. */
  readonly path: string;
  readonly embedded: Plain | undefined;
  readonly kafka: Plain | undefined;
}

/** A difference that stands, and why. It must occur: one that has gone is taken off the list. */
export interface DeclaredDifference {
  /** A short name for the page. */
  readonly name: string;
  readonly reason: string;
  readonly step: RegExp;
  readonly path: RegExp;
  /** Where given, only these values are the difference. */
  readonly embedded?: RegExp;
  readonly kafka?: RegExp;
}

function isObject(value: Plain | undefined): value is { readonly [name: string]: Plain } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every place where two transcripts differ. */
export function differencesIn(step: string, embedded: Plain | undefined, kafka: Plain | undefined, path: string = ""): Difference[] {
  if (Array.isArray(embedded) && Array.isArray(kafka)) {
    const [ours, theirs] = [embedded as readonly Plain[], kafka as readonly Plain[]];
    return Array.from({ length: Math.max(ours.length, theirs.length) }, (_, i) =>
      differencesIn(step, ours[i], theirs[i], `${path}[${i}]`),
    ).flat();
  }
  if (isObject(embedded) && isObject(kafka)) {
    return [...new Set([...Object.keys(embedded), ...Object.keys(kafka)])].flatMap((name) =>
      differencesIn(step, embedded[name], kafka[name], path === "" ? name : `${path}.${name}`),
    );
  }
  return embedded === kafka ? [] : [{ step, path, embedded, kafka }];
}

/** The declared difference that covers one, undefined where none does. */
export function declaredFor(difference: Difference, declared: readonly DeclaredDifference[]): DeclaredDifference | undefined {
  const says = (pattern: RegExp | undefined, value: Plain | undefined): boolean =>
    pattern === undefined || pattern.test(value === undefined ? "absent" : JSON.stringify(value));
  return declared.find(
    (one) =>
      one.step.test(difference.step) &&
      one.path.test(difference.path) &&
      says(one.embedded, difference.embedded) &&
      says(one.kafka, difference.kafka),
  );
}
