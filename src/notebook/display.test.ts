import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { liveDisplay, setDisplayWriter, show, type DisplayData } from "./display.ts";

let printed: string[];
let written: (DisplayData & { update: boolean })[];

beforeEach(() => {
  printed = [];
  written = [];
  vi.spyOn(console, "log").mockImplementation((text: string) => void printed.push(text));
});

afterEach(() => {
  setDisplayWriter(undefined);
  vi.restoreAllMocks();
});

const write = (data: DisplayData, update: boolean): void => void written.push({ ...data, update });

test("outside a notebook the text is printed, or the forms are named", () => {
  show({ "text/plain": "bars", "image/svg+xml": "<svg/>" });
  show({ "image/svg+xml": "<svg/>" });
  liveDisplay().update({ "text/plain": "50 %" });
  expect(printed).toEqual(["bars", "[image/svg+xml]", "50 %"]);
});

test("a figure that was drawn is shown by its bundle", () => {
  setDisplayWriter(write);
  show({ bundle: { "image/svg+xml": "<svg/>", "text/plain": "bars" } });
  expect(written).toEqual([{ data: { "image/svg+xml": "<svg/>", "text/plain": "bars" }, metadata: {}, update: false }]);
});

test("bytes are sent as base64", () => {
  setDisplayWriter(write);
  show({ "image/png": new Uint8Array([1, 2, 3]) });
  expect(written[0]?.data).toEqual({ "image/png": "AQID" });
});

test("live displays keep their own place: first shown, then updated", () => {
  setDisplayWriter(write);
  const [one, two] = [liveDisplay(), liveDisplay()];
  one.update({ "text/plain": "1" });
  two.update({ "text/plain": "2" });
  one.update({ "text/plain": "3" });
  expect(written.map(({ data, update }) => [data["text/plain"], update])).toEqual([
    ["1", false],
    ["2", false],
    ["3", true],
  ]);
  expect(written[0]?.transient?.display_id).toBe(written[2]?.transient?.display_id);
  expect(written[0]?.transient?.display_id).not.toBe(written[1]?.transient?.display_id);
});
