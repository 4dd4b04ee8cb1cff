import type { DataRow, DrawnFigure } from "./figure.ts";
import { writeDrawing } from "./figure.ts";
import { escapeXml, textWidth, wrapText } from "./text.ts";
import { FONT, INK, MUTED_INK, PALETTE } from "./theme.ts";

/** A part of the pipeline: its name, and what stands beneath it in small letters ("127.0.0.1:9092"). */
export interface Part {
  readonly title: string;
  readonly details: readonly string[];
}

/** The pipeline from left to right as the lab builds it (A2): what the picture shows, nothing else. */
export interface Architecture {
  readonly generator: Part;
  readonly broker: Part & { readonly topic: string; readonly partitions: number };
  /** Each query writes to one collection. */
  readonly engine: Part & { readonly queries: readonly (Part & { readonly collection: string })[] };
  readonly store: Part;
  readonly dashboard: Part | null;
  readonly monitor: Part;
}

const WIDTH = 548;
const GAP = 42;
const PAD = 14;
const TITLE_SIZE = 18;
const DETAIL_SIZE = 15;
const LINE = 1.3;

type Point = readonly [number, number];

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The architecture as SVG: about 600 units wide, so that its text can be read on a screen of 400 pixels and up. */
export function architectureSvg(architecture: Architecture): string {
  const shapes: string[] = [];
  const half = (WIDTH - GAP) / 2;

  const top = Math.max(partHeight(architecture.generator, half), partHeight(architecture.broker, half) + 74);
  const generator = { x: 1, y: 1, width: half - 2, height: top };
  const broker = { x: half + GAP, y: 1, width: half - 1, height: top };
  shapes.push(box(generator, PALETTE.green, architecture.generator), box(broker, PALETTE.orange, architecture.broker));
  shapes.push(topicShape(architecture.broker.topic, architecture.broker.partitions, { ...broker, y: broker.y + top - 74, height: 66 }));
  shapes.push(arrow(generator.x + generator.width, top / 2, broker.x, top / 2));

  const { queries } = architecture.engine;
  const inner = (WIDTH - 2 - PAD * (queries.length + 1)) / Math.max(1, queries.length);
  const queryHeight = Math.max(0, ...queries.map((query) => partHeight(query, inner)));
  const engine = { x: 1, y: top + GAP, width: WIDTH - 2, height: partHeight(architecture.engine, WIDTH) + queryHeight + 6 };
  shapes.push(box(engine, PALETTE.blue, architecture.engine));
  const middle = (index: number): number => 1 + PAD + index * (inner + PAD) + inner / 2;
  const queryY = engine.y + engine.height - queryHeight - 12;
  queries.forEach((query, index) =>
    shapes.push(box({ x: middle(index) - inner / 2, y: queryY, width: inner, height: queryHeight }, PALETTE.blue, query, "#ffffff")),
  );
  shapes.push(arrow(broker.x + broker.width / 2, top + 1, broker.x + broker.width / 2, engine.y, "fetch"));

  const collectionHeight = 36;
  const store = {
    x: 1,
    y: engine.y + engine.height + GAP,
    width: WIDTH - 2,
    height: partHeight(architecture.store, WIDTH) + collectionHeight + 10,
  };
  shapes.push(box(store, PALETTE.pink, architecture.store, undefined, collectionHeight + 8));
  const collectionY = store.y + 12;
  queries.forEach((query, index) => {
    shapes.push(
      collectionShape(query.collection, { x: middle(index) - inner / 2, y: collectionY, width: inner, height: collectionHeight }),
    );
    shapes.push(arrow(middle(index), queryY + queryHeight, middle(index), collectionY, index === 0 ? "upsert" : undefined));
  });

  const bottomY = store.y + store.height + GAP;
  const monitorHeight = partHeight(architecture.monitor, half);
  const bottom = Math.max(monitorHeight, architecture.dashboard ? partHeight(architecture.dashboard, half) : 0);
  const monitor = { x: half + GAP, y: bottomY, width: half - 1, height: bottom };
  if (architecture.dashboard) {
    const dashboard = { x: 1, y: bottomY, width: half - 2, height: bottom };
    shapes.push(box(dashboard, PALETTE.amber, architecture.dashboard));
    shapes.push(arrow(half / 2, store.y + store.height, half / 2, bottomY, "find"));
    shapes.push(
      path(
        [
          [monitor.x, bottomY + bottom / 2],
          [dashboard.x + dashboard.width, bottomY + bottom / 2],
        ],
        "5 4",
      ),
    );
  }
  shapes.push(box(monitor, PALETTE.grey, architecture.monitor));
  const side = WIDTH + 16;
  const engineMiddle = engine.y + engine.height / 2;
  shapes.push(
    path(
      [
        [engine.x + engine.width, engineMiddle],
        [side, engineMiddle],
        [side, bottomY + bottom / 2],
        [monitor.x + monitor.width, bottomY + bottom / 2],
      ],
      "5 4",
    ),
  );
  shapes.push(verticalText(side + 15, (engineMiddle + bottomY + bottom / 2) / 2, "progress events"));

  const height = Math.ceil(bottomY + bottom + 1);
  const width = WIDTH + 36;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escapeXml(architectureText(architecture))}" ` +
    `viewBox="-8 -8 ${width + 16} ${height + 16}" width="${width + 16}" height="${height + 16}" font-family="${FONT}">` +
    `<rect x="-8" y="-8" width="${width + 16}" height="${height + 16}" fill="#ffffff"/>${shapes.join("")}</svg>\n`
  );
}

