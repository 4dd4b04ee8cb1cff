import path from "node:path";
import { projectRoot } from "../src/base/project.ts";
import { createRunFolder } from "../src/stack/run-folder.ts";
import { stateFolder } from "../src/stack/state-folder.ts";
import { machineLine, millions, runBenchmark, spreadText, type BenchmarkReport } from "./benchmark.ts";
import { runBroker, type BrokerRun, type Throughput } from "./broker-run.ts";
import { isCommand } from "./is-command.ts";
import { KAFKA_CHOICES } from "./kafka-under-test.ts";
import { describeMachine, loadNow, spreadOf, type Spread } from "./machine.ts";
import { figuresFile, readOptions, wholeNumber, wholeNumbers } from "./options.ts";

const USAGE = `Measures a broker in a process of its own: start, idle, messages in and out by several clients, end-to-end latency at steady rates.

  npm run bench:broker -- [options]
    --kafka CHOICE    ${KAFKA_CHOICES} (embedded)
    --messages N      messages of each client; kafkajs moves three tenths of them (1000000)
    --rate N,N        messages a second of the end-to-end latency (1000,10000)
    --seconds N       measured time of each rate (10)
    --warm-up N       seconds before that (3)
    --idle N          seconds over which the idle broker is watched (5)
    --repeat N        fresh brokers, the median counts (3)
    --json FILE       where the figures go (.streamlab/bench/broker-<time>.json)

Messages are readings of about 146 bytes with their key, into three partitions, acks=all. "broker alone": the same encoded batch of 1000 again and
again, and fetches of which only batch headers are read. "streamlab": our idempotent producer and our reader, which checks every CRC. kafkajs and,
where it is installed, kcat do the same; kcat is a process of its own, whose start counts. All but kcat run in the measuring process.
End to end: from the moment a message was due (open loop) to its arrival at a reader that waits at the broker; our producer and reader.
`;

export interface BrokerReport extends BenchmarkReport {
  readonly benchmark: "broker";
  readonly broker: string;
  readonly messages: number;
  readonly seconds: number;
  readonly startMs: Spread;
  readonly idle: { readonly cpuPercent: Spread; readonly rssMiB: Spread };
  readonly rssMiB: Spread;
  readonly clients: readonly ClientFigures[];
  readonly endToEnd: readonly { readonly ratePerSecond: number; readonly p50: Spread; readonly p99: Spread; readonly max: Spread }[];
  readonly runs: readonly BrokerRun[];
}

/** Messages a second, and a second of the broker's CPU, in and out. */
export interface ClientFigures {
  readonly client: string;
  readonly produced: { readonly perSecond: Spread; readonly perCpuSecond: Spread };
  readonly consumed: { readonly perSecond: Spread; readonly perCpuSecond: Spread };
}

interface Options {
  readonly kafka: string | undefined;
  readonly messages: number;
  readonly rates: readonly number[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly idleSeconds: number;
  readonly repeat: number;
  readonly json: string;
}

export function parseBrokerOptions(args: readonly string[]): Options | undefined {
  const values = readOptions(
    {
      kafka: { type: "string" },
      messages: { type: "string", default: "1000000" },
      rate: { type: "string", default: "1000,10000" },
      seconds: { type: "string", default: "10" },
      "warm-up": { type: "string", default: "3" },
      idle: { type: "string", default: "5" },
      repeat: { type: "string", default: "3" },
      json: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
    args,
  );
  if (values.help) return undefined;
  return {
    kafka: values.kafka,
    messages: wholeNumber("messages", values.messages, 1),
    rates: wholeNumbers("rate", values.rate, 1),
    seconds: wholeNumber("seconds", values.seconds, 1),
    warmUpSeconds: wholeNumber("warm-up", values["warm-up"], 0),
    idleSeconds: wholeNumber("idle", values.idle, 1),
    repeat: wholeNumber("repeat", values.repeat, 1),
    json: figuresFile("broker", values.json),
  };
}

async function measure(options: Options, signal: AbortSignal, say: (text: string) => void): Promise<BrokerReport> {
  const loadBefore = loadNow();
  const time = new Date().toISOString();
  const folder = await createRunFolder(path.join(stateFolder(projectRoot), "bench-runs"));
  const runs: BrokerRun[] = [];
  try {
    for (let i = 1; i <= options.repeat; i++) runs.push(await runBroker({ ...options, folder: folder.path, signal }, `run${i}`, say));
  } finally {
    await folder.remove();
  }
  const spread = (figure: (one: BrokerRun) => number): Spread => spreadOf(runs.map(figure));
  const throughput = (of: (one: BrokerRun) => Throughput | undefined): ClientFigures["produced"] => ({
    perSecond: spread((one) => of(one)?.perSecond ?? Number.NaN),
    perCpuSecond: spread((one) => of(one)?.perCpuSecond ?? Number.NaN),
  });
  return {
    benchmark: "broker",
    time,
    broker: runs[0]?.description ?? "",
    messages: options.messages,
    seconds: options.seconds,
    startMs: spread((one) => one.startMs),
    idle: { cpuPercent: spread((one) => one.idle.cpuPercent), rssMiB: spread((one) => one.idle.rssMiB) },
    rssMiB: spread((one) => one.rssMiB),
    clients: Object.keys(runs[0]?.produce ?? {}).map((client) => ({
      client,
      produced: throughput((one) => one.produce[client]),
      consumed: throughput((one) => one.consume[client]),
    })),
    endToEnd: options.rates.map((ratePerSecond) => {
      const of = (figure: "p50" | "p99" | "max"): Spread => spread((one) => one.endToEndMs[ratePerSecond]?.[figure] ?? Number.NaN);
      return { ratePerSecond, p50: of("p50"), p99: of("p99"), max: of("max") };
    }),
    runs,
    machine: describeMachine(loadBefore),
    faults: runs.flatMap(({ faults }) => faults),
  };
}

const tenths = (value: number): string => value.toFixed(1);
const whole = (value: number): string => value.toFixed(0);

function print(report: BrokerReport): void {
  console.log(`${report.broker}: ${millions(report.messages)} messages`);
  console.log(`${machineLine(report)}; median (min – max) of ${report.runs.length} runs`);
  console.log(
    `start to first answer ${spreadText(report.startMs, whole)} ms; idle ${spreadText(report.idle.cpuPercent, tenths)} % of a core, ${spreadText(report.idle.rssMiB, whole)} MiB; after all ${spreadText(report.rssMiB, whole)} MiB`,
  );
  console.table(
    report.clients.map(({ client, produced, consumed }) => ({
      client,
      "in: msg/s": spreadText(produced.perSecond, millions),
      "per broker CPU-s": spreadText(produced.perCpuSecond, millions),
      "out: msg/s": spreadText(consumed.perSecond, millions),
      "per broker CPU-s ": spreadText(consumed.perCpuSecond, millions),
    })),
  );
  console.table(
    report.endToEnd.map((one) => ({
      "end to end, msg/s": one.ratePerSecond,
      "p50 ms": spreadText(one.p50, tenths),
      "p99 ms": spreadText(one.p99, tenths),
      "max ms": spreadText(one.max, tenths),
    })),
  );
}

if (isCommand(import.meta.filename)) process.exitCode = await runBenchmark({ usage: USAGE, parse: parseBrokerOptions, measure, print });
