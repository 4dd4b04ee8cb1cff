import type ts from "@tslab/typescript-for-tslab";
import { loadCompiler, type Compiler } from "./tslab.ts";

const MOST_LINES = 15;
const MOST_ARROW_LINES = 3;
const MODULE = "streamlab";

/** What a cell's source breaks: it is thin, imports only the product, and declares nothing larger than a small arrow. */
export function checkCell(source: string): string[] {
  const compiler = loadCompiler();
  const file = compiler.createSourceFile("cell.ts", source, compiler.ScriptTarget.Latest, true);
  const messages: string[] = [];
  const lines = source.trimEnd().split("\n").length;
  if (lines > MOST_LINES) messages.push(`${lines} lines; a cell has at most ${MOST_LINES}`);
  const visit = (node: ts.Node): void => {
    const message = checkNode(compiler, file, node);
    if (message) messages.push(message);
    compiler.forEachChild(node, visit);
  };
  visit(file);
  return messages;
}

function checkNode(compiler: Compiler, file: ts.SourceFile, node: ts.Node): string | undefined {
  if (compiler.isImportDeclaration(node) && (!compiler.isStringLiteral(node.moduleSpecifier) || node.moduleSpecifier.text !== MODULE))
    return `imports ${node.moduleSpecifier.getText(file)}; notebooks import only from "${MODULE}"`;
  if (compiler.isCallExpression(node) && node.expression.kind === compiler.SyntaxKind.ImportKeyword) return "imports within the cell";
  if (compiler.isFunctionDeclaration(node) || compiler.isFunctionExpression(node)) return "declares a function; it belongs into src";
  if (compiler.isClassLike(node)) return "declares a class; it belongs into src";
  if (compiler.isInterfaceDeclaration(node) || compiler.isTypeAliasDeclaration(node) || compiler.isEnumDeclaration(node))
    return "declares a type; it belongs into src";
  if (!compiler.isArrowFunction(node)) return undefined;
  const lines = node.getText(file).split("\n").length;
  return lines > MOST_ARROW_LINES ? `an arrow of ${lines} lines; a small one has at most ${MOST_ARROW_LINES}` : undefined;
}
