import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { joinWrites } from "./joined-writes.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function collect(): { sent: string[]; prints: ReturnType<typeof joinWrites> } {
  const sent: string[] = [];
  return { sent, prints: joinWrites((name, text) => sent.push(`${name}:${text}`)) };
}

test("what is printed within 20 ms is one message", () => {
  const { sent, prints } = collect();
  prints.write("stdout", "a");
  vi.advanceTimersByTime(19);
  prints.write("stdout", "b");
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(sent).toEqual(["stdout:ab"]);
});

test("the other stream, a flush or 64 KiB send at once, in order", () => {
  const { sent, prints } = collect();
  prints.write("stdout", "a");
  prints.write("stderr", "b");
  prints.flush();
  prints.flush();
  expect(sent).toEqual(["stdout:a", "stderr:b"]);
  prints.write("stdout", "x".repeat(65_536));
  expect(sent).toHaveLength(3);
  vi.runAllTimers();
  expect(sent).toHaveLength(3);
});
