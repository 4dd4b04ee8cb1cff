import { spawn } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import path from "node:path";
import { projectRoot } from "../src/base/project.ts";
import { reportFailure } from "../src/cli/failure.ts";
import { listenForInterruption } from "../src/cli/interrupt.ts";
import { findJava, JAVA_NEEDED } from "../src/stack/kafka-jvm/java.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { isCommand } from "./is-command.ts";
import { readOptions, someOf } from "./options.ts";
import { PAGE, writePage } from "./performance-page.ts";

const USAGE = `Runs all benchmarks one after the other, on the development broker and on a real Kafka, and writes docs/performance.md anew.

  npm run bench:all -- [options]
    --only A,B     some of drain, latency, broker, docserver, start, growth
    --kafka A,B    some of embedded, jvm (both; jvm needs Java and Maven and is left out where there is no Java)
    --quick        small sizes and one run of each, to see that everything works; figures and page go to .streamlab/bench/quick
    --no-page      leaves the page as it is

Let nothing else run meanwhile: the figures of a busy machine are worthless. It takes about an hour; --quick takes five minutes.
`;

const BENCHMARKS = ["drain", "latency", "broker", "docserver", "start", "growth"] as const;
type BenchmarkName = (typeof BENCHMARKS)[number];
const KAFKAS = ["embedded", "jvm"] as const;
type KafkaName = (typeof KAFKAS)[number];

/** Those that the page shows on either broker. */
const ON_BOTH: readonly BenchmarkName[] = ["drain", "latency", "broker"];

const QUICK: Readonly<Record<BenchmarkName, readonly string[]>> = {
  drain: ["--messages", "300000", "--repeat", "1", "--naive", "100000"],
  latency: ["--seconds", "3", "--warm-up", "2", "--repeat", "1"],
  broker: ["--messages", "100000", "--seconds", "2", "--warm-up", "1", "--idle", "2", "--repeat", "1"],
  docserver: ["--documents", "10000", "--singles", "200", "--seconds", "1", "--repeat", "1"],
  start: ["--repeat", "1", "--idle", "2"],
  growth: ["--keys", "10,1000", "--overlap", "1,6", "--partitions", "1,8", "--log", "1000,100000"],
};

/** One benchmark to run, and with what. */
export interface PlannedRun {
  readonly benchmark: BenchmarkName;
  readonly args: readonly string[];
}

/** What is to be run, in order, with its figures below `folder`. */
export function planRuns(
  only: readonly BenchmarkName[],
  kafkas: readonly KafkaName[],
  quick: boolean,
  folder: string,
  time: Date = new Date(),
): PlannedRun[] {
  const stamp = time.toISOString().replace(/\D/g, "").slice(0, 14);
  const planned = (benchmark: BenchmarkName, kafka?: KafkaName): PlannedRun => ({
    benchmark,
    args: [
      ...(kafka ? ["--kafka", kafka] : []),
      ...(quick ? QUICK[benchmark] : []),
      "--json",
      path.join(folder, `${[benchmark, ...(kafka ? [kafka] : []), stamp].join("-")}.json`),
    ],
  });
  return BENCHMARKS.filter((name) => only.includes(name)).flatMap((benchmark) =>
    ON_BOTH.includes(benchmark) ? kafkas.map((kafka) => planned(benchmark, kafka)) : [planned(benchmark)],
  );
}

/** Runs it as its npm script does; true where it ended well. */
function runOne({ benchmark, args }: PlannedRun, signal: AbortSignal): Promise<boolean> {
  const launcher = path.join(projectRoot, "bin", "streamlab.mjs");
  const child = spawn(process.execPath, [launcher, "--module", `bench/${benchmark}.ts`, ...args], { stdio: "inherit", cwd: projectRoot });
  const end = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve(code === 0);
    });
  });
}

async function run(): Promise<number> {
  const interruption = listenForInterruption();
  try {
    const values = readOptions(
      {
        only: { type: "string", default: BENCHMARKS.join(",") },
        kafka: { type: "string", default: KAFKAS.join(",") },
        quick: { type: "boolean", default: false },
        "no-page": { type: "boolean", default: false },
        help: { type: "boolean", short: "h" },
      },
      process.argv.slice(2),
    );
    if (values.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    let kafkas = someOf("kafka", values.kafka, KAFKAS);
    if (kafkas.includes("jvm") && (findJava()?.major ?? 0) < JAVA_NEEDED) {
      console.log(`No Java ${JAVA_NEEDED} here: the runs on a real Kafka are left out.`);
      kafkas = kafkas.filter((kafka) => kafka !== "jvm");
    }
    const folder = path.join(stateFolder(projectRoot), "bench", ...(values.quick ? ["quick"] : []));
    await mkdir(folder, { recursive: true });
    const failed: string[] = [];
    for (const planned of planRuns(someOf("only", values.only, BENCHMARKS), kafkas, values.quick, folder)) {
      const label = `${planned.benchmark} ${planned.args.join(" ")}`.trim();
      console.log(`\n== ${label}`);
      if (!(await runOne(planned, interruption.signal))) failed.push(label);
    }
    if (!values["no-page"]) {
      const page = values.quick ? path.join(folder, "performance.md") : PAGE;
      if (values.quick) await copyFile(PAGE, page);
      await writePage(folder, page);
      console.log(`\n${path.relative(process.cwd(), page)} is written anew.`);
    }
    for (const label of failed) console.error(`Failed, or its figures do not add up: ${label}`);
    return failed.length === 0 ? 0 : 1;
  } catch (thrown) {
    return reportFailure(thrown, false);
  } finally {
    interruption.release();
  }
}

if (isCommand(import.meta.filename)) process.exitCode = await run();
