import { FONT, fontFiles } from "./theme.ts";
import type { VegaLiteSpec } from "./figure.ts";
import { escapeXml, textWidth } from "./text.ts";

/**
 * Draws a vega-lite specification as SVG without a browser. Coordinates are rounded to two decimals, and identifiers inside begin with
 * `name`, so that several drawings can stand in one page.
 */
export async function vegaLiteToSvg(spec: VegaLiteSpec, name: string, description: string): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const metrics = (vega as unknown as { textMetrics: TextMetrics }).textMetrics;
  metrics.width = (item, text) => textWidth(text ?? item.text, item.fontSize ?? 11, item.fontWeight === "bold");
  const compiled = vegaLite.compile(spec as unknown as Parameters<typeof vegaLite.compile>[0]).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: "none", logLevel: vega.Error });
  try {
    return tidySvg(await view.toSVG(), name, description);
  } finally {
    view.finalize();
  }
}

interface TextMetrics {
  width: (item: { readonly text?: unknown; readonly fontSize?: number; readonly fontWeight?: unknown }, text?: unknown) => number;
}

/** Rounds coordinates, makes identifiers the figure's own, and says to screen readers what is shown. */
export function tidySvg(svg: string, name: string, description: string): string {
  const ids = new Map<string, string>();
  const own = (id: string): string => {
    let renamed = ids.get(id);
    if (!renamed) ids.set(id, (renamed = `${name}-${ids.size}`));
    return renamed;
  };
  const tidied = svg.replace(/<[^>]*>/g, (tag) =>
    tag
      .replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (number) => String(Math.round(Number(number) * 100) / 100 + 0))
      .replace(/\bid="([^"]+)"/g, (_all, id: string) => `id="${own(id)}"`)
      .replace(/url\(#([^)]+)\)/g, (_all, id: string) => `url(#${own(id)})`),
  );
  return `${tidied.replace("<svg ", `<svg role="img" aria-label="${escapeXml(description)}" `)}\n`;
}

/** An SVG as PNG, two pixels a unit, with the product's own font and no other. */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js");
  const resvg = new Resvg(svg, {
    fitTo: { mode: "zoom", value: 2 },
    font: { loadSystemFonts: false, fontFiles: [...fontFiles()], defaultFontFamily: FONT.split(",")[0] ?? "" },
  });
  return resvg.render().asPng();
}
