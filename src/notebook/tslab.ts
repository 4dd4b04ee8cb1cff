import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import type ts from "@tslab/typescript-for-tslab";
import type * as converterModule from "tslab/dist/converter.js";
import type * as executorModule from "tslab/dist/executor.js";
import type * as jupyterModule from "tslab/dist/jupyter.js";

/** tslab's modules as this project uses them, with the compiler patched. */
export interface Tslab {
  readonly converter: Mutable<typeof converterModule>;
  readonly executor: Mutable<typeof executorModule>;
  readonly jupyter: Mutable<typeof jupyterModule>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Converter = converterModule.Converter;
/** The compiler's API. */
export type Compiler = typeof ts;

const AWAIT_PREFIX = "await null; ";
const COMPILER = "@tslab/typescript-for-tslab";
const require = createRequire(import.meta.url);
const tslabRequire = createRequire(require.resolve("tslab"));
let loaded: Tslab | undefined;

/** tslab's own TypeScript, unpatched unless `loadTslab` came before: enough to parse a cell. */
export function loadCompiler(): Compiler {
  return tslabRequire(COMPILER) as Compiler;
}

/**
 * Loads tslab 1.0.22 with its TypeScript 5.0 replaced by a copy that resolves as Node 24 does and checks strictly, and with cells
 * that await always compiled as async. Loading twice gives the same modules.
 */
export function loadTslab(): Tslab {
  if (loaded) return loaded;
  const compilerFile = tslabRequire.resolve(COMPILER);
  const compiler = loadCompiler();
  const entry = require.cache[compilerFile];
  if (entry) entry.exports = patchCompiler(compiler);
  loaded = {
    converter: tslabRequire("./converter.js") as Tslab["converter"],
    executor: tslabRequire("./executor.js") as Tslab["executor"],
    jupyter: tslabRequire("./jupyter.js") as Tslab["jupyter"],
  };
  const { createConverter } = loaded.converter;
  loaded.converter.createConverter = (options) => awaitingConverter(createConverter(options));
  return loaded;
}

function patchCompiler(compiler: Compiler): Compiler {
  let program: ts.EmitAndSemanticDiagnosticsBuilderProgram | undefined;
  compiler.sys.useCaseSensitiveFileNames = true;
  const sys = Object.assign(Object.create(compiler.sys) as ts.System, {
    watchFile: () => ({ close: () => {} }),
    watchDirectory: () => ({ close: () => {} }),
  });
  const createProgram: ts.CreateProgram<ts.EmitAndSemanticDiagnosticsBuilderProgram> = (...args) => {
    program = compiler.createEmitAndSemanticDiagnosticsBuilderProgram(...args);
    const { getAllDependencies } = program;
    program.getAllDependencies = (file) => getAllDependencies(file).filter((name) => name.endsWith(".d.ts") || !existsSync(name));
    return program;
  };
  return {
    ...compiler,
    sys,
    createWatchCompilerHost: ((rootFiles: string[], options: ts.CompilerOptions, system: ts.System, _create: unknown, ...reporters: []) =>
      compiler.createWatchCompilerHost(
        rootFiles,
        { ...options, ...compilerOptions(compiler) },
        system,
        createProgram,
        ...reporters,
      )) as unknown as Compiler["createWatchCompilerHost"],
    visitEachChild: ((node: ts.Node, visitor: ts.Visitor, context: ts.TransformationContext) =>
      (compiler.isShorthandPropertyAssignment(node) && expandShorthand(compiler, program, node, visitor, context)) ||
      compiler.visitEachChild(node, visitor, context)) as Compiler["visitEachChild"],
  };
}

function compilerOptions(compiler: Compiler): ts.CompilerOptions {
  return {
    module: compiler.ModuleKind.ESNext,
    moduleResolution: compiler.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    strict: true,
    lib: ["lib.es2023.d.ts"],
    types: ["node"],
  };
}

/** tslab forgets that `{ a }` reads a variable: an earlier cell's `a` becomes `{ a: exports.a }` here. */
function expandShorthand(
  compiler: Compiler,
  program: ts.EmitAndSemanticDiagnosticsBuilderProgram | undefined,
  node: ts.ShorthandPropertyAssignment,
  visitor: ts.Visitor,
  context: ts.TransformationContext,
): ts.Node | undefined {
  const symbol = program?.getProgram().getTypeChecker().getShorthandAssignmentValueSymbol(node);
  const earlier = symbol?.declarations?.some((declaration) => declaration.getSourceFile().fileName.endsWith("/__prev__.d.ts"));
  if (!earlier) return undefined;
  const { factory } = compiler;
  const variable = factory.createPropertyAccessExpression(factory.createIdentifier("exports"), node.name);
  const fallback = node.objectAssignmentInitializer && compiler.visitNode(node.objectAssignmentInitializer, visitor, compiler.isExpression);
  void context;
  return factory.createPropertyAssignment(node.name, fallback ? factory.createAssignment(variable, fallback) : variable);
}

/** tslab makes a cell async only for an `await` that it recognizes; a first `await null` is always recognized. */
function awaitingConverter(converter: Converter): Converter {
  return {
    ...converter,
    convert: (earlier, source) => {
      if (!/\bawait\b/.test(source)) return converter.convert(earlier, source);
      const converted = converter.convert(earlier, AWAIT_PREFIX + source);
      for (const diagnostic of converted.diagnostics) {
        if (diagnostic.fileName !== undefined) continue;
        for (const position of [diagnostic.start, diagnostic.end]) {
          position.offset -= AWAIT_PREFIX.length;
          if (position.line === 0) position.character -= AWAIT_PREFIX.length;
        }
      }
      return converted;
    },
  };
}
