import { readFileSync } from "node:fs";
import path from "node:path";
import { declaredFor, differencesIn, type DeclaredDifference, type Difference } from "./harness/differences.ts";
import type { ConformanceRun, RanStep, ServedApi } from "./harness/run.ts";

/** How a step ended: with the same answers, or with a declared difference, by its name. */
export type StepState = string;

/** What a run has shown, without anything that differs from run to run: the page is made of it, and CI holds each run against it. */
export interface ConformanceRecord {
  readonly ranOn: Readonly<Record<string, string>>;
  readonly served: ConformanceRun["served"];
  /** Client → API key → versions that it sent to the embedded broker. */
  readonly sent: ConformanceRun["sent"];
  /**
   * Theme → client → what was done → how it ended. Of a request that was sent in several versions: "3-9 same", "3-6 same; 7-9 fetch sessions".
   */
  readonly steps: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;
}

/** What is to be mended before there is a record. */
export interface Findings {
  readonly failures: readonly string[];
  readonly undeclared: readonly Difference[];
  /** Names of declared differences that did not occur. */
  readonly gone: readonly string[];
  /** "Fetch v4" for each version that both serve and no step has asked for. */
  readonly unasked: readonly string[];
}

export const SAME = "same";

/** Where the record lies. */
export const RECORD_FILE: string = path.join(import.meta.dirname, "record.json");

/** "3-6, 8" of numbers in order. */
export function rangesOf(versions: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const version of versions) {
    const last = ranges.at(-1);
    if (last && last[1] === version - 1) last[1] = version;
    else ranges.push([version, version]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(", ");
}

/** The numbers of `rangesOf`. */
export function versionsIn(ranges: string): number[] {
  return ranges.split(", ").flatMap((range) => {
    const [from = 0, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

const idOf = ({ theme, client, title }: RanStep): string => `${theme} › ${client} › ${title}`;

function differencesOf(step: RanStep): Difference[] {
  return differencesIn(idOf(step), step.embedded.transcript, step.kafka.transcript);
}

/** The versions of an API that both brokers serve. */
export function commonVersions(served: ConformanceRecord["served"], key: number): number[] {
  const of = (apis: readonly ServedApi[]): readonly [number, number] => apis.find((api) => api.key === key)?.versions ?? [0, -1];
  const [[least, most], [theirLeast, theirMost]] = [of(served.embedded), of(served.kafka)];
  const from = Math.max(least, theirLeast);
  return Array.from({ length: Math.max(0, Math.min(most, theirMost) - from + 1) }, (_, i) => from + i);
}

/** What a run has found beyond what is declared. */
export function findingsOf(run: ConformanceRun, declared: readonly DeclaredDifference[], nameOf: (key: number) => string): Findings {
  const failures: string[] = [];
  const undeclared: Difference[] = [];
  const occurred = new Set<DeclaredDifference>();
  for (const step of run.steps) {
    for (const side of ["embedded", "kafka"] as const)
      if (step[side].failure !== undefined) failures.push(`${idOf(step)} at ${side}: ${step[side].failure}`);
    if (step.embedded.failure !== undefined || step.kafka.failure !== undefined) continue;
    for (const difference of differencesOf(step)) {
      const cover = declaredFor(difference, declared);
      if (cover) occurred.add(cover);
      else undeclared.push(difference);
    }
  }
  const asked = new Set(run.steps.map(({ frame }) => (frame ? `${frame.key} ${frame.version}` : "")));
  const unasked = run.served.embedded.flatMap(({ key }) =>
    commonVersions(run.served, key)
      .filter((version) => !asked.has(`${key} ${version}`))
      .map((version) => `${nameOf(key)} v${version}`),
  );
  return { failures, undeclared, gone: declared.filter((one) => !occurred.has(one)).map(({ name }) => name), unasked };
}

function stateOf(step: RanStep, declared: readonly DeclaredDifference[]): StepState {
  const names = new Set(differencesOf(step).map((one) => declaredFor(one, declared)?.name ?? "undeclared"));
  return names.size === 0 ? SAME : [...names].sort().join(" + ");
}

/** The record of a run without findings. */
export function recordOf(run: ConformanceRun, declared: readonly DeclaredDifference[]): ConformanceRecord {
  const steps: Record<string, Record<string, Record<string, string>>> = {};
  const framed = new Map<string, { readonly into: Record<string, string>; readonly states: Map<StepState, number[]> }>();
  for (const step of run.steps) {
    const into = ((steps[step.theme] ??= {})[step.client] ??= {});
    const state = stateOf(step, declared);
    if (!step.frame) {
      into[step.title] = state;
      continue;
    }
    const title = step.title.replace(/ v\d+:/, ":");
    const states = framed.get(`${step.theme} ${title}`)?.states ?? new Map<StepState, number[]>();
    states.set(state, [...(states.get(state) ?? []), step.frame.version]);
    framed.set(`${step.theme} ${title}`, { into, states });
    into[title] = [...states].map(([name, versions]) => `${rangesOf(versions)} ${name}`).join("; ");
  }
  return { ranOn: run.ranOn, served: run.served, sent: run.sent, steps };
}

/** The record that is committed. */
export function committedRecord(): ConformanceRecord {
  return JSON.parse(readFileSync(RECORD_FILE, "utf8")) as ConformanceRecord;
}
