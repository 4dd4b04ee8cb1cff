import { beforeAll, describe, expect, test } from "vitest";
import { createLatencyHistogram, encodeLatencyHistogram, recordLatencyUs } from "../monitor/latency.ts";
import { grade, type Criterion } from "./grade.ts";
import { gradeText } from "./grade-text.ts";
import { difference, measure } from "./measures.ts";
import type { RunRecord } from "./run-record.ts";
import { simulateRecord } from "./simulated-record.ts";

let good: RunRecord;
beforeAll(async () => {
  good = await simulateRecord();
});

function criterion(record: RunRecord, id: string): Criterion {
  const found = grade(record).criteria.find((one) => one.id === id);
  if (!found) throw new Error(`no criterion ${id}`);
  return found;
}

function latencies(ms: number, count: number = 1000): string {
  const histogram = createLatencyHistogram();
  recordLatencyUs(histogram, ms * 1000, count);
  return encodeLatencyHistogram(histogram);
}

describe("the mark", () => {
  test("60 s at 1,000/s with everything in place is a 5, and each criterion says why", () => {
    const { mark, criteria, summary } = grade(good);
    expect(criteria.filter((one) => one.verdict !== "met")).toEqual([]);
    expect([mark, summary]).toEqual([5, "Mark 5: every criterion is met."]);
    for (const one of criteria) expect(one.evidence, one.id).toMatch(/\d/);
  });

  test("10 s at 1,000/s is no sustained rate, and the evidence says so", async () => {
    const short = await simulateRecord({ seconds: 10 });
    expect(grade(short).mark).toBe(2);
    expect(criterion(short, "rate-1000")).toMatchObject({ verdict: "not shown" });
    expect(criterion(short, "rate-1000").evidence).toContain("a run of 10.0 s cannot show a rate sustained for 60 s");
    expect(grade(short).summary).toContain("100+ messages/s sustained for 60 s (not shown)");
  });

  test("640/s with 1.5 s of latency is a 4", async () => {
    const slow = await simulateRecord({ reachedRate: 640, latencyMs: 1500 });
    expect(grade(slow).mark).toBe(4);
    expect(criterion(slow, "rate-1000").verdict).toBe("not met");
    expect(criterion(slow, "latency")).toMatchObject({ verdict: "not met" });
    expect(criterion(slow, "rate-500").verdict).toBe("met");
  });

  test("120/s is a 3, 80/s a 2", async () => {
    expect(grade(await simulateRecord({ reachedRate: 120, askedRate: 120 })).mark).toBe(3);
    expect(grade(await simulateRecord({ reachedRate: 80, askedRate: 80 })).mark).toBe(2);
  });

  test("lost messages cannot be better than a 3", async () => {
    const lossy = await simulateRecord({ lost: 25 });
    expect(grade(lossy).mark).toBe(3);
    expect(criterion(lossy, "nothing-lost")).toMatchObject({ verdict: "not met" });
    expect(criterion(lossy, "nothing-lost").evidence).toContain("25 missing");
  });

  test("queries that read only half of what is produced are graded by what they read", async () => {
    const behind = await simulateRecord({ readShare: 0.4 });
    expect(criterion(behind, "rate-1000").verdict).toBe("not met");
    expect(criterion(behind, "rate-500").verdict).toBe("not met");
    expect(criterion(behind, "rate-100").verdict).toBe("met");
  });

  test("the same record gets the same grade", () => {
    expect(grade(structuredClone(good))).toEqual(grade(good));
  });
});

describe("the traps", () => {
  test("a peak in an idle minute is no rate, whatever its mean", () => {
    const burst = {
      ...good,
      series: good.series.map((one) => ({ ...one, producer: { ...producerOf(one), acknowledged: one.elapsedMs < 3000 ? 0 : 60_000 } })),
    };
    expect(criterion(burst, "rate-1000")).toMatchObject({ verdict: "not met" });
  });

  test("latency is judged by the 95th percentile of event → stored, measured and estimated, not by the batch duration", () => {
    const late = { ...good, latency: { ...good.latency, estimateUs: latencies(1001) } };
    expect(criterion(late, "latency").verdict).toBe("not met");
    expect(criterion({ ...late, latency: { ...late.latency, estimateUs: latencies(998) } }, "latency").verdict).toBe("met");
  });

  test("without measured latency, or with too little of it, there is no 5", () => {
    const nothing = { ...good, latency: { storedUs: null, estimateUs: null, screenUs: latencies(5) } };
    expect(criterion(nothing, "latency").verdict).toBe("not shown");
    expect(grade(nothing).mark).toBe(4);
    expect(criterion({ ...good, latency: { storedUs: latencies(5, 3), estimateUs: null, screenUs: null } }, "latency").verdict).toBe(
      "not shown",
    );
  });

  test("an accounting that was made for another number of messages does not count", () => {
    const other = { ...good, totals: { ...good.totals, acknowledged: good.totals.acknowledged + 10 } };
    expect(criterion(other, "nothing-lost")).toMatchObject({ verdict: "not met" });
  });

  test("messages that are counted twice are as wrong as lost ones", () => {
    const twice = { ...good, accounting: good.accounting.map((line) => ({ ...line, counted: line.counted + 5 })) };
    expect(criterion(twice, "nothing-lost").evidence).toContain("5 counted twice");
    expect(grade(twice).mark).toBe(3);
  });
});

