export { parseDurationUs } from "./base/duration.ts";
export { backgroundErrors } from "./notebook/background-errors.ts";
export { cellSignal } from "./notebook/cell-signal.ts";
export { check, checkEqual, exercise } from "./notebook/check.ts";
export { dataFrame, type DataFrameOptions } from "./notebook/data-frame.ts";
export { liveDisplay, show, type LiveDisplay, type MimeBundle } from "./notebook/display.ts";
export { notebookParameters, type NotebookProfile } from "./notebook/parameters.ts";
export { showTable, type TableOptions, type TableRow } from "./notebook/table.ts";
