import { describe, expect, test } from "vitest";
import { checkCell } from "./cell-checks.ts";
import { navigationText, withNavigation } from "./navigation.ts";
import { notebookMetadata, type Notebook, type NotebookCell } from "./notebook-file.ts";
import { checkNotebook } from "./static-checks.ts";

const ALL = ["00-index.ipynb", "01-first.ipynb", "02-second.ipynb"];
const FILE = "01-first.ipynb";

function prose(source: string): NotebookCell {
  return { cell_type: "markdown", id: undefined, metadata: {}, source };
}

function code(source: string, text?: string): NotebookCell {
  const outputs = text === undefined ? [] : [{ output_type: "stream" as const, name: "stdout" as const, text }];
  return { cell_type: "code", id: undefined, metadata: {}, source, execution_count: null, outputs };
}

const OPENING = prose("# First\n**Question** … **You will see** … **Minutes** 5 **Services** none");
const IMPORT = code(`import { check, exercise } from "streamlab";\ncheck("ready", true, "hint");`);
const EXERCISE = [prose("Your turn."), code(`exercise("n", undefined, (n) => n === 1, "hint");`)];
const ENDING = [prose("## Teardown"), code(`check("no background error", backgroundErrors().length === 0, "hint");`)];

function notebookOf(...cells: readonly NotebookCell[]): Notebook {
  const numbered = cells.map((cell, index) => ({ ...cell, id: `c${index}` }));
  return withNavigation({ cells: numbered, metadata: { ...notebookMetadata }, nbformat: 4, nbformat_minor: 5 }, navigationText(FILE, ALL));
}

const GOOD = [OPENING, IMPORT, prose("## Exercises"), ...EXERCISE.slice(1), ...EXERCISE, ...ENDING];

function findings(document: Notebook, file: string = FILE): string[] {
  return checkNotebook(file, document, ALL).map(({ cell, message }) => (cell === undefined ? message : `${cell}: ${message}`));
}

describe("a notebook's form", () => {
  test("one that follows the rules has no findings", () => {
    expect(findings(notebookOf(...GOOD))).toEqual([]);
  });

  test("the opening says question, what is seen, minutes and services, and imports first", () => {
    expect(findings(notebookOf(prose("Hello"), code("1;"), ...GOOD.slice(2)))).toEqual([
      "the first cell is no title (# …)",
      "the first cell does not say **Question**",
      "the first cell does not say **You will see**",
      "the first cell does not say **Minutes**",
      "the first cell does not say **Services**",
      'the first code cell does not begin with the import from "streamlab"',
      "neither of the first two code cells checks that the notebook can run",
    ]);
  });

  test("the ending has exercises, teardown and the check of background errors", () => {
    expect(findings(notebookOf(OPENING, IMPORT))).toEqual([
      "there is no ## Exercises",
      "0 cells with exercise(…); two or three are the rule",
      "there is no ## Teardown",
      "the last code cell does not check backgroundErrors()",
    ]);
  });

  test("code without prose before it, and a second import, are found", () => {
    const more = code(`import { show } from "streamlab";`);
    expect(findings(notebookOf(OPENING, IMPORT, more, ...GOOD.slice(2)))).toEqual([
      '2 cells import; one import from "streamlab" is the rule',
      "3: no prose before this code",
    ]);
  });

  test("links that do not follow from the file names are found", () => {
    expect(findings(notebookOf(...GOOD), "02-second.ipynb")).toEqual([
      "its links do not follow from the file names; run notebooks check --fix",
    ]);
  });
});

describe("a notebook's outputs", () => {
  const shown = (text: string): string[] => findings(notebookOf(...GOOD, prose("More."), code("backgroundErrors();", text)));

  test.each(["/home/me/x", "in /Users/me", "file:///tmp/a", "C:\\Users\\me"])("the absolute path in %j is found", (text) => {
    expect(shown(text)).toEqual([expect.stringContaining("an output shows an absolute path")]);
  });

  test.each(["./src/a.ts", "http://127.0.0.1:8050/home/x", "10 msg/s", "<tmp>/x", "~/tmp/x"])("%j is no absolute path", (text) => {
    expect(shown(text)).toEqual([]);
  });

  test("more than 200 kB are found", () => {
    expect(shown("x".repeat(210_000))).toEqual([expect.stringMatching(/^it weighs \d+ kB, allowed are 200 kB$/)]);
  });
});

describe("a cell", () => {
  test.each([
    [`const double = (n: number) => n * 2;\ndouble(2)`, []],
    [`import { a } from "kafkajs";`, ['imports "kafkajs"; notebooks import only from "streamlab"']],
    [`await import("vega")`, ["imports within the cell"]],
    [`function f() {}`, ["declares a function; it belongs into src"]],
    [`const f = function () {};`, ["declares a function; it belongs into src"]],
    [`class A {}`, ["declares a class; it belongs into src"]],
    [`type A = 1;`, ["declares a type; it belongs into src"]],
    [`const f = () => {\n  1;\n  2;\n};`, ["an arrow of 4 lines; a small one has at most 3"]],
    [Array.from({ length: 16 }, () => "1;").join("\n"), ["16 lines; a cell has at most 15"]],
  ])("%j", (source, expected) => {
    expect(checkCell(source)).toEqual(expected);
  });
});

describe("links", () => {
  test("come from the file names in their order", () => {
    expect(navigationText("02-second.ipynb", ALL)).toBe("---\n← [01 first](01-first.ipynb) · [00 index](00-index.ipynb)");
    expect(navigationText("01-first.ipynb", ALL)).toBe("---\n[00 index](00-index.ipynb) · [02 second](02-second.ipynb) →");
    expect(navigationText("00-index.ipynb", ALL)).toBe("---\n[01 first](01-first.ipynb) →");
  });
});
