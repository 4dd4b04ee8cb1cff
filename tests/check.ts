import { spawnSync } from "node:child_process";
import path from "node:path";

const root = path.dirname(import.meta.dirname);

/** What must hold before any test runs: strict types, lint, format. Each is one command of a pinned tool. */
const CHECKS: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: "types", args: ["node_modules/typescript-native/bin/tsc", "-p", "."] },
  { name: "lint", args: ["node_modules/eslint/bin/eslint.js", "--max-warnings", "0", "."] },
  { name: "format", args: ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."] },
];

/** Runs every check, its output passed through; the names of those that failed. */
export function runChecks(): string[] {
  const failed: string[] = [];
  for (const { name, args } of CHECKS) {
    const started = performance.now();
    const done = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`check ${name}: ${done.status === 0 ? "passed" : "FAILED"} in ${seconds} s`);
    if (done.status !== 0) failed.push(name);
  }
  return failed;
}

export const CHECK_COUNT: number = CHECKS.length;

if (process.argv[1] === import.meta.filename) process.exitCode = runChecks().length === 0 ? 0 : 1;