describe("the stages", () => {
  test("one broken check of a main stage costs the 5 and the 4, one of visualisation only the 5", () => {
    const broken = (stage: string): RunRecord => ({
      ...good,
      checks: good.checks.map((check) => ({ ...check, passed: check.stage !== stage, evidence: "seen: nothing" })),
    });
    expect(grade(broken("storage")).mark).toBe(3);
    expect(grade(broken("visualisation")).mark).toBe(4);
    expect(criterion(broken("storage"), "main-stages").evidence).toContain("seen: nothing");
  });

  test("a stage without any check is not shown", () => {
    const silent = { ...good, checks: good.checks.filter((check) => check.stage !== "monitoring") };
    expect(criterion(silent, "all-stages")).toMatchObject({ verdict: "not shown", evidence: "no check of monitoring" });
    expect(grade(silent).mark).toBe(4);
  });

  test("no dashboard, no 5; no window to draw, no 4", () => {
    expect(grade({ ...good, backends: { ...good.backends, dashboard: null } }).mark).toBe(4);
    expect(grade({ ...good, windows: [] }).mark).toBe(3);
  });

  test("an analysis with a gap is not deep", () => {
    const blind = { ...good, series: good.series.map((one) => ({ ...one, resources: [] })) };
    expect(criterion(blind, "analysis")).toMatchObject({ verdict: "not met" });
    expect(criterion(blind, "analysis").evidence).toContain("no data on “CPU and memory”");
    expect(criterion(blind, "monitoring").verdict).toBe("not met");
  });

  test("a run in which nothing happened is a 2, and can still be graded", () => {
    const nothing: RunRecord = {
      ...good,
      interrupted: true,
      producing: null,
      series: [],
      queries: [],
      accounting: [],
      checks: [],
      windows: [],
      alerts: {},
      latency: { storedUs: null, estimateUs: null, screenUs: null },
      totals: { produced: 0, acknowledged: 0, consumed: {}, windowsStored: 0, alertsStored: 0, deadLetters: 0, late: 0 },
    };
    expect(grade(nothing).mark).toBe(2);
    expect(grade(nothing).criteria.every((one) => one.verdict !== "met")).toBe(true);
  });
});

describe("measures", () => {
  test("the rate needs no exact times of producing: the series gives nearly the same", () => {
    const exact = measure(good).producing?.mean ?? 0;
    expect(measure({ ...good, producing: null }).producing?.mean).toBeCloseTo(exact, -1);
  });

  test("a query may end one second after the producer without losing rate, and no more", () => {
    const ended = (lateMs: number): number | undefined => {
      const lastBatchEndMs = (good.producing?.endedAtMs ?? 0) + lateMs;
      return measure({ ...good, queries: good.queries.map((query) => ({ ...query, lastBatchEndMs })) }).queries[0]?.perSecond;
    };
    expect(ended(1000)).toBeCloseTo(1000, 5);
    expect(ended(61_000)).toBeCloseTo(500, 5);
  });

  test("a line balances when counted, filtered, late and dead-lettered make up what was acknowledged", () => {
    const line = { query: "q", acknowledged: 100, counted: 80, filtered: 10, late: 6, deadLettered: 4, how: "" };
    expect(difference(line)).toBe(0);
    expect(difference({ ...line, late: 5 })).toBe(1);
  });

  test("memory that does not grow has no slope; a leak shows in MB a minute", () => {
    const leak = (perSecond: number): number | null | undefined =>
      measure({
        ...good,
        series: good.series.map((one) => ({
          ...one,
          resources: [{ process: "p", pid: 1, cpuPercent: 1, rssMb: 100 + (perSecond * one.elapsedMs) / 1000 }],
        })),
      }).resources?.growthMbPerMinute;
    expect(leak(0)).toBeCloseTo(0, 6);
    expect(leak(0.5)).toBeCloseTo(30, 6);
  });
});

describe("the table for a terminal", () => {
  test("has every criterion with sign and evidence, and fits the width", () => {
    const text = gradeText(grade(good), { width: 80 });
    for (const one of grade(good).criteria) expect(text).toContain(`✓ ${one.neededFor}  ${one.name}`);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect(text).not.toContain("\u001b");
  });

  test("text from data cannot steer the terminal", () => {
    const hostile = {
      ...good,
      checks: good.checks.map((check) => ({ ...check, passed: false, evidence: "\u001b]0;owned\u0007\u001b[2J" })),
    };
    expect(gradeText(grade(hostile))).not.toMatch(/[\u001b\u0007]/);
    expect(gradeText(grade(good), { colour: true })).toContain("\u001b[");
  });
});

function producerOf(snapshot: RunRecord["series"][number]): NonNullable<RunRecord["series"][number]["producer"]> {
  return snapshot.producer ?? { acknowledged: 0, perSecond: 0, askedPerSecond: 0 };
}
