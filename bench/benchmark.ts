import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { reportFailure } from "../src/cli/failure.ts";
import { listenForInterruption } from "../src/cli/interrupt.ts";
import { createStatusLine } from "../src/cli/status-line.ts";
import type { Machine, Spread } from "./machine.ts";

/** What every report of a benchmark begins with; it is written as JSON. */
export interface BenchmarkReport {
  readonly benchmark: string;
  /** When it was started, ISO-8601. */
  readonly time: string;
  readonly machine: Machine;
  /** What does not add up: figures with faults are no figures. */
  readonly faults: readonly string[];
}

/** A benchmark as its command runs it. */
export interface Benchmark<Options extends { readonly json: string }, Report extends BenchmarkReport> {
  readonly usage: string;
  /** Undefined where help was asked for. */
  parse(args: readonly string[]): Options | undefined;
  /** `say` shows how it goes on. Ends every process that it starts, also when the signal aborts. */
  measure(options: Options, signal: AbortSignal, say: (text: string) => void): Promise<Report>;
  print(report: Report): void;
}

/** Runs a benchmark as a command: help, Ctrl+C, table, JSON file, faults. Gives the exit code. */
export async function runBenchmark<Options extends { readonly json: string }, Report extends BenchmarkReport>(
  benchmark: Benchmark<Options, Report>,
  args: readonly string[] = process.argv.slice(2),
): Promise<number> {
  const interruption = listenForInterruption();
  try {
    const options = benchmark.parse(args);
    if (!options) {
      process.stdout.write(benchmark.usage);
      return 0;
    }
    const report = await benchmark.measure(options, interruption.signal, createStatusLine());
    benchmark.print(report);
    await mkdir(path.dirname(options.json), { recursive: true });
    await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
    console.log(`Figures: ${path.relative(process.cwd(), options.json)}`);
    for (const fault of report.faults) console.error(fault);
    return report.faults.length === 0 ? 0 : 1;
  } catch (thrown) {
    return reportFailure(thrown, false);
  } finally {
    interruption.release();
  }
}

/** One line about the machine. */
export function machineLine({ machine }: BenchmarkReport): string {
  return `${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, Node ${machine.node}, load ${machine.load.before} – ${machine.load.after}`;
}

/** `median (min – max)`, or the one figure where there is only one. */
export function spreadText(spread: Spread, text: (value: number) => string): string {
  return spread.min === spread.max ? text(spread.median) : `${text(spread.median)} (${text(spread.min)} – ${text(spread.max)})`;
}

/** "1.25 M", "987". */
export function millions(count: number): string {
  return count >= 1e5 ? `${(count / 1e6).toFixed(2)} M` : String(Math.round(count));
}
