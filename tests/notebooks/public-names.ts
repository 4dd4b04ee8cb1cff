import path from "node:path";
import { projectRoot } from "../../src/base/project.ts";
import { loadCompiler } from "../../src/notebook/tslab.ts";

/** What the cells' compiler, which is older than the project's, makes of the public names. */
export interface PublicNames {
  readonly values: readonly string[];
  readonly types: readonly string[];
  /** How many files of the project the names reach. */
  readonly files: number;
  /** Syntax in these files that it cannot read, one line each. */
  readonly unreadable: readonly string[];
}

/** Reads src/index.ts, and all that it reaches, as a cell's import would. */
export function readPublicNames(): PublicNames {
  const compiler = loadCompiler();
  const index = path.join(projectRoot, "src", "index.ts");
  const program = compiler.createProgram([index], {
    module: compiler.ModuleKind.ESNext,
    moduleResolution: compiler.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: compiler.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts"],
    types: ["node"],
  });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(index);
  const module = file && checker.getSymbolAtLocation(file);
  const exported = (module ? checker.getExportsOfModule(module) : []).map((name) => ({
    name: name.name,
    flags: (name.flags & compiler.SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name).flags,
  }));
  const source = path.dirname(index).replaceAll("\\", "/");
  const reached = program.getSourceFiles().filter((one) => one.fileName.startsWith(`${source}/`));
  return {
    values: exported.flatMap(({ name, flags }) => (flags & compiler.SymbolFlags.Value ? [name] : [])),
    types: exported.flatMap(({ name, flags }) => (flags & compiler.SymbolFlags.Type ? [name] : [])),
    files: reached.length,
    unreadable: reached.flatMap((one) =>
      program
        .getSyntacticDiagnostics(one)
        .map(({ messageText }) => `${path.relative(source, one.fileName)}: ${compiler.flattenDiagnosticMessageText(messageText, " ")}`),
    ),
  };
}
