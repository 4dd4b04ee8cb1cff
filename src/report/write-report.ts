import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "../base/atomic-file.ts";
import { writeSeries } from "../monitor/series.ts";
import { drawFigures } from "./figures.ts";
import { grade, type Grade } from "./grade.ts";
import { reportHtml, type Picture } from "./html.ts";
import { reportMarkdown } from "./markdown.ts";
import { readRunRecord } from "./run-record.ts";

export interface ReportFolders {
  /** Holds run.json. */
  readonly data: string;
  /** Gets report.md, report.html and figures/. */
  readonly out: string;
}

export interface WrittenReport {
  readonly markdown: string;
  readonly html: string;
  /** The figures' SVG files. */
  readonly figures: readonly string[];
  readonly grade: Grade;
}

const SCREENSHOT = /^screenshot-[\w-]+\.png$/;

/**
 * Builds `<out>/report.md`, `<out>/report.html` (one offline file), `<out>/figures/` and the series as a table (`<out>/data/series.csv`, `.json`)
 * from `<data>/run.json`. Screenshots that the run left as `<out>/figures/screenshot-*.png` are included, those of an earlier run are not. Refuses without a sound record (ReportError).
 */
export async function writeReport(folders: ReportFolders): Promise<WrittenReport> {
  const record = await readRunRecord(folders.data);
  const figureFolder = path.join(folders.out, "figures");
  await mkdir(figureFolder, { recursive: true });
  const drawn = await drawFigures(record, figureFolder);
  await writeSeries(path.join(folders.out, "data"), record.series);
  const screenshots = await screenshotsSince(figureFolder, Date.parse(record.startedAt));
  const pictures = new Map<string, Picture>();
  const figures = new Map<string, { path: string; description: string }>();
  for (const [name, figure] of drawn) {
    figures.set(name, { path: `figures/${name}.svg`, description: figure.description });
    pictures.set(`figures/${name}.svg`, { svg: name === "architecture" ? figure.svg.replace("<svg ", "<svg data-narrow ") : figure.svg });
  }
  for (const name of screenshots) pictures.set(`figures/${name}`, { png: await readFile(path.join(figureFolder, name)) });
  const verdict = grade(record);
  const markdown = reportMarkdown({
    record,
    grade: verdict,
    figures,
    screenshots: screenshots.map((name) => ({ path: `figures/${name}`, title: screenshotTitle(name) })),
  });
  const html = reportHtml(markdown, `Lab report, ${record.startedAt}`, pictures);
  const files = { markdown: path.join(folders.out, "report.md"), html: path.join(folders.out, "report.html") };
  await writeFileAtomic(files.markdown, markdown);
  await writeFileAtomic(files.html, html);
  return { ...files, figures: [...drawn.values()].map((figure) => figure.files.svg), grade: verdict };
}

async function screenshotsSince(folder: string, sinceMs: number): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => SCREENSHOT.test(name)).sort();
  const times = await Promise.all(names.map((name) => stat(path.join(folder, name))));
  return names.filter((_name, index) => (times[index]?.mtimeMs ?? 0) >= sinceMs);
}

/** "screenshot-dashboard-dark.png" → "Screenshot: dashboard dark". */
function screenshotTitle(name: string): string {
  return `Screenshot: ${name.slice("screenshot-".length, -".png".length).replaceAll("-", " ")}`;
}
