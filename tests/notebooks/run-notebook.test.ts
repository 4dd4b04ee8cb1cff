import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatNotebook, joinLines, readNotebook, type CodeCell, type Notebook } from "../../src/notebook/notebook-file.ts";
import { describeFailure, runNotebook } from "../../src/notebook/run-notebook.ts";
import { projectRoot } from "../../src/base/project.ts";
import { checkNotebook } from "../../src/notebook/static-checks.ts";
import { untilGone } from "./process-life.ts";
import { writeFixture } from "./write-fixture.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "streamlab-notebook-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function codeCells(document: Notebook): CodeCell[] {
  return document.cells.filter((cell) => cell.cell_type === "code");
}

test("the example of a notebook follows the rules, and its stored outputs are those of a run", async () => {
  const file = path.join(import.meta.dirname, "fixtures", "example.ipynb");
  expect(checkNotebook(file, await readNotebook(file), [file])).toEqual([]);
  const run = await runNotebook(file);
  expect(describeFailure(run)).toBe("");
  expect(formatNotebook(run.document)).toBe(await readFile(file, "utf8"));
});

describe("a run of a notebook", () => {
  test("writes its outputs in nbformat 4.5, the same bytes on every run, without this machine's paths and secrets", async () => {
    const file = path.join(folder, "passes.ipynb");
    await writeFixture(
      file,
      `import { liveDisplay, notebookParameters, showTable } from "streamlab"; const { rows } = notebookParameters({ rows: 2 });`,
      `for (let i = 0; i < 3_000; i++) console.log(i);`,
      `const live = liveDisplay(); live.update({ "text/plain": "50 %" });`,
      `live.update({ "text/plain": "done" }); showTable([{ rows }]);`,
      `console.log(process.cwd(), process.env.LAB_TEST_PASSWORD, \`\${(await import("node:os")).tmpdir()}/x\`, "\\u001b[31mred\\u001b[0m");`,
    );
    process.env["LAB_TEST_PASSWORD"] = "canary-4711";
    try {
      const run = await runNotebook(file, { write: true, parameters: { rows: 5 } });
      expect(describeFailure(run)).toBe("");
      const first = await readFile(file, "utf8");
      const cells = codeCells(await readNotebook(file));
      expect(cells.map((cell) => [cell.id, cell.execution_count])).toEqual([1, 2, 3, 4, 5].map((n) => [`cell-0${n}`, n]));
      expect(cells[1]?.outputs).toHaveLength(1);
      expect(cells[2]?.outputs).toEqual([{ output_type: "display_data", data: { "text/plain": ["done"] }, metadata: {} }]);
      expect(JSON.stringify(cells[3]?.outputs)).toContain("| rows |");
      expect(cells[4]?.outputs).toEqual([{ output_type: "stream", name: "stdout", text: [". [secret] <tmp>/x red\n"] }]);
      expect(first).not.toContain(projectRoot);
      await runNotebook(file, { write: true, parameters: { rows: 5 } });
      expect(await readFile(file, "utf8")).toBe(first);
    } finally {
      delete process.env["LAB_TEST_PASSWORD"];
    }
  });

  test("a failing cell fails the run: notebook, cell, excerpt and error are named, the file stays as it was", async () => {
    const file = path.join(folder, "fails.ipynb");
    await writeFixture(
      file,
      `const one = 1;`,
      `const two = one + 1;\nif (two !== 3) throw new Error("two is not three");`,
      `console.log("never")`,
    );
    const before = await readFile(file, "utf8");
    const run = await runNotebook(file, { write: true });
    expect(describeFailure(run)).toBe(
      [
        "fails.ipynb, cell [2] of 3 failed",
        "    const two = one + 1;",
        `    if (two !== 3) throw new Error("two is not three");`,
        "Error: two is not three",
      ].join("\n"),
    );
    expect(codeCells(run.document)[2]?.outputs).toEqual([]);
    expect(await readFile(file, "utf8")).toBe(before);
  });

  test("a cell that blocks for ever is killed, and what it started with it", async () => {
    const file = path.join(folder, "hangs.ipynb");
    await writeFixture(
      file,
      `import { spawn } from "node:child_process"; const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]); console.log(child.pid);`,
      `for (;;);`,
    );
    const run = await runNotebook(file, { timeoutMs: 4_000 });
    expect(run.failure).toMatchObject({ cell: 2, error: { ename: "Timeout" } });
    const [output] = codeCells(run.document)[0]?.outputs ?? [];
    const pid = Number(output?.output_type === "stream" && joinLines(output.text));
    expect(pid).toBeGreaterThan(0);
    await untilGone(pid, 20_000);
  });

  test("a file that is no notebook is refused with its reason", async () => {
    await expect(runNotebook(path.join(folder, "missing.ipynb"))).rejects.toThrow(/Cannot read the notebook missing.ipynb \(ENOENT/);
  });
});
