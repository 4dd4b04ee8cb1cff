import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CellError } from "../../src/notebook/cell-error.ts";
import { CellProcess, type CellOutput } from "../../src/notebook/cell-process.ts";
import { readPublicNames } from "./public-names.ts";

interface Ran {
  readonly error: CellError | undefined;
  readonly outputs: readonly CellOutput[];
  /** Everything on stdout. */
  readonly printed: string;
}

let kernel: CellProcess;

async function run(source: string, timeoutMs: number = 20_000): Promise<Ran> {
  const outputs: CellOutput[] = [];
  const error = await kernel.execute(source, { timeoutMs, onOutput: (output) => outputs.push(output) });
  const printed = outputs.map((output) => (output.type === "stream" && output.name === "stdout" ? output.text : "")).join("");
  return { error, outputs, printed };
}

/** Runs a cell that must pass, and gives what it printed. */
async function print(source: string): Promise<string> {
  const { error, printed } = await run(source);
  expect(error).toBeUndefined();
  return printed.trim();
}

beforeAll(async () => {
  kernel = await CellProcess.start({ STREAMLAB_NOTEBOOK_PARAMETERS: JSON.stringify({ seconds: 3 }) });
});

afterAll(() => kernel.close());

describe("what a cell imports", () => {
  test("the product by its name, its names checked against their types", async () => {
    expect(await print(`import { parseDurationUs } from "streamlab"; parseDurationUs("1 minute")`)).toBe("60000000");
    const { error } = await run(`const ok = 1;\nconst bad = parseDurationUs(ok);`);
    expect(error).toMatchObject({ ename: "TypeScriptError" });
    expect(error?.traceback.join("\n")).toContain("line 2, column 29: Argument of type 'number' is not assignable");
  });

  test("a misspelt name of the product is an error before anything runs", async () => {
    const { error, printed } = await run(`console.log("ran"); import { parseDurationUsec } from "streamlab"; parseDurationUsec("1 s")`);
    expect(error?.evalue).toContain("parseDurationUsec");
    expect(printed).toBe("");
  });

  test("trap 1: a package that awaits at its top level, through a module of the project that loads it late", async () => {
    expect(await print(`import { vegaVersion } from "./tests/notebooks/fixtures/lazy-vega.ts"; await vegaVersion()`)).toMatch(
      /6\.\d+\.\d+/,
    );
  });

  test("trap 2: a subpath that only package exports name", async () => {
    expect(await print(`import { serveStatic } from "@hono/node-server/serve-static"; typeof serveStatic`)).toBe("function");
  });

  test("trap 3: a file of the project, from the project's folder", async () => {
    expect(await print(`import { parseDurationMs } from "./src/base/duration.ts"; parseDurationMs("1 second")`)).toBe("1000");
  });

  test("trap 13: a file that says import.meta", async () => {
    expect(await print(`import { folderName } from "./tests/notebooks/fixtures/lazy-vega.ts"; folderName`)).toBe("fixtures");
  });
});

describe("the public names", () => {
  const names = readPublicNames();

  test("reach only files that the cells' compiler can read", () => {
    expect(names.files).toBeGreaterThan(5);
    expect(names.unreadable).toEqual([]);
  });

  test("all come into a cell with their types", async () => {
    expect(names.values).toContain("showTable");
    expect(names.types).toContain("MimeBundle");
    const source = [
      `import { ${names.values.join(", ")} } from "streamlab";`,
      `import type { ${names.types.map((name) => `${name} as ${name}Type`).join(", ")} } from "streamlab";`,
      "type IsAny<T> = 0 extends 1 & T ? true : false;",
      ...names.values.map((name) => `const ${name}IsKnown: IsAny<typeof ${name}> = false;`),
      `Object.values<unknown>({ ${names.values.map((name) => `${name}: ${name}`).join(", ")} }).filter((value) => value === undefined).length`,
    ];
    expect(await print(source.join("\n"))).toBe("0");
  });
});

