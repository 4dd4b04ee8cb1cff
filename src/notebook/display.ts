import type { MimeBundle as FigureBundle } from "../charts/figure.ts";

/** One thing to show, in several forms by MIME type; a front end picks the richest it knows. Bytes are sent as base64, objects as JSON. */
export type MimeBundle = Readonly<Record<string, unknown>>;

/** What `show` takes: several forms by MIME type, or a figure that was drawn. */
export type Showable = MimeBundle | FigureBundle | { readonly bundle: FigureBundle };

/** What a kernel gets to send: Jupyter's display_data content. */
export interface DisplayData {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly transient?: { readonly display_id: string };
}

/** How the process that runs the cells sends a display; `update` replaces what was shown under the same id. */
export type DisplayWriter = (data: DisplayData, update: boolean) => void;

/** Something on the page that can change. */
export interface LiveDisplay {
  /** Shows the bundle: the first time as a new output, then in its place. */
  update(shown: Showable): void;
}

let writer: DisplayWriter | undefined;
let liveDisplays = 0;

/** Tells where displays go. Called by a notebook's kernel; without one, `show` prints text. */
export function setDisplayWriter(next: DisplayWriter | undefined): void {
  writer = next;
}

/** Shows a figure, or anything else in several forms, below the cell. Outside a notebook its text is printed. */
export function show(shown: Showable): void {
  const bundle = bundleOf(shown);
  if (writer) writer({ data: encode(bundle), metadata: {} }, false);
  else console.log(textOf(bundle));
}

/** An output that a cell can replace while it runs, for progress and live figures. Outside a notebook every version is printed. */
export function liveDisplay(): LiveDisplay {
  liveDisplays += 1;
  const display_id = `live-${process.pid}-${liveDisplays}`;
  let shown = false;
  return {
    update: (next) => {
      if (!writer) return show(next);
      writer({ data: encode(bundleOf(next)), metadata: {}, transient: { display_id } }, shown);
      shown = true;
    },
  };
}

function bundleOf(shown: Showable): MimeBundle {
  return "bundle" in shown && typeof shown.bundle === "object" ? { ...shown.bundle } : { ...shown };
}

function encode(bundle: MimeBundle): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(bundle).map(([type, value]) => [type, value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value]),
  );
}

function textOf(bundle: MimeBundle): string {
  const text = bundle["text/plain"];
  return typeof text === "string" ? text : `[${Object.keys(bundle).join(", ")}]`;
}
