import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const SEED = 20260101;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-recovery-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs the program to its end or its failpoint; the answer is the signal that ended it, or its exit code. */
function run(into: string, fail: string): Promise<string> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "recovery.child.ts"), into, String(SEED)], {
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(os.tmpdir(), "node-compile-cache"), LAB_FAIL: fail },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => child.kill("SIGTERM"), 20_000);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(late);
      resolve(signal ?? String(code));
    });
  });
}

async function results(of: string): Promise<Record<string, string>> {
  const out = path.join(of, "out");
  const names = await readdir(out);
  return Object.fromEntries(
    await Promise.all(names.sort().map(async (name) => [name, await readFile(path.join(out, name), "utf8")] as const)),
  );
}

const POINTS = [
  "w1.before:2",
  "w1.after:2",
  "w2.before:2",
  "w2.after:2",
  "w3.before:2",
  "w3.mid:2:1",
  "w3.after:2",
  "w4.before:2",
  "w4.after:2",
  "w5.before:2",
  "w5.after:2",
];

test("killed at any step of a batch, the query ends with the results of a run that was never killed", { timeout: 120_000 }, async () => {
  const whole = path.join(folder, "whole");
  expect(await run(whole, "")).toBe("0");
  const expected = await results(whole);
  expect(Object.keys(expected).length).toBeGreaterThan(10);
  for (const point of POINTS) {
    const broken = path.join(folder, point.replaceAll(":", "-"));
    expect(await run(broken, point), `${point}, seed ${SEED}`).toBe("SIGKILL");
    expect(await run(broken, ""), `${point}, seed ${SEED}`).toBe("0");
    expect(await results(broken), `${point}, seed ${SEED}`).toEqual(expected);
  }
});

test("killed again while it repeats a batch, it still ends with the same results", { timeout: 60_000 }, async () => {
  const whole = path.join(folder, "whole");
  await run(whole, "");
  const broken = path.join(folder, "broken");
  for (const point of ["w3.mid:2:1", "w2.after:2", "w4.before:2", "w1.after:5"]) expect(await run(broken, point)).toBe("SIGKILL");
  expect(await run(broken, "")).toBe("0");
  expect(await results(broken)).toEqual(await results(whole));
});
