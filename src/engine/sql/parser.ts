import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { messageOf } from "../../base/errors.ts";
import { prepareSource } from "./source-text.ts";
import type { SourceText } from "./source-text.ts";
import type { Place } from "./sql-error.ts";
import { syntaxError, unsupportedSql } from "./sql-error.ts";

/** A node of the parser library's tree: an enum is an object with one key, or a text where it has no content. */
export type Ast = null | boolean | number | string | readonly Ast[] | { readonly [key: string]: Ast };
/** An object of that tree. */
export type AstObject = { readonly [key: string]: Ast };

/** A parsed query and the text that it came from. */
export interface ParsedQuery {
  readonly query: AstObject;
  readonly source: SourceText;
}

interface ParserLibrary {
  initSync(given: { readonly module: Uint8Array }): unknown;
  parse_sql(dialect: string, sql: string): unknown;
}

let library: ParserLibrary | undefined;

/**
 * The one place that knows the parser library: DataFusion's sqlparser in its Spark dialect, compiled to WebAssembly. It is loaded at the first query,
 * through its inner module, because only that one can be loaded without waiting.
 */
function parserLibrary(): ParserLibrary {
  if (library) return library;
  const require = createRequire(import.meta.url);
  const folder = path.join(path.dirname(require.resolve("@guanmingchiu/sqlparser-ts")), "..", "wasm");
  const loaded = require(path.join(folder, "sqlparser_rs_wasm.js")) as ParserLibrary;
  loaded.initSync({ module: readFileSync(path.join(folder, "sqlparser_rs_wasm_bg.wasm")) });
  library = loaded;
  return loaded;
}

/** Reads one query. @throws AnalysisError PARSE_SYNTAX_ERROR with the place, UNSUPPORTED_FEATURE for statements that are no queries */
export function parseSql(written: string): ParsedQuery {
  const source = prepareSource(written);
  const statements = parsed(source);
  const [statement] = statements;
  if (!isObject(statement)) throw syntaxError("the text holds no query", undefined);
  if (statements.length > 1) throw syntaxError(`${statements.length} statements`, placeOf(statements[1] ?? null, source));
  if (!isObject(statement.Query)) {
    throw unsupportedSql(
      `The statement ${/^\W*(\w+)/.exec(written)?.[1]?.toUpperCase() ?? ""}`,
      { line: 1, column: 1 },
      "Only queries are: SELECT, WITH, VALUES.",
    );
  }
  return { query: statement.Query, source };
}

function parsed(source: SourceText): readonly Ast[] {
  try {
    return parserLibrary().parse_sql("spark", source.text) as readonly Ast[];
  } catch (thrown) {
    const message = typeof thrown === "object" && thrown !== null && "message" in thrown ? String(thrown.message) : messageOf(thrown);
    const [, line, column] = /,? at Line: (\d+), Column: (\d+)/.exec(message) ?? [];
    const found = message.replace(/^sql parser error: /, "").replace(/,? at Line: \d+, Column: \d+.*$/s, "");
    throw syntaxError(found, line === undefined ? undefined : source.place({ line: Number(line), column: Number(column) }), thrown);
  }
}

export function isObject(ast: Ast | undefined): ast is AstObject {
  return typeof ast === "object" && ast !== null && !Array.isArray(ast);
}

/** The elements of a list; none for anything else. */
export function listOf(ast: Ast | undefined): readonly Ast[] {
  return Array.isArray(ast) ? (ast as readonly Ast[]) : [];
}

/** An enum's name and content. */
export function variantOf(ast: Ast | undefined): readonly [string, Ast] {
  if (typeof ast === "string") return [ast, null];
  const [entry] = isObject(ast) ? Object.entries(ast) : [];
  return entry ?? ["", null];
}

/** An identifier's text. */
export function identifier(ast: Ast | undefined): string {
  if (!isObject(ast)) return "";
  if (isObject(ast.Identifier)) return identifier(ast.Identifier);
  return typeof ast.value === "string" ? ast.value.replaceAll("``", "`") : "";
}

/** Where the node begins: the first place that anything in it has. */
export function placeOf(ast: Ast | undefined, source: SourceText): Place | undefined {
  const first = firstPlace(ast ?? null);
  return first && source.place(first);
}

function firstPlace(ast: Ast): Place | undefined {
  if (Array.isArray(ast)) return earliest((ast as readonly Ast[]).map(firstPlace));
  if (!isObject(ast)) return undefined;
  const start = isObject(ast.span) ? ast.span.start : undefined;
  if (isObject(start) && typeof start.line === "number" && typeof start.column === "number" && start.line > 0)
    return { line: start.line, column: start.column };
  return earliest(Object.values(ast).map(firstPlace));
}

function earliest(places: readonly (Place | undefined)[]): Place | undefined {
  return places.reduce((first, one) => {
    if (!one || !first) return first ?? one;
    return one.line < first.line || (one.line === first.line && one.column < first.column) ? one : first;
  }, undefined);
}

/** A whole number that stands alone: a place in SELECT's list, or a LIMIT. */
export function placeNumber(node: Ast): number | undefined {
  const value = isObject(node) && isObject(node.Value) ? node.Value.value : null;
  const [kind, content] = variantOf(value ?? null);
  const digits = kind === "Number" ? String(listOf(content)[0]) : "";
  return /^\d+$/.test(digits) ? Number(digits) : undefined;
}
