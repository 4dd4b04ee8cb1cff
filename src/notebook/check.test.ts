import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { check, checkEqual, exercise } from "./check.ts";

let printed: string[];

beforeEach(() => {
  printed = [];
  vi.spyOn(console, "log").mockImplementation((text: string) => void printed.push(text));
});

afterEach(() => vi.restoreAllMocks());

test("a check that holds is ticked, one that fails throws its hint", () => {
  check("sent", true, "hint");
  check("lazily", () => 1 + 1 === 2, "hint");
  expect(printed).toEqual(["✓ sent", "✓ lazily"]);
  expect(() => check("sent", false, "Wait for the generator.")).toThrow("✗ sent (the condition is false). Wait for the generator.");
});

test("a condition that throws says what it threw", () => {
  const condition = (): boolean => {
    throw new Error("no broker");
  };
  expect(() => check("reachable", condition, "Start it.")).toThrow("✗ reachable (it threw no broker). Start it.");
});

test("equality is deep, and a difference shows both sides", () => {
  checkEqual("rows", [{ n: 1 }], [{ n: 1 }], "hint");
  expect(() => checkEqual("rows", [{ n: 1 }], [{ n: 2 }], "Look again.")).toThrow(
    "✗ rows ([ { n: 1 } ] where [ { n: 2 } ] is expected). Look again.",
  );
});

test("an exercise without an answer stays open, a wrong answer fails with the hint, a right one is ticked", () => {
  const isTwo = (answer: number): boolean => answer === 2;
  exercise("windows", undefined, isTwo, "hint");
  exercise("windows", 2, isTwo, "hint");
  expect(printed).toEqual(["○ windows: put your answer in the place of undefined", "✓ windows"]);
  expect(() => exercise("windows", 3, isTwo, "Divide by the slide.")).toThrow("Divide by the slide. Your answer: 3.");
});
