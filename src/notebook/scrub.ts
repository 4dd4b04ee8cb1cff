import { realpathSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import { projectRoot } from "../base/project.ts";

const SECRET_NAME = /pass(word|wd|phrase)?$|secret|token|credential|api_?key|private_?key/i;
const SHORTEST_SECRET = 6;

/**
 * Makes a function that takes this machine out of a text: the values of the environment's secrets, the folders of the project, the user
 * and temporary files, and colour codes. Applied to every text inside a value, object keys too.
 */
export function createScrubber(environment: NodeJS.ProcessEnv = process.env): <T>(value: T) => T {
  const replacements: [string, string][] = [];
  for (const [name, value] of Object.entries(environment))
    if (value && value.length >= SHORTEST_SECRET && SECRET_NAME.test(name)) replacements.push([value, "[secret]"]);
  for (const [folder, shown] of [
    [projectRoot, "."],
    [tmpdir(), "<tmp>"],
    [homedir(), "~"],
  ] as const) {
    for (const spelling of new Set([folder, realpathOf(folder)])) {
      if (spelling.length < 4) continue;
      replacements.push([pathToFileURL(spelling).href, shown], [spelling, shown]);
    }
  }
  replacements.sort(([a], [b]) => b.length - a.length);
  const scrubText = (text: string): string =>
    replacements.reduce((cleaned, [found, shown]) => cleaned.replaceAll(found, shown), text.replace(/\u001b\[[0-9;]*m/g, ""));
  const scrub = (value: unknown): unknown => {
    if (typeof value === "string") return scrubText(value);
    if (Array.isArray(value)) return value.map(scrub);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [scrubText(key), scrub(inner)]));
  };
  return scrub as <T>(value: T) => T;
}

function realpathOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
