// @ts-check
const dark = matchMedia("(prefers-color-scheme: dark)");

/** The value of a custom property of the page, as Plotly wants its colours. @param {string} name */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** @param {() => void} listener */
export function onThemeChange(listener) {
  dark.addEventListener("change", listener);
}

/**
 * Text for Plotly, which reads tags and links in labels: they become characters. Tags of our own are out too, but for <br>:
 * Plotly turns <b> into a style attribute, which the page's policy refuses.
 * @param {string} text
 */
export function plain(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** What both graphs share. @param {HTMLElement} graph */
export function plotLayout(graph) {
  const family = getComputedStyle(document.body).fontFamily;
  const axis = {
    gridcolor: color("grid"),
    linecolor: color("line"),
    zeroline: false,
    tickfont: { color: color("quiet"), size: 11 },
    automargin: false,
    fixedrange: true,
  };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family, color: color("ink"), size: 12 },
    margin: { l: 40, r: 10, t: 8, b: 34 },
    showlegend: false,
    hovermode: "closest",
    dragmode: false,
    hoverlabel: { bgcolor: color("panel"), bordercolor: color("line"), font: { family, color: color("ink"), size: 12 }, align: "left" },
    xaxis: { ...axis, type: "date", showline: true, nticks: graph.clientWidth < 420 ? 4 : 7, tickformat: "%H:%M:%S" },
    yaxis: { ...axis, nticks: 6 },
  };
}

/** @type {Readonly<Record<string, unknown>>} */
export const plotConfig = { displayModeBar: false, responsive: true, displaylogo: false };