/** The picture in one sentence. */
export function architectureText(architecture: Architecture): string {
  const { generator, broker, engine, store, dashboard } = architecture;
  const queries = engine.queries.map((query) => `${query.title} into ${query.collection}`).join(", ");
  return (
    `${generator.title} → ${broker.title}, topic ${broker.topic} with ${broker.partitions} partitions → ${engine.title} (${queries}) → ` +
    `${store.title}${dashboard ? ` → ${dashboard.title}` : ""}; ${architecture.monitor.title} hears progress events.`
  );
}

/** Writes `<folder>/architecture.svg`, `.png`, and the parts as `.csv` and `.json`. */
export async function drawArchitecture(architecture: Architecture, folder: string): Promise<DrawnFigure> {
  const svg = architectureSvg(architecture);
  const description = architectureText(architecture);
  const files = await writeDrawing({ name: "architecture", data: partsOf(architecture) }, svg, folder);
  return { name: "architecture", description, svg, files, bundle: { "image/svg+xml": svg, "text/plain": description } };
}

function partsOf(architecture: Architecture): DataRow[] {
  const row = (part: string, { title, details }: Part): DataRow => ({ part, title, details: details.join("; ") });
  return [
    row("generator", architecture.generator),
    row("broker", architecture.broker),
    row("engine", architecture.engine),
    ...architecture.engine.queries.map((query) => row("query", query)),
    row("store", architecture.store),
    ...(architecture.dashboard ? [row("dashboard", architecture.dashboard)] : []),
    row("monitor", architecture.monitor),
  ];
}

function linesOf(part: Part, width: number): { readonly titles: string[]; readonly details: string[] } {
  return {
    titles: wrapText(part.title, width - 2 * PAD - 8, TITLE_SIZE, true),
    details: part.details.flatMap((detail) => wrapText(detail, width - 2 * PAD - 4, DETAIL_SIZE)),
  };
}

function partHeight(part: Part, width: number): number {
  const { titles, details } = linesOf(part, width);
  return 2 * PAD + titles.length * TITLE_SIZE * LINE + details.length * DETAIL_SIZE * LINE;
}

