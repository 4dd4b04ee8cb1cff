import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { REPORT_DATA_FOLDER } from "./report.ts";

interface GradeFlags {
  readonly data?: string;
  readonly atLeast: number;
  readonly json?: boolean;
}

/** `streamlab grade`: every criterion of the lab with its evidence, and the mark (labs.md A13). Exit code 1 below the mark that was asked for. */
export function addGrade(program: Command): void {
  program
    .command("grade")
    .description("grade the last run by the criteria of the lab; exit code 0 from the asked mark on")
    .option("--data <folder>", "where run.json lies (default: report/data of the project)")
    .option("--at-least <mark>", "the mark that counts as success, 2 to 5", mark, 3)
    .option("--json", "print the grade as JSON")
    .addHelpText("after", "\nExample:\n  streamlab grade --at-least 5")
    .action(async (flags: GradeFlags) => {
      const [{ grade }, { gradeText }, { readRunRecord }] = await Promise.all([
        import("../report/grade.ts"),
        import("../report/grade-text.ts"),
        import("../report/run-record.ts"),
      ]);
      const found = grade(await readRunRecord(flags.data ?? REPORT_DATA_FOLDER));
      const colour = process.stdout.isTTY && !process.env.NO_COLOR;
      process.stdout.write(
        flags.json ? `${JSON.stringify(found)}\n` : gradeText(found, { width: Math.min(process.stdout.columns ?? 100, 120), colour }),
      );
      if (found.mark < flags.atLeast) process.exitCode = 1;
    });
}

function mark(text: string): number {
  const value = Number(text);
  if (![2, 3, 4, 5].includes(value)) throw new InvalidArgumentError("It must be 2, 3, 4 or 5.");
  return value;
}
