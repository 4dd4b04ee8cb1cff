import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../base/project.ts";
import type { Grade } from "../report/grade.ts";
import { writeRunRecord } from "../report/run-record.ts";
import { simulateRecord } from "../report/simulated-record.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "grade-"));
  await writeRunRecord(path.join(folder, "lossy"), await simulateRecord({ lost: 3 }));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function streamlab(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [path.join(projectRoot, "bin", "streamlab.mjs"), ...args], { encoding: "utf8" });
}

test("grade prints every criterion and succeeds from the asked mark on, 3 unless told", () => {
  const data = path.join(folder, "lossy");
  const usual = streamlab("grade", "--data", data);
  expect([usual.status, usual.stderr]).toEqual([0, ""]);
  expect(usual.stdout).toContain("✗ 4  at-least-once: every acknowledged message accounted for (not met)");
  expect(usual.stdout).toContain("Mark 3. For a 4 is missing");
  expect(streamlab("grade", "--data", data, "--at-least", "4").status).toBe(1);
  expect((JSON.parse(streamlab("grade", "--data", data, "--json").stdout) as Grade).mark).toBe(3);
});

test("grade without a run says what to do; a wrong mark is wrong usage", () => {
  const missing = streamlab("grade", "--data", path.join(folder, "nothing"));
  expect([missing.status, missing.stdout]).toEqual([1, ""]);
  expect(missing.stderr).toMatch(/there is no such file.*Run "streamlab lab" first/);
  expect(streamlab("grade", "--at-least", "6").status).toBe(2);
});

test("report builds Markdown, HTML and figures from the data", async () => {
  const out = path.join(folder, "out");
  const built = streamlab("report", "--data", path.join(folder, "lossy"), "--out", out, "--json");
  expect([built.status, built.stderr]).toEqual([0, ""]);
  expect(JSON.parse(built.stdout)).toMatchObject({ mark: 3, html: path.join(out, "report.html") });
  expect((await readdir(out)).sort()).toEqual(["data", "figures", "report.html", "report.md"]);
  expect(await readdir(path.join(out, "figures"))).toHaveLength(36);
});
