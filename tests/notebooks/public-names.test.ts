import type ts from "@tslab/typescript-for-tslab";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../src/base/project.ts";
import { CellProcess } from "../../src/notebook/cell-process.ts";
import { loadCompiler } from "../../src/notebook/tslab.ts";

const compiler = loadCompiler();
const index = path.join(projectRoot, "src", "index.ts");
let program: ts.Program;
let names: { readonly values: readonly string[]; readonly types: readonly string[] };

beforeAll(() => {
  program = compiler.createProgram([index], {
    module: compiler.ModuleKind.ESNext,
    moduleResolution: compiler.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: compiler.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts"],
  });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(index);
  const symbol = file && checker.getSymbolAtLocation(file);
  const exported = symbol ? checker.getExportsOfModule(symbol) : [];
  const resolved = exported.map((one) => [one.name, one.flags & compiler.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one] as const);
  const named = (flag: ts.SymbolFlags): string[] => resolved.flatMap(([name, one]) => (one.flags & flag ? [name] : []));
  names = { values: named(compiler.SymbolFlags.Value), types: named(compiler.SymbolFlags.Type) };
});

test("the cells' compiler can read every file that the public names reach", () => {
  const reached = program.getSourceFiles().filter((file) => file.fileName.startsWith(path.dirname(index)) && !file.isDeclarationFile);
  const unreadable = reached.flatMap((file) =>
    program
      .getSyntacticDiagnostics(file)
      .map((found) => `${path.relative(projectRoot, file.fileName)}: ${compiler.flattenDiagnosticMessageText(found.messageText, " ")}`),
  );
  expect(reached.length).toBeGreaterThan(5);
  expect(unreadable).toEqual([]);
});

test("a cell sees every public name with its type", async () => {
  expect(names.values).toContain("showTable");
  expect(names.types).toContain("MimeBundle");
  const kernel = await CellProcess.start();
  const printed: string[] = [];
  try {
    const source = [
      `import { ${names.values.join(", ")} } from "streamlab";`,
      `import type { ${names.types.map((name) => `${name} as ${name}Type`).join(", ")} } from "streamlab";`,
      `type IsAny<T> = 0 extends 1 & T ? true : false;`,
      ...names.values.map((name) => `const ${name}IsKnown: IsAny<typeof ${name}> = false;`),
      `[${names.values.join(", ")}].filter((value) => value === undefined).length`,
    ].join("\n");
    const error = await kernel.execute(source, {
      timeoutMs: 30_000,
      onOutput: (output) => output.type === "stream" && printed.push(output.text),
    });
    expect(error).toBeUndefined();
    expect(printed).toEqual(["0\n"]);
  } finally {
    await kernel.close();
  }
});
