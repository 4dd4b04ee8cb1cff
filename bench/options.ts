import path from "node:path";
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { messageOf, StreamlabError } from "../src/base/errors.ts";
import { projectRoot } from "../src/base/project.ts";
import { stateFolder } from "../src/stack/state-folder.ts";

/** An option of a benchmark that cannot be used, with code INVALID_OPTION. */
export function wrongOption(found: string, remedy: string): StreamlabError {
  return new StreamlabError("INVALID_OPTION", { failed: "Cannot start the benchmark", found, remedy });
}

/** The values of the options. @throws StreamlabError INVALID_OPTION for one that does not exist or lacks its value */
export function readOptions<T extends ParseArgsOptionsConfig>(
  options: T,
  args: readonly string[],
): ReturnType<typeof parseArgs<{ args: string[]; options: T }>>["values"] {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (thrown) {
    throw wrongOption(messageOf(thrown).split(". ")[0] ?? "", "Run it with --help to see its options.");
  }
}

/** A whole number, `least` or more. @throws StreamlabError INVALID_OPTION */
export function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text.trim()) && Number.isSafeInteger(number) && number >= least) return number;
  throw wrongOption(`--${name} ${text}`, `Give --${name} a whole number from ${least} on.`);
}

/** Whole numbers between commas, each `least` or more. @throws StreamlabError INVALID_OPTION */
export function wholeNumbers(name: string, text: string, least: number): number[] {
  return text.split(",").map((one) => wholeNumber(name, one, least));
}

/** Some of the known words, between commas; case does not matter, one that is given twice counts once. @throws StreamlabError INVALID_OPTION */
export function someOf<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  const found = text.split(",").map((word) => {
    const one = known.find((candidate) => candidate.toLowerCase() === word.trim().toLowerCase());
    if (one === undefined) throw wrongOption(`--${name} ${text}`, `Give --${name} one or more of ${known.join(", ")}, between commas.`);
    return one;
  });
  return [...new Set(found)];
}

/** Where the figures of a benchmark go: the given file, or one with the time in its name below `.streamlab/bench`. */
export function figuresFile(benchmark: string, given: string | undefined, time: Date = new Date()): string {
  const stamp = time.toISOString().replace(/\D/g, "").slice(0, 14);
  return path.resolve(given ?? path.join(stateFolder(projectRoot), "bench", `${benchmark}-${stamp}.json`));
}
