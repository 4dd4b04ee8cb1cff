import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { builtinAggregates, builtinFunctions } from "../../src/engine/functions/registry.ts";
import { columnMethods, families, familyCalls, functionsPage, PAGE, SAID_OTHERWISE } from "./functions-page.ts";

const known = new Map<string, { readonly name: string; readonly doc: string }>([...builtinFunctions, ...builtinAggregates]);
const written = families().flatMap(familyCalls);
const reached = new Set([...written, ...columnMethods()].flatMap((one) => one.calls));

test("every function that the engine knows has a call with types", () => {
  expect([...known.keys()].filter((name) => !reached.has(name) && !(name in SAID_OTHERWISE))).toEqual([]);
});

test("every call names a function that the engine knows", () => {
  expect([...reached].filter((name) => !known.has(name))).toEqual([]);
});

test("every function has a line of documentation, in its entry and at its call", () => {
  expect([...known.values()].filter((entry) => entry.doc.length < 5).map((entry) => entry.name)).toEqual([]);
  expect(written.filter((one) => one.doc.length < 5).map((one) => one.name)).toEqual([]);
});

test("the public list names every call, and no two families share a name", () => {
  const index = readFileSync(path.resolve(import.meta.dirname, "../../src/index.ts"), "utf8");
  const lists = [...index.matchAll(/export \{([^}]*)\} from "\.\/engine\/functions\/api\//g)].flatMap(
    (found) => (found[1] ?? "").match(/\w+/g) ?? [],
  );
  expect(written.map((one) => one.name).filter((name) => !lists.includes(name))).toEqual(["struct"]);
  expect(new Set(written.map((one) => one.name)).size).toBe(written.length);
});

test("docs/functions.md is what `node tests/docs/functions-page.ts` writes", async () => {
  expect(readFileSync(PAGE, "utf8")).toBe(await functionsPage());
});