describe("what a cell may say", () => {
  test("trap 4: shorthand of an earlier cell's variables, also as the target of an assignment", async () => {
    await run(`let left = 1, right = "x";`);
    expect(await print(`({ left, right })`)).toBe("{ left: 1, right: 'x' }");
    await run(`({ left, right = "y" } = { left: 5 });`);
    expect(await print(`[left, right]`)).toBe("[ 5, 'y' ]");
    expect(await print(`const own = 3; ((right: number) => ({ own, right, left }))(4)`)).toBe("{ own: 3, right: 4, left: 5 }");
  });

  test("trap 5: await of an expression in brackets, alone and with its type", async () => {
    await run(`const twice = async (x: number) => x * 2;`);
    expect(await print(`await (twice(4))`)).toBe("8");
    expect(await print(`const doubled: number = await (twice(5)); doubled`)).toBe("10");
  });

  test("trap 5: for await alone", async () => {
    await run(`async function* letters() { yield "a"; yield "b"; }`);
    expect(await print(`for await (const letter of letters()) console.log(letter);`)).toBe("a\nb");
  });

  test("an error in the line of the first await is shown at its own column", async () => {
    const { error } = await run(`const text: string = await twice(4);`);
    expect(error?.traceback[0]).toContain("line 1, column 7:");
  });

  test("trap 13: strict types", async () => {
    const { error } = await run(`new Map<string, number>().get("x").toFixed()`);
    expect(error?.evalue).toContain("Object is possibly 'undefined'");
  });

  test("names, functions, classes and types live on and can be declared again", async () => {
    await run(`class Point { x = 1 }\ninterface Named { name: string }\nconst again = 1;`);
    expect(await print(`const named: Named = { name: "n" }; const again = "two"; [new Point().x, named.name, again]`)).toBe(
      "[ 1, 'n', 'two' ]",
    );
  });
});

describe("what a cell puts out", () => {
  test("trap 6b: thousands of lines come in few messages, none lost, in order", async () => {
    const { outputs, printed } = await run(`for (let i = 0; i < 3_000; i++) console.log(i);`);
    expect(printed).toBe(Array.from({ length: 3_000 }, (_, i) => `${i}\n`).join(""));
    expect(outputs.length).toBeLessThan(20);
  });

  test("stdout and stderr keep their order", async () => {
    const { outputs } = await run(`console.log(1); console.error(2); console.log(3);`);
    expect(outputs.map((output) => output.type === "stream" && `${output.name} ${output.text}`)).toEqual([
      "stdout 1\n",
      "stderr 2\n",
      "stdout 3\n",
    ]);
  });

  test("trap 11: a figure is one bundle of several forms", async () => {
    const { outputs } = await run(
      `import { show } from "streamlab"; show({ "image/svg+xml": "<svg/>", "application/vnd.vegalite.v5+json": { mark: "bar" }, "text/plain": "bars" });`,
    );
    expect(outputs).toMatchObject([
      {
        type: "display",
        update: false,
        data: { "image/svg+xml": "<svg/>", "application/vnd.vegalite.v5+json": { mark: "bar" }, "text/plain": "bars" },
      },
    ]);
  });

  test("bytes of a bundle become base64", async () => {
    const { outputs } = await run(`show({ "image/png": new Uint8Array([1, 2, 3]) });`);
    expect(outputs).toMatchObject([{ data: { "image/png": "AQID" } }]);
  });

  test("a live display is updated in its place", async () => {
    const { outputs } = await run(
      `import { liveDisplay } from "streamlab"; const live = liveDisplay(); live.update({ "text/plain": "1" }); live.update({ "text/plain": "2" });`,
    );
    expect(outputs).toMatchObject([
      { update: false, data: { "text/plain": "1" } },
      { update: true, data: { "text/plain": "2" } },
    ]);
  });

  test("tslab's own display works too", async () => {
    const { outputs } = await run(`import * as tslab from "tslab"; tslab.display.html("<b>x</b>");`);
    expect(outputs).toMatchObject([{ type: "display", data: { "text/html": "<b>x</b>" } }]);
  });

  test("a DataFrame is shown as a table, hostile values as text", async () => {
    const { outputs } = await run(
      `import { dataFrame, showTable } from "streamlab"; showTable(dataFrame([{ id: "<img src=x onerror=alert(1)>", n: 1 }]).groupby(["id"]).agg({ n: "sum" }));`,
    );
    const html = outputs[0]?.type === "display" ? String(outputs[0].data["text/html"]) : "";
    expect(html).toContain("&#60;img src=x onerror=alert(1)&#62;");
    expect(html).not.toContain("<img");
    expect(outputs[0]).toMatchObject({ data: { "text/plain": expect.stringContaining("n_sum") as string } });
  });

  test("parameters reach the cell with their types", async () => {
    expect(
      await print(
        `import { notebookParameters } from "streamlab"; const given = notebookParameters({ seconds: { quick: 1, full: 60 }, name: "a" }); given`,
      ),
    ).toBe("{ profile: 'quick', seconds: 3, name: 'a' }");
    expect((await run(`const wrong: string = given.seconds;`)).error?.evalue).toContain("Type 'number' is not assignable to type 'string'");
  });
});

