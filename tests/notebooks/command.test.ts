import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { untilGone } from "./process-life.ts";
import { writeFixture } from "./write-fixture.ts";

const started: ChildProcess[] = [];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "streamlab-notebooks-"));
});

afterAll(async () => {
  for (const child of started) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

function start(...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [path.join(projectRoot, "bin", "streamlab.mjs"), "notebooks", ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  return child;
}

async function output(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = start(...args);
  const read = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (read.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (read.stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...read };
}

/** Starts a run whose cell says which process it lives in, and waits for ever. */
async function startEndless(name: string): Promise<{ child: ChildProcess; pid: number }> {
  const file = path.join(folder, `${name}.ipynb`);
  const pidFile = path.join(folder, `${name}.pid`);
  await writeFixture(
    file,
    `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); await new Promise(() => {});`,
  );
  const child = start("run", file);
  await expect.poll(() => readFile(pidFile, "utf8").catch(() => ""), { timeout: 20_000 }).not.toBe("");
  return { child, pid: Number(await readFile(pidFile, "utf8")) };
}

describe("streamlab notebooks", () => {
  test("run says what passed and what failed, takes parameters, and exits with 1 after a failure", async () => {
    await writeFixture(
      path.join(folder, "01-passes.ipynb"),
      `import { notebookParameters } from "streamlab"; const { profile, n, name } = notebookParameters({ n: 1, name: "x" });`,
      `if (profile !== "full" || n !== 2 || name !== "a=b") throw new Error(JSON.stringify({ profile, n, name }));`,
    );
    await writeFixture(path.join(folder, "02-fails.ipynb"), `const rows: number = "three";`);
    const files = ["01-passes.ipynb", "02-fails.ipynb"];
    const { code, stdout } = await output("run", ...files, "--profile", "full", "--set", "n=2", "--set", "name=a=b");
    expect(stdout).toMatch(/^✓ 01-passes.ipynb: 2 cells in \d+\.\d s\n/);
    expect(stdout).toContain(
      "✗ 02-fails.ipynb, cell [1] of 1 failed\n    const rows: number = \"three\";\nline 1, column 7: Type 'string'",
    );
    expect(code).toBe(1);
  });

  test("run --json is for machines", async () => {
    await writeFixture(path.join(folder, "03-empty.ipynb"));
    const { code, stdout } = await output("run", "03-empty.ipynb", "--json");
    expect(JSON.parse(stdout)).toEqual([{ notebook: "03-empty.ipynb", cells: 0, durationMs: expect.any(Number) as number }]);
    expect(code).toBe(0);
  });

  test("check names what breaks the rules, and mends the links with --fix", async () => {
    const first = await output("check", "02-fails.ipynb", "--json");
    expect(first.code).toBe(1);
    const messages = (text: string): string[] => (JSON.parse(text) as { message: string }[]).map(({ message }) => message);
    expect(messages(first.stdout)).toContain("its links do not follow from the file names; run notebooks check --fix");
    const fixed = await output("check", "02-fails.ipynb", "--json", "--fix");
    expect(messages(fixed.stdout)).not.toContain("its links do not follow from the file names; run notebooks check --fix");
    expect(await readFile(path.join(folder, "02-fails.ipynb"), "utf8")).toContain("[01 passes](01-passes.ipynb)");
  });

  test("a file that is missing is said in one line", async () => {
    const { code, stderr } = await output("run", "none.ipynb");
    expect(stderr).toMatch(/^Cannot read the notebook none.ipynb \(ENOENT.*\)\. Give the path of an .ipynb file of nbformat 4\.\n$/);
    expect(code).toBe(1);
  });

  test("F28: Ctrl+C ends the run and its kernel with 130", async () => {
    const { child, pid } = await startEndless("interrupted");
    child.kill("SIGINT");
    const [code] = (await once(child, "exit")) as [number | null];
    expect(code).toBe(130);
    await untilGone(pid, 20_000);
  });

  test("trap 12: a kernel without Jupyter ends with its run, even a killed one", async () => {
    const { child, pid } = await startEndless("killed");
    child.kill("SIGKILL");
    await untilGone(pid, 20_000);
  });
});
