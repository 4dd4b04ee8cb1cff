import { styleText } from "node:util";
import type { Criterion, Grade } from "./grade.ts";

export interface GradeTextOptions {
  /** Columns of the terminal; 100 unless given. */
  readonly width?: number;
  readonly colour?: boolean;
}

const SIGNS: Readonly<Record<Criterion["verdict"], string>> = { met: "✓", "not met": "✗", "not shown": "–" };
const COLOURS = { met: "green", "not met": "red", "not shown": "yellow" } as const;

/** The grade as a table for a terminal: sign, mark that needs the criterion, criterion, and the evidence beneath. */
export function gradeText(grade: Grade, options: GradeTextOptions = {}): string {
  const { width = 100, colour = false } = options;
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const lines = grade.criteria.flatMap((one) => [
    `${paint(COLOURS[one.verdict], SIGNS[one.verdict])} ${one.neededFor}  ${one.name}${one.verdict === "met" ? "" : ` (${one.verdict})`}`,
    ...wrap(visible(one.evidence), Math.max(40, width) - 5).map((line) => paint("dim", `     ${line}`)),
  ]);
  return `${[...lines, "", ...wrap(visible(grade.summary), Math.max(40, width)).map((line) => paint("bold", line))].join("\n")}\n`;
}

/** Evidence holds text from data: nothing in it may steer the terminal. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, "\ufffd");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
