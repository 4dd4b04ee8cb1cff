import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

const module = JSON.stringify(path.join(import.meta.dirname, "failpoint.ts"));

/** How a process ends that passes `w1.before` of batch 2 in the query "metrics", then the second step of its `w3.mid`. */
function endOf(armed: string | undefined): string | number | null {
  const code = `const { failpoint } = await import(${module}); failpoint("w1.before", 2, "metrics"); failpoint("w3.mid", 2, "metrics", 2);`;
  const { LAB_FAIL: _, ...env } = process.env;
  const ended = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    env: armed === undefined ? env : { ...env, LAB_FAIL: armed },
  });
  return ended.signal ?? ended.status;
}

test.each([
  [undefined, 0],
  ["w1.before:2", "SIGKILL"],
  ["metrics/w1.before:2", "SIGKILL"],
  ["w4.after:1,w3.mid:2:2", "SIGKILL"],
  ["metrics/w3.mid:2:2", "SIGKILL"],
  ["w1.before:3", 0],
  ["anomalies/w1.before:2", 0],
  ["w3.mid:2", 0],
])("LAB_FAIL=%s ends the process with %s", (armed, end) => {
  expect(endOf(armed)).toBe(end);
});
