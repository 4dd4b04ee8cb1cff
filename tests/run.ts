import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { CHECK_COUNT, runChecks } from "./check.ts";

interface VitestSummary {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly success: boolean;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

const root = path.dirname(import.meta.dirname);
const failedChecks = runChecks();
const folder = mkdtempSync(path.join(tmpdir(), "streamlab-tests-"));
const summaryFile = path.join(folder, "summary.json");
const args = ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${summaryFile}`];

const child = spawn(process.execPath, [...args, ...process.argv.slice(2)], { cwd: root, stdio: "inherit" });
const exitCode = await new Promise<number>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => resolve(code ?? 1));
});

let passed = CHECK_COUNT - failedChecks.length;
let failed = failedChecks.length;
let skipped = 0;
try {
  const summary = JSON.parse(readFileSync(summaryFile, "utf8")) as VitestSummary;
  passed += summary.numPassedTests;
  failed += summary.numFailedTests;
  failed += summary.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
  skipped = summary.numPendingTests;
} catch {
  failed++;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (exitCode !== 0 && failed === 0) failed = 1;
if (skipped > 0) console.log(`${skipped} skipped, for want of what the lines above name`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
