/** Text from data inside Markdown prose or a table cell: it means nothing to Markdown and nothing to HTML, and stays on one line. */
export function plainText(text: string): string {
  return printable(text)
    .replace(/[^\S\u00a0]+/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/[\\`*[\]{}|~#!]/g, (character) => `\\${character}`)
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\_")
    .replace(/^(\s*\d*)([-+.)])(?=\s|$)/, "$1\\$2")
    .replace(/\bhttps?:(?=\/\/)/gi, (scheme) => `${scheme.slice(0, -1)}&#58;`)
    .replace(/\bwww\./gi, (www) => `${www.slice(0, -1)}&#46;`)
    .replaceAll("@", "&#64;");
}

/** Text from data as inline code; safe in a table cell as well. */
export function inlineCode(text: string): string {
  const line = printable(text).replace(/\s+/g, " ").replaceAll("|", "\\|");
  if (line.trim() === "") return "";
  const ticks = "`".repeat(longestRun(line, "`") + 1);
  const pad = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${ticks}${pad}${line}${pad}${ticks}`;
}

/** Text from data as a block of code that it cannot break out of; cut at `limit` characters. */
export function codeBlock(text: string, language: string = "", limit: number = 2000): string {
  const shown = printable(text.length > limit ? `${text.slice(0, limit)} …` : text);
  const fence = "`".repeat(Math.max(3, longestRun(shown, "`") + 1));
  return `${fence}${language}\n${shown}\n${fence}`;
}

/** A table from a head and rows of cells that are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function longestRun(text: string, character: string): number {
  let longest = 0;
  let run = 0;
  for (const one of text) {
    run = one === character ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** Control characters, unpaired surrogates and marks that turn the direction of text become a visible replacement. */
function printable(text: string): string {
  return text
    .replace(/\p{Cs}/gu, "\ufffd")
    .replaceAll("\r\n", "\n")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, "\ufffd");
}
