#!/usr/bin/env node
/**
 * The launcher: plain JavaScript that any Node from 20 on can read. It finds a Node of the required version
 * (this one, or the one that npm installed as an optional dependency) and runs the product on it.
 *
 *   streamlab <command> …            the command line
 *   streamlab --module <file> …      any module of the project on the same runtime (npm scripts)
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as nodeModule from "node:module";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const REQUIRED_MAJOR = 24;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

function installedRuntime() {
  const names = [`node-${process.platform}-${process.arch}`, `node-bin-${process.platform}-${process.arch}`];
  if (process.platform === "win32") names.push(`node-win-${process.arch}`);
  const require = createRequire(import.meta.url);
  for (const name of names) {
    for (const folder of require.resolve.paths(name) ?? []) {
      const file = path.join(folder, name, "bin", process.platform === "win32" ? "node.exe" : "node");
      if (existsSync(file)) return file;
    }
  }
  return undefined;
}

function refuse() {
  process.stderr.write(
    `streamlab needs Node ${REQUIRED_MAJOR}; this is Node ${process.versions.node} and npm installed no runtime for ${process.platform}-${process.arch}. ` +
      `Run "npm ci" without --omit=optional, or install Node ${REQUIRED_MAJOR} or later.\n`,
  );
  process.exit(1);
}

function runOn(runtime) {
  const env = { ...process.env };
  const pathKey = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  env[pathKey] = path.dirname(runtime) + path.delimiter + (env[pathKey] ?? "");
  const child = spawn(runtime, ["--max-semi-space-size=4", fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env,
  });
  const forward = (signal) => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, forward);
  child.on("error", (cause) => {
    process.stderr.write(`Cannot start the runtime at ${runtime} (${cause.message}). Run "npm ci" again.\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1)));
}

/** The commands whose processes stay: for them the product is compiled beforehand. */
const STAYING = new Set(["lab", "up", "dashboard"]);

/**
 * Compiles the product once, in a process that ends, into the runtime's compile cache. Those that stay then start in half the time and do without
 * the compiler in their memory, which is a fifth of it.
 */
function compileOnce(cacheFolder) {
  const marker = path.join(cacheFolder, `streamlab-${createHash("sha1").update(root).digest("hex").slice(0, 12)}`);
  if (existsSync(marker)) return;
  const env = { ...process.env, NODE_COMPILE_CACHE: path.dirname(cacheFolder), STREAMLAB_COMPILE_ONLY: "1" };
  const { status } = spawnSync(process.execPath, [path.join(root, "src/cli/compile.ts")], { stdio: "ignore", env });
  if (status === 0) writeFileSync(marker, "");
}

async function runHere() {
  const args = process.argv.slice(2);
  nodeModule.enableCompileCache?.();
  const cacheFolder = nodeModule.getCompileCacheDir?.();
  if (cacheFolder && STAYING.has(args[0] ?? "")) compileOnce(cacheFolder);
  if (args[0] === "--module") {
    const file = path.resolve(root, args[1] ?? "");
    process.argv = [process.execPath, file, ...args.slice(2)];
    await import(pathToFileURL(file).href);
    return;
  }
  const { main } = await import("../src/cli/main.ts");
  await main(args);
}

if (Number(process.versions.node.split(".")[0]) >= REQUIRED_MAJOR) {
  await runHere();
} else {
  const runtime = installedRuntime();
  if (runtime) runOn(runtime);
  else refuse();
}
