import { mkdir } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "../base/atomic-file.ts";
import { csvCell } from "../monitor/series.ts";
import { svgToPng, vegaLiteToSvg } from "./render.ts";

/** A vega-lite specification, features of 5.6 only, with its data inside. */
export type VegaLiteSpec = Readonly<Record<string, unknown>>;

/** One row of a figure's data: flat, as a CSV line. */
export type DataRow = Readonly<Record<string, string | number | null>>;

/** A figure that is not drawn yet: plain JSON. */
export interface Figure {
  /** File name without an ending: "throughput". */
  readonly name: string;
  /** What the figure shows, as a sentence for those who do not see it. */
  readonly description: string;
  readonly spec: VegaLiteSpec;
  /** The numbers that are drawn. */
  readonly data: readonly DataRow[];
}

/** What a notebook can show in one display call; JupyterLab takes the first it knows, exports take the SVG. */
export interface MimeBundle {
  readonly "application/vnd.vegalite.v5+json"?: VegaLiteSpec;
  readonly "image/svg+xml": string;
  readonly "text/plain": string;
}

/** A figure that lies in a folder. */
export interface DrawnFigure {
  readonly name: string;
  readonly description: string;
  readonly svg: string;
  readonly files: { readonly svg: string; readonly png: string; readonly csv: string; readonly json: string };
  readonly bundle: MimeBundle;
}

/** The figure as SVG text. */
export async function figureToSvg(figure: Figure): Promise<string> {
  return vegaLiteToSvg(figure.spec, figure.name, figure.description);
}

/** A table as CSV (RFC 4180): the columns of its first row. */
export function rowsToCsv(rows: readonly DataRow[]): string {
  const columns = Object.keys(rows[0] ?? {});
  return `${[columns, ...rows.map((row) => columns.map((column) => row[column]))].map((line) => line.map(csvCell).join(",")).join("\n")}\n`;
}

/** Draws a figure and writes `<folder>/<name>.svg`, `.png`, `.csv` and `.json` (the data), each wholly or not at all. */
export async function drawFigure(figure: Figure, folder: string): Promise<DrawnFigure> {
  const svg = await figureToSvg(figure);
  const files = await writeDrawing(figure, svg, folder);
  return {
    name: figure.name,
    description: figure.description,
    svg,
    files,
    bundle: { "application/vnd.vegalite.v5+json": figure.spec, "image/svg+xml": svg, "text/plain": figure.description },
  };
}

/** Writes an SVG with its PNG and data beside it. */
export async function writeDrawing(
  drawing: { readonly name: string; readonly data: readonly DataRow[] },
  svg: string,
  folder: string,
): Promise<DrawnFigure["files"]> {
  await mkdir(folder, { recursive: true });
  const file = (ending: string): string => path.join(folder, `${drawing.name}.${ending}`);
  const files = { svg: file("svg"), png: file("png"), csv: file("csv"), json: file("json") };
  await writeFileAtomic(files.svg, svg);
  await writeFileAtomic(files.png, await svgToPng(svg));
  await writeFileAtomic(files.csv, rowsToCsv(drawing.data));
  await writeFileAtomic(files.json, `${JSON.stringify(drawing.data)}\n`);
  return files;
}
