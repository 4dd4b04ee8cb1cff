/** Widths of the product's font in em, by kind of character; vega, without a canvas, would take 0.8 for each. */
const CHARACTER_WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ilj.,:;'|!()\[\] ftr/-]/, 0.37],
  [/[mwMW%@]/, 0.95],
  [/[A-Z]/, 0.7],
];

/** The width of a text in the product's font, within a few percent; of several lines the longest. */
export function textWidth(text: unknown, fontSize: number, bold: boolean = false): number {
  const widthOf = (character: string): number => CHARACTER_WIDTHS.find(([kind]) => kind.test(character))?.[1] ?? 0.62;
  const lines: readonly unknown[] = Array.isArray(text) ? text : [text];
  const widths = lines.map((line) => [...String(line ?? "")].reduce((sum, character) => sum + widthOf(character), 0));
  return Math.max(0, ...widths) * fontSize * (bold ? 1.1 : 1);
}

/** Breaks a text between words into lines of at most `width`; a word that is longer stands alone. */
export function wrapText(text: string, width: number, fontSize: number, bold: boolean = false): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, fontSize, bold) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Text that stays text inside SVG, XML and HTML, in attributes as well. */
export function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;")
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}
