import type { Document } from "bson";
import { shown } from "../bson/shown.ts";
import { plainValue, type Node } from "../bson/tree.ts";
import { CommandFailure } from "../failure.ts";
import { compileFilter, type MatchOptions } from "../query/matcher.ts";

/** By identifier: whether `$[identifier]` means an element. */
export type ArrayFilters = ReadonlyMap<string, (item: Node) => boolean>;

/** Reads the arrayFilters of an update. `paths` are those that the update names. Throws where a filter and its use do not fit together. */
export function readArrayFilters(filters: readonly unknown[], paths: readonly string[], match: MatchOptions): ArrayFilters {
  const read = new Map<string, (item: Node) => boolean>();
  for (const filter of filters) {
    if (typeof filter !== "object" || filter === null || Array.isArray(filter))
      throw new CommandFailure("TypeMismatch", "BSON field 'update.updates.arrayFilters' must be an array of objects");
    const identifier = identifierOf(filter as Document);
    if (read.has(identifier))
      throw new CommandFailure("FailedToParse", `Found multiple array filters with the same top-level field name ${identifier}`);
    const matcher = compileFilter(filter as Document, match);
    read.set(identifier, (item) => matcher?.matchesDecoded({ [identifier]: plainValue(item) }) ?? true);
  }
  const used = new Set<string>();
  for (const path of paths)
    for (const part of path.split(".")) {
      const identifier = /^\$\[(.+)\]$/.exec(part)?.[1];
      if (identifier === undefined) continue;
      if (!read.has(identifier))
        throw new CommandFailure("BadValue", `No array filter found for identifier '${identifier}' in path '${path}'`);
      used.add(identifier);
    }
  for (const [i, identifier] of [...read.keys()].entries())
    if (!used.has(identifier))
      throw new CommandFailure(
        "FailedToParse",
        `The array filter for identifier '${identifier}' was not used in the update ${shown(filters[i])}`,
      );
  return read;
}

function identifierOf(filter: Document): string {
  const names = new Set<string>();
  collect(filter, names);
  const [identifier, more] = [...names];
  if (identifier === undefined)
    throw new CommandFailure("FailedToParse", "Cannot use an expression without a top-level field name in arrayFilters");
  if (more !== undefined)
    throw new CommandFailure(
      "FailedToParse",
      `Error parsing array filter :: caused by :: Expected a single top-level field name, found '${identifier}' and '${more}'`,
    );
  if (!/^[a-z][a-zA-Z0-9]*$/.test(identifier))
    throw new CommandFailure(
      "BadValue",
      `Error parsing array filter :: caused by :: The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '${identifier}'`,
    );
  return identifier;
}

function collect(filter: Document, names: Set<string>): void {
  for (const [name, value] of Object.entries(filter)) {
    if (name.startsWith("$")) {
      if (Array.isArray(value)) for (const part of value) if (typeof part === "object" && part !== null) collect(part as Document, names);
    } else names.add(name.split(".")[0] as string);
  }
}
