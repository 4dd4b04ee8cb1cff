// @ts-check
import { element, setText } from "./dom.js";

/**
 * @typedef {{ title: string, className?: string }} Column
 * @typedef {{ text: string, className?: string, title?: string, share?: number }} Cell  `share` draws a bar of 0…1 instead of text
 */

/**
 * Keeps a table's cells and changes only what differs.
 * @param {HTMLElement} table @param {readonly Column[]} columns @param {string} awaited what an empty table says
 * @returns {(rows: readonly (readonly Cell[])[]) => void}
 */
export function keepTable(table, columns, awaited) {
  const head = document.createElement("thead");
  const titles = head.appendChild(document.createElement("tr"));
  for (const column of columns) {
    const cell = element("th", column.className, column.title);
    cell.setAttribute("scope", "col");
    titles.append(cell);
  }
  const body = document.createElement("tbody");
  table.replaceChildren(head, body);

  return (rows) => {
    const empty = rows.length === 0;
    if (empty || body.querySelector(".nothing")) body.replaceChildren();
    if (empty) {
      const cell = /** @type {HTMLTableCellElement} */ (element("td", "nothing", awaited));
      cell.colSpan = columns.length;
      body.appendChild(document.createElement("tr")).append(cell);
      return;
    }
    while (body.rows.length > rows.length) body.deleteRow(-1);
    while (body.rows.length < rows.length) {
      const row = body.insertRow();
      for (let i = 0; i < columns.length; i++) row.insertCell();
    }
    rows.forEach((cells, r) =>
      cells.forEach((cell, c) => {
        const kept = body.rows[r]?.cells[c];
        if (kept) updateCell(kept, cell, columns[c]?.className ?? "");
      }),
    );
  };
}

/** @param {HTMLTableCellElement} kept @param {Cell} cell @param {string} columnClass */
function updateCell(kept, cell, columnClass) {
  const className = `${columnClass} ${cell.className ?? ""}`.trim();
  if (kept.className !== className) kept.className = className;
  if (cell.share === undefined) {
    setText(kept, cell.text);
    if (kept.title !== (cell.title ?? "")) kept.title = cell.title ?? "";
    return;
  }
  let bar = kept.querySelector("progress");
  if (!bar) {
    bar = document.createElement("progress");
    bar.max = 1;
    kept.replaceChildren(bar);
  }
  bar.value = cell.share;
  bar.setAttribute("aria-label", cell.text);
}
