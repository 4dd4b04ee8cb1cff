import { Marked } from "marked";
import { escapeXml } from "../charts/text.ts";

/** What the page shows in place of an image: an SVG to stand in the text, or a PNG. */
export type Picture = { readonly svg: string } | { readonly png: Uint8Array };

/**
 * A report's Markdown as one HTML file that needs nothing else: pictures inside, no script, no link, no request, which the page's own policy
 * enforces as well. Raw HTML in the Markdown becomes text. Images that `pictures` lacks are left out.
 */
export function reportHtml(markdown: string, title: string, pictures: ReadonlyMap<string, Picture>): string {
  const marked = new Marked({
    gfm: true,
    renderer: {
      html: ({ text }) => escapeXml(text),
      link({ tokens }) {
        return this.parser.parseInline(tokens);
      },
      image({ href, text }) {
        const picture = pictures.get(href);
        return picture ? drawnPicture(picture, plain(text)) : "";
      },
      table(token) {
        const row = (tag: "td" | "th", cells: typeof token.header): string =>
          `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join("")}</tr>`;
        const head = token.header.some((cell) => cell.text !== "") ? `<thead>${row("th", token.header)}</thead>` : "";
        return `<div class="wide"><table>${head}<tbody>${token.rows.map((cells) => row("td", cells)).join("")}</tbody></table></div>\n`;
      },
    },
  });
  const body = marked.parse(markdown, { async: false });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body}</main>
</body>
</html>
`;
}

function drawnPicture(picture: Picture, alternative: string): string {
  if ("svg" in picture) return `<span class="figure">${picture.svg.trim()}</span>`;
  return `<img alt="${escapeXml(alternative)}" src="data:image/png;base64,${Buffer.from(picture.png).toString("base64")}">`;
}

function plain(text: string): string {
  return text
    .replace(/\\([^\w\s])/g, "$1")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

const STYLE = `
:root { --ink: #1f2937; --muted: #4b5563; --paper: #ffffff; --line: #d1d5db; --shade: #f3f4f6; --accent: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e5e7eb; --muted: #a3adba; --paper: #14181f; --line: #374151; --shade: #1f2630; --accent: #6cb8e6; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; line-height: 1.25; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.6rem 0 0.8rem; padding-bottom: 0.3rem; border-bottom: 2px solid var(--accent); }
h3 { font-size: 1.1rem; margin: 1.8rem 0 0.6rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.7rem 0.4rem 0; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
tr > :last-child { padding-right: 0; }
th { color: var(--muted); font-weight: 600; }
code { font: 0.9em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; background: var(--shade); padding: 0.1em 0.3em; border-radius: 4px; }
pre { background: var(--shade); padding: 0.8rem 1rem; border-radius: 8px; overflow-x: auto; }
pre code { background: none; padding: 0; }
.figure { display: block; overflow-x: auto; margin: 1rem 0; border: 1px solid var(--line); border-radius: 8px; background: #ffffff; }
.figure svg { display: block; width: 100%; max-width: 800px; min-width: 560px; height: auto; margin: 0 auto; }
.figure svg[data-narrow] { min-width: 0; }
img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px; }
@media (max-width: 40rem) { table { font-size: 0.82rem; } th, td { padding-right: 0.45rem; } }
@media print { body { font-size: 11pt; } .figure, pre, tr { break-inside: avoid; } }
`;
