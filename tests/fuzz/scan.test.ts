import fc from "fast-check";
import { test } from "vitest";
import { differenceOf, type FuzzCase } from "./both-ways.ts";
import { csvCases } from "./csv-cases.ts";
import { jsonCases } from "./json-cases.ts";
import { textCases } from "./text-cases.ts";

/** How long each kind of input is tried, in seconds (STREAMLAB_FUZZ_SECONDS); a fixed number of times if it is not set. */
const SECONDS = Number(process.env["STREAMLAB_FUZZ_SECONDS"] ?? 0);
const SEED = process.env["STREAMLAB_SEED"];

/** Tries cases until one differs; fast-check prints the seed, and the least case it finds. */
function alike(cases: fc.Arbitrary<FuzzCase>): void {
  fc.assert(
    fc.property(cases, (one) => {
      const difference = differenceOf(one);
      if (difference !== undefined) throw new Error(difference);
    }),
    {
      ...(SEED !== undefined && { seed: Number(SEED) }),
      ...(SECONDS > 0 ? { numRuns: 1e9, interruptAfterTimeLimit: SECONDS * 1000, markInterruptAsFailure: false } : { numRuns: 250 }),
    },
  );
}

const LIMIT_MS = SECONDS * 1000 + 60_000;

test("JSON gives the same from its bytes and by the full rules: rows, dead letters, drift and errors", { timeout: LIMIT_MS }, () =>
  alike(jsonCases),
);

test("CSV gives the same from its bytes and by the full rules: rows, dead letters and errors", { timeout: LIMIT_MS }, () =>
  alike(csvCases),
);

test("casts, splits and comparisons give the same from bytes and by the full rules", { timeout: LIMIT_MS }, () => alike(textCases));
