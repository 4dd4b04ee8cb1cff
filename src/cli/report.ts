import type { Command } from "commander";
import path from "node:path";
import { projectRoot } from "../base/project.ts";

interface ReportFlags {
  readonly data?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** Where the lab leaves a run's record, and the report is written. */
export const REPORT_FOLDER: string = path.join(projectRoot, "report");
export const REPORT_DATA_FOLDER: string = path.join(REPORT_FOLDER, "data");

/** `streamlab report`: the report of the last run, built again from what the run left (labs.md A12). */
export function addReport(program: Command): void {
  program
    .command("report")
    .description("build report.md, report.html and the figures from the data of a run")
    .option("--data <folder>", "where run.json lies (default: report/data of the project)")
    .option("--out <folder>", "where the report goes (default: report of the project)")
    .option("--json", "print the paths and the mark as JSON")
    .addHelpText("after", "\nExample:\n  streamlab report --data report/data --out report")
    .action(async (flags: ReportFlags) => {
      const { writeReport } = await import("../report/write-report.ts");
      const written = await writeReport({ data: flags.data ?? REPORT_DATA_FOLDER, out: flags.out ?? REPORT_FOLDER });
      const { markdown, html, figures, grade } = written;
      if (flags.json) {
        process.stdout.write(`${JSON.stringify({ markdown, html, figures, mark: grade.mark })}\n`);
        return;
      }
      const shown = (file: string): string => {
        const relative = path.relative(process.cwd(), file);
        return relative.startsWith("..") ? path.resolve(file) : relative;
      };
      process.stdout.write(
        `${shown(html)}\n${shown(markdown)}\n${figures.length} figures in ${shown(path.dirname(figures[0] ?? html))}\n${grade.summary}\n`,
      );
    });
}
