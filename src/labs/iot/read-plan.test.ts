import { expect, test } from "vitest";
import { planStages } from "./read-plan.ts";

test("a read without an index is a sort over a scan of the collection", () => {
  const explained = { queryPlanner: { winningPlan: { stage: "SORT", sortPattern: { timestamp: -1 }, inputStage: { stage: "COLLSCAN" } } } };
  expect(planStages(explained)).toEqual({ stages: ["SORT", "COLLSCAN"], index: null });
});

test("a read that an index serves names it, also in the slot-based engine's form", () => {
  const plan = { stage: "LIMIT", inputStage: { stage: "FETCH", inputStage: { stage: "IXSCAN", indexName: "latest_windows" } } };
  const expected = { stages: ["LIMIT", "FETCH", "IXSCAN"], index: "latest_windows" };
  expect(planStages({ queryPlanner: { winningPlan: plan } })).toEqual(expected);
  expect(planStages({ queryPlanner: { winningPlan: { queryPlan: plan, slotBasedPlan: {} } } })).toEqual(expected);
});

test("an explain document without a plan gives no stage", () => {
  expect(planStages({})).toEqual({ stages: [], index: null });
});