describe("what goes wrong in a cell", () => {
  test("trap 7: a thrown error is data, without the kernel's own frames", async () => {
    const { error } = await run(`const fail = () => { throw new RangeError("too far"); };\nfail();`);
    expect(error).toMatchObject({ ename: "RangeError", evalue: "too far" });
    expect(error?.traceback.join("\n")).not.toMatch(/evalmachine|executor\.js|node:/);
  });

  test("trap 7: what is thrown may be no error at all", async () => {
    expect((await run(`throw { code: 7 };`)).error).toMatchObject({ ename: "Thrown", evalue: "{ code: 7 }" });
    expect((await run(`throw undefined;`)).error).toMatchObject({ ename: "Thrown", evalue: "undefined" });
    expect((await run(`await Promise.reject(new Error("rejected"));`)).error).toMatchObject({ evalue: "rejected" });
  });

  test("trap 8: the cell after a failed one runs at once", async () => {
    expect((await run(`throw new Error("first");`)).error).toBeDefined();
    expect(await print(`"second"`)).toBe("second");
  });

  test("trap 10: errors that nobody catches fail the cell, and are counted", async () => {
    expect((await run(`void Promise.reject(new Error("unseen rejection"));`)).error).toMatchObject({ evalue: "unseen rejection" });
    expect(
      (await run(`setTimeout(() => { throw new Error("unseen throw"); }, 1); await new Promise((resolve) => setTimeout(resolve, 50));`))
        .error,
    ).toMatchObject({ evalue: "unseen throw" });
    expect(await print(`import { backgroundErrors } from "streamlab"; backgroundErrors().join()`)).toBe("unseen rejection,unseen throw");
  });

  test("a failed check says what was found and gives the hint; a right one is ticked", async () => {
    await run(`import { check, checkEqual } from "streamlab";`);
    const { error } = await run(`checkEqual("sum", 1 + 1, 3, "Count again.");`);
    expect(error?.evalue).toBe("✗ sum (2 where 3 is expected). Count again.");
    expect(await print(`check("sum", 1 + 1 === 2, "Count again.")`)).toBe("✓ sum");
  });

  test("trap 9: a cell over its limit sees its signal abort, and is ended even when it does not listen", async () => {
    const { error, printed } = await run(
      `import { cellSignal } from "streamlab"; cellSignal().addEventListener("abort", () => console.log("told")); await new Promise(() => {});`,
      200,
    );
    expect(error).toMatchObject({ ename: "Timeout", evalue: "the cell took longer than 0.2 s and was ended" });
    expect(printed).toBe("told\n");
    expect(kernel.alive).toBe(false);
    expect((await run(`1`)).error).toMatchObject({ ename: "KernelDied" });
  });
});
