import { expect, test } from "vitest";
import type { TriggerOptions } from "./trigger.ts";
import { triggerOf } from "./trigger.ts";

test("a misspelt trigger is told the names that there are", () => {
  const misspelt = { processTime: "1 second" } as unknown as TriggerOptions;
  expect(() => triggerOf(misspelt)).toThrow(/processTime.*processingTime: "10 seconds".*availableNow.*once/);
});
