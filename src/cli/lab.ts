import path from "node:path";
import { type Command, Option } from "commander";
import { createLogUpdate } from "log-update";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Screenshots } from "../dashboard/screenshot.ts";
import { startFreshPipeline } from "../labs/iot/fresh-pipeline.ts";
import type { IotPipeline } from "../labs/iot/pipeline.ts";
import { type IotPhase, type IotRun, runIotLab } from "../labs/iot/run.ts";
import type { WrittenReport } from "../report/write-report.ts";
import { findChromium } from "../stack/chromium.ts";
import { configEnvironment } from "../stack/process-config.ts";
import { startService } from "../stack/service-process.ts";
import { type BackendFlags, backendsOf, wholeNumber, withBackends } from "./backend-options.ts";
import { Interrupted } from "./failure.ts";
import { listenForInterruption } from "./interrupt.ts";
import { statusLine, statusLines } from "./lab-status.ts";
import { REPORT_FOLDER } from "./report.ts";

interface LabFlags extends BackendFlags {
  readonly seconds: number;
  readonly rate: number;
  readonly seed: number;
  readonly port?: number;
  readonly out: string;
  readonly keep?: boolean;
  readonly quiet?: boolean;
}

/** Seconds between lines where there is no terminal. */
const PLAIN_EVERY_SECONDS = 5;

/** How long the pictures may take, on a busy machine, before the report does without them. */
const PICTURES_MS = 60_000;

/** `streamlab lab`: the whole IoT lab, then report and grade. */
export function addLab(program: Command): void {
  withBackends(program.command("lab"))
    .description("run the whole IoT lab: servers, generator, both queries, dashboard, monitoring, report and grade")
    .option("--seconds <n>", "seconds of producing", wholeNumber(1), 60)
    .option("--rate <n>", "messages per second", wholeNumber(1), 1000)
    .option("--seed <n>", "the same seed gives the same readings", wholeNumber(0), 42)
    .option("--port <n>", "port of the dashboard (8050, or a free one where it is taken)", wholeNumber(0))
    .addOption(new Option("--out <folder>", "where report, figures and data go").default(REPORT_FOLDER, "report of the project"))
    .option("--keep", "stay up after the report, until Ctrl+C")
    .option("--quiet", "only the grade")
    .addHelpText("after", "\nExamples:\n  streamlab lab --seconds 120 --rate 5000\n  streamlab lab --keep --port 8051")
    .action(runLab);
}

async function runLab(flags: LabFlags): Promise<void> {
  const backends = backendsOf(flags);
  const interruption = listenForInterruption();
  const say = flags.quiet ? (): void => {} : (text: string): void => console.log(text);
  let pipeline: IotPipeline | undefined;
  let pictures: Promise<Screenshots | undefined> | undefined;
  const leaving = new AbortController();
  try {
    say("starting servers, engine and dashboard");
    pipeline = await startFreshPipeline({
      backends,
      folder: "lab",
      rate: flags.rate,
      seed: flags.seed,
      dashboardPort: flags.port,
      signal: interruption.signal,
    });
    pictures = takeScreenshots(pipeline, flags, AbortSignal.any([interruption.signal, leaving.signal])).catch((thrown: unknown) => {
      if (!interruption.signal.aborted && !leaving.signal.aborted) say(`no screenshots: ${messageOf(thrown)}`);
      return undefined;
    });
    const run = await showRun(pipeline, flags, interruption.signal);
    const report = await writeLabReport(pipeline, run, flags, (await pictures)?.arrivalsMs ?? []);
    const { gradeText } = await import("../report/grade-text.ts");
    console.log(`\n${gradeText(report.grade, { width: process.stdout.columns ?? 100, colour: process.stdout.hasColors?.() ?? false })}`);
    console.log(`report: ${path.relative(process.cwd(), report.html)}, ${path.relative(process.cwd(), report.markdown)}`);
    const failed = run.checks.filter(({ passed }) => !passed);
    for (const check of failed) console.log(`failed check in ${check.stage}: ${check.name} (${check.evidence})`);
    if (failed.length > 0) process.exitCode = 1;
    if (flags.keep && !interruption.signal.aborted) {
      say(`the lab stays up; dashboard at ${pipeline.dashboard?.url}; Ctrl+C ends it`);
      await new Promise((resolve) => interruption.signal.addEventListener("abort", resolve, { once: true }));
    } else if (interruption.signal.aborted) throw new Interrupted("interrupted");
  } finally {
    leaving.abort();
    await pictures;
    await pipeline?.stop();
    interruption.release();
  }
}

