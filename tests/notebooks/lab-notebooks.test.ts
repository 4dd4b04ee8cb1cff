import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  formatNotebook,
  joinLines,
  readNotebook,
  writeNotebook,
  type CodeCell,
  type Notebook,
  type NotebookCell,
} from "../../src/notebook/notebook-file.ts";
import { listNotebooks } from "../../src/notebook/notebook-folder.ts";
import { describeFailure, runNotebook } from "../../src/notebook/run-notebook.ts";
import { checkNotebook } from "../../src/notebook/static-checks.ts";
import { EXERCISE_ANSWERS } from "./exercise-answers.ts";

const NOTEBOOKS = [
  "00-index.ipynb",
  "01-infrastructure.ipynb",
  "02-generator.ipynb",
  "03-stream-processing.ipynb",
  "04-mongo-sink.ipynb",
  "05-visualization.ipynb",
  "06-monitoring-and-report.ipynb",
];
/** Cells that carry this tag show what was measured: their outputs differ from run to run. */
const MEASURED = "measured";

const all = await listNotebooks();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "streamlab-lab-notebooks-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("the IoT lab has its seven notebooks", () => {
  expect(all.map((file) => path.basename(file))).toEqual(expect.arrayContaining(NOTEBOOKS));
});

describe.each(NOTEBOOKS)("%s", (name) => {
  const file = all.find((one) => path.basename(one) === name) ?? name;

  test("follows the rules that need no run", async () => {
    expect(checkNotebook(file, await readNotebook(file), all)).toEqual([]);
  });

  test("runs in the quick profile, shows again what is stored but for measured cells, and knows right answers from wrong ones", async () => {
    const stored = await readNotebook(file);
    const answers = EXERCISE_ANSWERS[name] ?? [];
    const answered = path.join(folder, name);
    await writeNotebook(answered, withAnswers(stored, answers));
    const run = await runNotebook(answered, { parameters: { profile: "quick" } });
    expect(describeFailure(run)).toBe("");
    const cells = outputsById(run.document);
    for (const cell of codeCells(stored)) {
      if (isMeasured(cell)) expect(cells.get(cell.id ?? ""), cell.id).not.toEqual([]);
      else expect(cells.get(cell.id ?? ""), `${cell.id}:\n${joinLines(cell.source)}`).toEqual(outputsById(stored).get(cell.id ?? ""));
    }
    for (const index of answers.keys()) {
      expect(JSON.stringify(cells.get(`right-${index}`)), `right answer to exercise ${index + 1}`).toContain("✓");
      expect(JSON.stringify(cells.get(`wrong-${index}`)), `wrong answer to exercise ${index + 1}`).toContain("refused: CHECK_FAILED");
    }
  }, 180_000);
});

function codeCells(document: Notebook): CodeCell[] {
  return document.cells.filter((cell) => cell.cell_type === "code");
}

function isMeasured(cell: CodeCell): boolean {
  const { tags } = cell.metadata;
  return Array.isArray(tags) && tags.includes(MEASURED);
}

/** Outputs in the form in which a file has them, by the cells' ids. */
function outputsById(document: Notebook): Map<string, unknown> {
  const { cells } = JSON.parse(formatNotebook(document)) as { cells: { id: string; outputs?: unknown }[] };
  return new Map(cells.map(({ id, outputs }) => [id, outputs]));
}

/** The notebook with two cells after each exercise: the exercise with its right answer, and with a wrong one. */
function withAnswers(document: Notebook, answers: readonly (readonly [string, string])[]): Notebook {
  const left = [...answers.entries()];
  const cells = document.cells.flatMap((cell): NotebookCell[] => {
    const source = joinLines(cell.source);
    const exercise = cell.cell_type === "code" && /\bexercise\(/.test(source);
    const [index, [right, wrong]] = (exercise ? left.shift() : undefined) ?? [-1, ["", ""]];
    if (index < 0) return [cell];
    const answered = (answer: string): string => source.replace("= undefined;", () => `= ${answer};`);
    return [
      cell,
      codeCell(`right-${index}`, `{\n${answered(right)}\n}`),
      codeCell(
        `wrong-${index}`,
        `try {\n${answered(wrong)}\n} catch (thrown) {\nconsole.log("refused:", (thrown as { code?: string }).code);\n}`,
      ),
    ];
  });
  if (left.length > 0) throw new Error(`there are ${left.length} more answers than exercises`);
  return { ...document, cells };
}

function codeCell(id: string, source: string): CodeCell {
  return { cell_type: "code", id, metadata: {}, source, execution_count: null, outputs: [] };
}
