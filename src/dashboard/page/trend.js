// @ts-check
import { element, setText, svgElement } from "./dom.js";
import { clockTime, quantity } from "./format.js";

/** @typedef {{ name: string, className: string, dashed?: boolean, values: readonly (number | null)[] }} Series */

const WIDTH = 600;
const HEIGHT = 100;

/**
 * A small line chart over the last minutes: at most three keys, a scale from zero to a round number.
 * @param {HTMLElement} parent @param {string} title @param {string} unit
 * @returns {(times: readonly number[], series: readonly Series[]) => void}
 */
export function keepTrend(parent, title, unit) {
  const panel = parent.appendChild(element("figure", "panel trend"));
  const heading = panel.appendChild(element("h3"));
  heading.append(element("span", "", title), element("span", "unit", unit));
  const keys = panel.appendChild(element("div", "keys"));
  const frame = panel.appendChild(element("div", "frame"));
  const lines = frame.appendChild(
    svgElement("svg", { class: "lines", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }),
  );
  const top = frame.appendChild(element("span", "top"));
  const empty = frame.appendChild(element("p", "empty", "Waiting for the first snapshot"));
  const foot = panel.appendChild(element("div", "span"));
  const from = foot.appendChild(element("span"));
  const to = foot.appendChild(element("span"));

  return (times, series) => {
    const values = series.flatMap((one) => one.values.filter((value) => value !== null));
    empty.hidden = values.length > 0;
    if (values.length === 0) return;
    const most = roundUp(Math.max(...values, 0));
    const first = times[0] ?? 0;
    const last = times.at(-1) ?? 0;
    const x = (/** @type {number} */ time) => (last === first ? WIDTH : ((time - first) / (last - first)) * WIDTH);
    const y = (/** @type {number} */ value) => HEIGHT - (value / most) * HEIGHT;

    while (lines.childElementCount > series.length) lines.lastElementChild?.remove();
    while (keys.childElementCount > series.length) keys.lastElementChild?.remove();
    series.forEach((one, i) => {
      const path = lines.children[i] ?? lines.appendChild(svgElement("path", {}));
      path.setAttribute("class", `${one.className} ${one.dashed ? "dashed" : ""}`);
      path.setAttribute("d", pathOf(times, one.values, x, y));
      const key = keys.children[i] ?? keys.appendChild(newKey());
      key.firstElementChild?.setAttribute("class", `swatch ${one.className}`);
      if (key.children[1]) setText(key.children[1], one.name);
      if (key.children[2]) setText(key.children[2], quantity(one.values.findLast((value) => value !== null)));
    });
    lines.setAttribute("aria-label", `${title}, ${series.map((one) => `${one.name} ${quantity(one.values.at(-1))}`).join(", ")} ${unit}`);
    setText(top, quantity(most));
    setText(from, clockTime(first));
    setText(to, clockTime(last));
  };
}

function newKey() {
  const key = element("span", "key");
  const swatch = svgElement("svg", { class: "swatch", viewBox: "0 0 14 10", "aria-hidden": "true" });
  swatch.append(svgElement("rect", { y: "4", width: "14", height: "3", rx: "1.5" }));
  key.append(swatch, element("span", "label"), element("span", "now"));
  return key;
}

/** A gap where a value is missing. @param {readonly number[]} times @param {readonly (number | null)[]} values @param {(t: number) => number} x @param {(v: number) => number} y */
function pathOf(times, values, x, y) {
  let path = "";
  let pen = "M";
  times.forEach((time, i) => {
    const value = values[i];
    if (value === null || value === undefined) {
      pen = "M";
      return;
    }
    path += `${pen}${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

/** The next of 1, 2, 2.5, 5 times a power of ten above. @param {number} value */
function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value * 1.02) ?? 15;
  return step * power;
}