function box(at: Box, colour: string, part: Part, fill: string = `${colour}14`, textFrom: number = 0): string {
  const { titles, details } = linesOf(part, at.width);
  let y = at.y + PAD + TITLE_SIZE + textFrom;
  const texts: string[] = [];
  for (const line of titles) {
    texts.push(text(at.x + PAD, y, line, `font-size="${TITLE_SIZE}" font-weight="bold" fill="${INK}"`));
    y += TITLE_SIZE * LINE;
  }
  for (const line of details) {
    texts.push(text(at.x + PAD, y, line, `font-size="${DETAIL_SIZE}" fill="${MUTED_INK}"`));
    y += DETAIL_SIZE * LINE;
  }
  return rect(at, 10, fill, colour) + texts.join("");
}

function topicShape(topic: string, partitions: number, within: Box): string {
  const shown = Math.min(partitions, 6);
  const width = (within.width - 2 * PAD - 8 * (shown - 1)) / shown;
  const shapes = [text(within.x + PAD, within.y + 14, `topic ${topic}`, `font-size="${DETAIL_SIZE}" font-weight="bold" fill="${INK}"`)];
  for (let index = 0; index < shown; index++) {
    const at = { x: within.x + PAD + index * (width + 8), y: within.y + 24, width, height: 30 };
    const label = index === shown - 1 && partitions > shown ? `… ${partitions - 1}` : `P${index}`;
    shapes.push(rect(at, 4, "#ffffff", PALETTE.orange), centred(at, label));
  }
  return shapes.join("");
}

function collectionShape(name: string, at: Box): string {
  const size = Math.min(15, (15 * (at.width - 20)) / Math.max(1, textWidth(name, 15, true)));
  return rect(at, 18, "#ffffff", PALETTE.pink) + centred(at, name, size);
}

function centred(at: Box, label: string, size: number = DETAIL_SIZE): string {
  return text(
    at.x + at.width / 2,
    at.y + at.height / 2 + size * 0.36,
    label,
    `font-size="${digits(size)}" text-anchor="middle" fill="${INK}"`,
  );
}

function rect(at: Box, radius: number, fill: string, stroke: string): string {
  return `<rect x="${digits(at.x)}" y="${digits(at.y)}" width="${digits(at.width)}" height="${digits(at.height)}" rx="${radius}" fill="${fill}" stroke="${stroke}" stroke-width="1.8"/>`;
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${digits(x)}" y="${digits(y)}" ${attributes}>${escapeXml(content)}</text>`;
}

function arrow(x1: number, y1: number, x2: number, y2: number, label?: string): string {
  const line = path([
    [x1, y1],
    [x2, y2],
  ]);
  return label ? line + text(x1 + 9, y1 + GAP / 2 + 4, label, `font-size="13" font-style="italic" fill="${MUTED_INK}"`) : line;
}

/** A line through the points with a head at its end. */
function path(points: readonly Point[], dashes: string = ""): string {
  const [tipX, tipY] = points.at(-1) ?? [0, 0];
  const [fromX, fromY] = points.at(-2) ?? [0, 0];
  const angle = Math.atan2(tipY - fromY, tipX - fromX);
  const at = (along: number, across: number): Point => [
    tipX - along * Math.cos(angle) - across * Math.sin(angle),
    tipY - along * Math.sin(angle) + across * Math.cos(angle),
  ];
  const line = [...points.slice(0, -1), at(8, 0)].map(([x, y]) => `${digits(x)} ${digits(y)}`).join("L");
  const head = [at(0, 0), at(11, 5), at(11, -5)].map(([x, y]) => `${digits(x)} ${digits(y)}`).join("L");
  return (
    `<path d="M${line}" fill="none" stroke="${MUTED_INK}" stroke-width="1.8"${dashes === "" ? "" : ` stroke-dasharray="${dashes}"`}/>` +
    `<path d="M${head}z" fill="${MUTED_INK}"/>`
  );
}

function verticalText(x: number, y: number, content: string): string {
  return `<text transform="translate(${digits(x)} ${digits(y)}) rotate(-90)" font-size="13" font-style="italic" text-anchor="middle" fill="${MUTED_INK}">${escapeXml(content)}</text>`;
}

function digits(value: number): string {
  return String(Math.round(value * 10) / 10);
}
