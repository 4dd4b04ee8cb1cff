import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { format } from "prettier";
import ts from "typescript";
import { builtinAggregates, builtinFunctions } from "../../src/engine/functions/registry.ts";

/** Writes docs/functions.md anew: `node tests/docs/functions-page.ts`. */

const root = path.resolve(import.meta.dirname, "../..");

/** Where the page lies. */
export const PAGE: string = path.join(root, "docs", "functions.md");

/** A call that users have for a function of Spark SQL: a function of the public list, or a method of columns. */
export interface ApiCall {
  readonly name: string;
  /** "upper(text: Text): Column<string>", one for each overload. */
  readonly signatures: readonly string[];
  /** The SQL functions that its body calls. */
  readonly calls: readonly string[];
  /** Its doc comment, on one line; "" without one. */
  readonly doc: string;
}

/** The families of functions, in the order of the page. */
const FAMILIES: Readonly<Record<string, string>> = {
  literals: "Literals and expressions",
  conditionals: "Choices and nulls",
  math: "Numbers",
  bits: "Bits",
  text: "Text",
  patterns: "Patterns",
  bytes: "Bytes, encodings, hashes",
  dates: "Dates",
  instants: "Instants",
  windows: "Windows of event time",
  arrays: "Arrays",
  maps: "Maps and structs",
  "higher-order": "Functions of elements and entries",
  json: "JSON and CSV",
  aggregates: "Aggregates",
  statistics: "Statistics",
};

/** What SQL has as words of its own, and how the column API says it. */
export const SAID_OTHERWISE: Readonly<Record<string, string>> = {
  if: "`when(…).otherwise(…)`",
  div: '`expr("a div b")`',
  "==": "`eq`",
  "!=": "`neq`",
  "!": "`not`",
  pow: "`pow`",
  mean: "`mean`",
};

/** The functions of one family. */
export function familyCalls(family: string): ApiCall[] {
  return callsOf(path.join(root, "src/engine/functions/api", `${family}.ts`), (node) =>
    ts.isFunctionDeclaration(node) && exported(node) ? node : undefined,
  );
}

/** The methods of columns. */
export function columnMethods(): ApiCall[] {
  return callsOf(path.join(root, "src/engine/columns/column.ts"), (node) => (ts.isMethodDeclaration(node) ? node : undefined));
}

export function families(): string[] {
  const files = readdirSync(path.join(root, "src/engine/functions/api")).filter((name) => name !== "arguments.ts");
  return files.map((name) => name.replace(/\.ts$/, "")).sort((a, b) => Object.keys(FAMILIES).indexOf(a) - Object.keys(FAMILIES).indexOf(b));
}

type Callable = ts.FunctionDeclaration | ts.MethodDeclaration;

function exported(node: ts.FunctionDeclaration): boolean {
  return node.modifiers?.some((one) => one.kind === ts.SyntaxKind.ExportKeyword) === true;
}

function callsOf(file: string, pick: (node: ts.Node) => Callable | undefined): ApiCall[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const found = new Map<string, Callable[]>();
  const visit = (node: ts.Node): void => {
    const one = pick(node);
    if (one?.name) found.set(one.name.getText(), [...(found.get(one.name.getText()) ?? []), one]);
    else ts.forEachChild(node, visit);
  };
  visit(source);
  return [...found].map(([name, all]) => ({
    name,
    signatures: (all.length === 1 ? all : all.filter((one) => !one.body)).map(signature),
    calls: all.flatMap((one) => [...(one.body?.getText() ?? "").matchAll(/\bcall(?:<\w+>)?\("([^"]+)"/g)].map((match) => match[1] ?? "")),
    doc: all.map((one) => ts.getTextOfJSDocComment(ts.getJSDocCommentsAndTags(one)[0]?.comment) ?? "").find((text) => text !== "") ?? "",
  }));
}

function signature(one: Callable): string {
  const generic = one.typeParameters ? `<${one.typeParameters.map((parameter) => parameter.getText()).join(", ")}>` : "";
  const parameters = one.parameters.map((parameter) => parameter.getText()).join(", ");
  return `${one.name?.getText() ?? ""}${generic}(${parameters}): ${one.type?.getText() ?? "void"}`.replace(/\s+/g, " ");
}

/** The page, from the functions' own entries and declarations. */
export function functionsPage(): Promise<string> {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const known = new Map<string, { readonly name: string; readonly doc: string }>([...builtinFunctions, ...builtinAggregates]);
  const listed = new Set<string>();
  const sections = families().map((family) => {
    const rows = familyCalls(family).map((one) => {
      const sql = one.calls[0] ?? "";
      if (sql !== "") listed.add(sql);
      return `| \`${sql}\` | ${one.signatures.map((text) => `\`${cell(text)}\``).join("<br>")} | ${cell(known.get(sql)?.doc ?? one.doc)} |`;
    });
    return [`## ${FAMILIES[family] ?? family}`, "", "| SQL | TypeScript | |", "| --- | --- | --- |", ...rows, ""]
      .join("\n")
      .replaceAll("| `` |", "| |");
  });
  const methods = new Map(columnMethods().flatMap((one) => one.calls.map((sql) => [sql, `\`${one.name}\``])));
  const operators = [...known.values()]
    .filter((entry) => !listed.has(entry.name))
    .map((entry) => `| \`${cell(entry.name)}\` | ${methods.get(entry.name) ?? SAID_OTHERWISE[entry.name] ?? ""} | ${cell(entry.doc)} |`);
  const text = [
    "# Functions",
    "",
    `The engine knows ${known.size} functions and operators of Spark SQL. In SQL texts, \`expr\` and \`callFunction\` they have Spark's names, in TypeScript the same in`,
    "camelCase. This page is written by `node tests/docs/functions-page.ts`.",
    "",
    ...sections,
    "## Operators and words of SQL",
    "",
    "| SQL | in TypeScript | |",
    "| --- | --- | --- |",
    ...operators,
    "",
  ].join("\n");
  return format(text, { parser: "markdown", printWidth: 140 });
}

if (process.argv[1] === import.meta.filename) writeFileSync(PAGE, await functionsPage());
