import { afterEach, expect, test, vi } from "vitest";
import { notebookParameters, PARAMETERS_VARIABLE } from "./parameters.ts";

afterEach(() => vi.unstubAllEnvs());

const defaults = { seconds: { quick: 5, full: 60 }, seed: 42, name: "a", noisy: false } as const;

test("without the variable the quick defaults hold", () => {
  vi.stubEnv(PARAMETERS_VARIABLE, undefined);
  expect(notebookParameters(defaults)).toEqual({ profile: "quick", seconds: 5, seed: 42, name: "a", noisy: false });
});

test("the full profile has its own defaults, and what is given wins", () => {
  vi.stubEnv(PARAMETERS_VARIABLE, `{"profile":"full","seed":7}`);
  const { seconds, seed }: { seconds: number; seed: number } = notebookParameters(defaults);
  expect([seconds, seed]).toEqual([60, 7]);
});

test.each([
  [`{"speed":1}`, /unknown parameter speed\). This notebook knows profile, seconds, seed, name, noisy/],
  [`{"seed":"7"}`, /seed is a string\). It must be a number, like 42/],
  [`{"name":null}`, /name is a null/],
  [`{"profile":"fast"}`, /profile is "fast"/],
  [`[1]`, /no JSON object/],
  [`{`, /Cannot use STREAMLAB_NOTEBOOK_PARAMETERS/],
  [`{"__proto__":1}`, /unknown parameter __proto__/],
])("%s is refused with the reason", (given, message) => {
  vi.stubEnv(PARAMETERS_VARIABLE, given);
  expect(() => notebookParameters(defaults)).toThrow(message);
});
