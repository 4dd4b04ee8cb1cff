// @ts-check
import { element, setText, svgElement } from "./dom.js";

/** @typedef {{ key: string, label: string, className: string, shape: keyof typeof SHAPES }} Entry */

const SHAPES = {
  circle: "M2 5a4 4 0 1 0 8 0 4 4 0 1 0-8 0",
  square: "M2 1h8v8H2z",
  diamond: "M6 0l5 5-5 5-5-5z",
  triangle: "M6 .5l5 9H1z",
};

/**
 * A legend of buttons that show and hide a series; hidden ones are remembered by key.
 * @param {HTMLElement} parent @param {() => void} onChange
 * @returns {{ hidden: ReadonlySet<string>, update: (entries: readonly Entry[]) => void }}
 */
export function keepLegend(parent, onChange) {
  /** @type {Set<string>} */
  const hidden = new Set();
  return {
    hidden,
    update: (entries) => {
      while (parent.childElementCount > entries.length) parent.lastElementChild?.remove();
      entries.forEach((entry, i) => {
        const button = /** @type {HTMLButtonElement} */ (parent.children[i] ?? parent.appendChild(newButton(hidden, onChange)));
        button.dataset.key = entry.key;
        button.setAttribute("aria-pressed", String(!hidden.has(entry.key)));
        const [swatch, label] = button.children;
        swatch?.setAttribute("class", `swatch ${entry.className}`);
        swatch?.firstElementChild?.setAttribute("d", SHAPES[entry.shape]);
        if (label) setText(label, entry.label);
      });
    },
  };
}

/** @param {Set<string>} hidden @param {() => void} onChange */
function newButton(hidden, onChange) {
  const button = document.createElement("button");
  button.type = "button";
  const swatch = svgElement("svg", { viewBox: "0 0 12 10", "aria-hidden": "true" });
  swatch.append(svgElement("path", {}));
  button.append(swatch, element("span", "label"));
  button.addEventListener("click", () => {
    const key = button.dataset.key ?? "";
    if (!hidden.delete(key)) hidden.add(key);
    button.setAttribute("aria-pressed", String(!hidden.has(key)));
    onChange();
  });
  return button;
}
