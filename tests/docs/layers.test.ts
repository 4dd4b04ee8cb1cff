import { readFileSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

/** From left to right: a folder of src imports only from folders to its left. */
const LAYERS = [
  ["base"],
  ["kafka-protocol"],
  ["engine"],
  ["broker"],
  ["document-server"],
  ["generators"],
  ["monitor"],
  ["charts"],
  ["kafka"],
  ["mongo"],
  ["spark"],
  ["stack"],
  ["labs"],
  ["dashboard"],
  ["report"],
  ["notebook"],
  ["cli"],
].flat();

/** Folders that know fewer than their place would allow. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  "kafka-protocol": ["base"],
  engine: ["base"],
  broker: ["base", "kafka-protocol"],
  "document-server": ["base"],
  generators: ["base"],
};

interface SourceFile {
  readonly file: string;
  readonly imports: readonly string[];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const file = path.join(folder, name);
    return statSync(file).isDirectory() ? filesBelow(file) : [file];
  });
}

function sources(): SourceFile[] {
  return filesBelow(path.join(root, "src"))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => {
      const text = readFileSync(file, "utf8");
      const imports = [...text.matchAll(/^\s*(?:import|export)\b[^;]*?from\s+"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm)];
      return { file, imports: imports.map((found) => path.resolve(path.dirname(file), found[1] ?? found[2] ?? "")) };
    });
}

function layerOf(file: string): string | undefined {
  const [first, ...rest] = path.relative(path.join(root, "src"), file).split(path.sep);
  return rest.length > 0 ? first : undefined;
}

describe("layers of src", () => {
  const all = sources();

  test("every folder of src has its place in the layer order", () => {
    const folders = new Set(all.map(({ file }) => layerOf(file)).filter((layer) => layer !== undefined));
    expect([...folders].filter((folder) => !LAYERS.includes(folder))).toEqual([]);
  });

  test("a folder imports only from folders to its left", () => {
    const upward = all.flatMap(({ file, imports }) => {
      const from = layerOf(file);
      if (from === undefined || file.endsWith(".test.ts")) return [];
      return imports.flatMap((target) => {
        const to = layerOf(target);
        if (to === from) return [];
        const allowed = to !== undefined && (ONLY[from]?.includes(to) ?? LAYERS.indexOf(to) < LAYERS.indexOf(from));
        return allowed ? [] : [`${path.relative(root, file)} → ${path.relative(root, target)}`];
      });
    });
    expect(upward).toEqual([]);
  });

  test("no files import each other in a circle at run time", () => {
    const graph = new Map<string, string[]>();
    for (const { file } of all) {
      const text = readFileSync(file, "utf8");
      const runtime = [...text.matchAll(/^\s*(?:import|export)\s+(?!type\b)[^;]*?from\s+"(\.[^"]+)"/gm)];
      graph.set(
        file,
        runtime.map((found) => path.resolve(path.dirname(file), found[1] ?? "")),
      );
    }
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) {
        circles.push([...trail.slice(trail.indexOf(file)), file].map((name) => path.relative(root, name)).join(" → "));
        return;
      }
      if (done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
      done.add(file);
    };
    for (const file of graph.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  test("there is no drawer for everything", () => {
    const names = all.map(({ file }) => path.basename(file, ".ts"));
    expect(names.filter((name) => ["utils", "util", "helpers", "common", "types", "misc"].includes(name))).toEqual([]);
  });
});

describe("documents of the repository", () => {
  const documents = ["README.md", "src/README.md", "docs/engine.md", "docs/engine-speed.md", "docs/performance.md"];

  test.each(documents)("every path that %s names exists", (name) => {
    const text = readFileSync(path.join(root, name), "utf8");
    const base = path.dirname(path.join(root, name));
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map((found) => found[1] ?? "");
    const quoted = [...text.matchAll(/`((?:src|tests|bench|notebooks|bin)\/[\w./-]+)`/g)].map((found) => path.join(root, found[1] ?? ""));
    const missing = [...links.map((link) => path.resolve(base, link)), ...quoted].filter(
      (file) => !statSync(file, { throwIfNoEntry: false }),
    );
    expect(missing.map((file) => path.relative(root, file))).toEqual([]);
  });
});