/** Runs the lab with its live status: in place on a terminal, else a line now and then. */
async function showRun(pipeline: IotPipeline, flags: LabFlags, signal: AbortSignal): Promise<IotRun> {
  const live = process.stdout.isTTY && !flags.quiet ? createLogUpdate(process.stdout) : undefined;
  let phase: IotPhase = "producing";
  const startedAt = performance.now();
  let lastLineAt = Number.NEGATIVE_INFINITY;
  const draw = (): void => {
    const elapsedSeconds = (performance.now() - startedAt) / 1000;
    const status = {
      phase,
      dashboardUrl: pipeline.dashboard?.url ?? null,
      elapsedSeconds,
      totalSeconds: flags.seconds,
      snapshot: pipeline.monitor.snapshot(),
    };
    if (live) live(statusLines(status, process.stdout.columns ?? 100).join("\n"));
    else if (!flags.quiet && elapsedSeconds - lastLineAt >= PLAIN_EVERY_SECONDS) {
      lastLineAt = elapsedSeconds;
      console.log(statusLine(status));
    }
  };
  if (!live && !flags.quiet)
    console.log(
      `dashboard ${pipeline.dashboard?.url ?? "none"} · kafka ${pipeline.servers.kafka.address} · mongo ${pipeline.servers.mongo.address}`,
    );
  const stopDrawing = pipeline.monitor.onSample(draw);
  try {
    draw();
    return await runIotLab(pipeline, {
      rate: flags.rate,
      seconds: flags.seconds,
      signal,
      onPhase: (next) => void ((phase = next), draw()),
    });
  } finally {
    stopDrawing();
    live?.done();
  }
}

/** Waits until the middle of the run, when the page has something to show, and takes its pictures; undefined where there is no Chromium. */
async function takeScreenshots(pipeline: IotPipeline, flags: LabFlags, signal: AbortSignal): Promise<Screenshots | undefined> {
  const chromium = findChromium();
  if (!pipeline.dashboard || !chromium) return undefined;
  await systemClock.sleep(flags.seconds * 500, signal);
  const config = { url: pipeline.dashboard.url, outDir: path.join(flags.out, "figures"), chromium };
  const spec = { name: "picture taker", module: "dashboard/screenshot-process.ts", args: [], env: configEnvironment(config) };
  const { ready, ended } = await startService(spec, { signal, timeoutMs: PICTURES_MS });
  await ended;
  return (ready.screenshots as Screenshots | null) ?? undefined;
}

/** Record and report; loaded only now, so that the run itself stays small. */
async function writeLabReport(pipeline: IotPipeline, run: IotRun, flags: LabFlags, arrivalsMs: readonly number[]): Promise<WrittenReport> {
  const [{ iotRunRecord }, { writeRunRecord }, { writeReport }] = await Promise.all([
    import("../report/iot-record.ts"),
    import("../report/run-record.ts"),
    import("../report/write-report.ts"),
  ]);
  const data = path.join(flags.out, "data");
  const { rate, seconds, seed } = flags;
  await writeRunRecord(data, iotRunRecord(pipeline, run, { rate, seconds, seed, others: {}, arrivalsMs }));
  return writeReport({ data, out: flags.out });
}
