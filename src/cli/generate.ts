import { type Command, InvalidArgumentError } from "commander";
import { systemClock } from "../base/clock.ts";
import { parseDurationMs } from "../base/duration.ts";
import { StreamlabError } from "../base/errors.ts";
import { createDeviceRecords } from "../generators/devices.ts";
import type { GeneratedRecord, RecordGenerator, SendRecords } from "../generators/record.ts";
import { runGenerator, type GeneratorProgress, type GeneratorTotals } from "../generators/run-generator.ts";
import { createSensorRecords } from "../generators/sensors.ts";
import { spoil, type SpoilOptions } from "../generators/spoil.ts";
import { ensureTopic } from "../kafka/topics.ts";
import { wholeNumber } from "./backend-options.ts";
import { listenForInterruption } from "./interrupt.ts";
import { Interrupted } from "./failure.ts";
import { createStatusLine } from "./status-line.ts";
import { withClient, withKafka, type KafkaFlags } from "./kafka-address.ts";

type Kind = { readonly topic: string; readonly describes: string; create(seed: number): RecordGenerator };

const KINDS: Readonly<Record<string, Kind>> = {
  sensors: { topic: "sensor-data", describes: "1000 sensors of four types (labs A, E)", create: (seed) => createSensorRecords({ seed }) },
  devices: { topic: "stream_data_topic", describes: "five devices with outliers (lab D)", create: (seed) => createDeviceRecords({ seed }) },
};

interface GenerateFlags extends KafkaFlags {
  readonly topic?: string;
  readonly partitions: number;
  readonly rate: number;
  readonly seconds?: number;
  readonly count?: number;
  readonly seed: number;
  readonly late?: number;
  readonly lateBy: number;
  readonly outOfOrder?: number;
  readonly duplicate?: number;
  readonly poison?: number;
  readonly drop?: number;
  readonly print?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `streamlab generate`: a seeded generator at a held rate into any Kafka (labs.md A5, D2). */
export function addGenerate(program: Command): void {
  const kinds = Object.entries(KINDS).map(([name, kind]) => `${name}: ${kind.describes}`);
  const command = withKafka(program.command("generate"))
    .description("send generated readings to Kafka at a held rate")
    .argument("[kind]", kinds.join("; "))
    .option("--topic <name>", "where to (sensors: sensor-data, devices: stream_data_topic); made if it is not there")
    .option("--partitions <n>", "partitions of a topic that is made", wholeNumber(1), 3)
    .option("--rate <n>", 'messages per second, or "max"', rate, 1000)
    .option("--seconds <n>", "end after so many seconds (without --seconds and --count: at Ctrl+C)", positive)
    .option("--count <n>", "end after so many messages", wholeNumber(1))
    .option("--seed <n>", "the same seed gives the same messages", wholeNumber(0), 42)
    .option("--late <share>", "share of messages with an old event time, as in 5%", share)
    .option("--late-by <duration>", "how old", duration, 600_000)
    .option("--out-of-order <duration>", "event times up to so much earlier, at random", duration)
    .option("--duplicate <share>", "share of messages that come twice", share)
    .option("--poison <share>", "share of messages that are broken in one of 19 ways", share)
    .option("--drop <share>", "share of messages that are lost", share)
    .option("--print", "print the messages instead of sending them")
    .option("--json", "print the totals as JSON and nothing else")
    .option("--quiet", "print nothing but failures")
    .addHelpText("after", '\nExample:\n  streamlab generate sensors --rate 1000 --seconds 60 --late 5% --late-by "10 minutes"');
  command.action(async (name: string | undefined, flags: GenerateFlags) => {
    if (name === undefined) return command.help();
    const kind = KINDS[name];
    if (!kind) return command.error(`error: unknown kind "${name}"; choose from ${Object.keys(KINDS).join(", ")}`);
    const generator = spoil(kind.create(flags.seed), spoilOptions(flags));
    const topic = flags.topic ?? kind.topic;
    if (flags.print) return finish(await run(generator, flags, printRecords, undefined), { ...flags, quiet: true }, "the terminal");
    const totals = await withClient(flags, async (client) => {
      const created = await ensureTopic(client.topics, { topic, partitions: flags.partitions });
      if (created && !flags.json && !flags.quiet) console.log(`Created topic ${topic} with ${flags.partitions} partitions.`);
      const producer = await client.producer();
      const send: SendRecords = async (records) => void (await producer.send(topic, records));
      return run(generator, flags, send, flags.json || flags.quiet ? undefined : showProgress());
    });
    finish(totals, flags, topic);
  });
}

async function run(
  generator: RecordGenerator,
  flags: GenerateFlags,
  send: SendRecords,
  onProgress: ((progress: GeneratorProgress) => void) | undefined,
): Promise<GeneratorTotals> {
  const interruption = listenForInterruption();
  try {
    return await runGenerator({
      generator,
      send,
      ratePerSecond: flags.rate,
      ...(flags.seconds === undefined ? {} : { seconds: flags.seconds }),
      ...(flags.count === undefined ? {} : { count: flags.count }),
      signal: interruption.signal,
      clock: systemClock,
      ...(onProgress ? { onProgress } : {}),
    });
  } finally {
    interruption.release();
  }
}

function spoilOptions(flags: GenerateFlags): SpoilOptions {
  return {
    seed: flags.seed,
    ...(flags.late === undefined ? {} : { late: { fraction: flags.late, byMs: flags.lateBy } }),
    ...(flags.outOfOrder === undefined ? {} : { outOfOrder: { jitterMs: flags.outOfOrder } }),
    ...(flags.duplicate === undefined ? {} : { duplicate: { fraction: flags.duplicate } }),
    ...(flags.poison === undefined ? {} : { poison: { fraction: flags.poison } }),
    ...(flags.drop === undefined ? {} : { drop: { fraction: flags.drop } }),
  };
}

/** One line a second; in a terminal always the same one. */
function showProgress(): (progress: GeneratorProgress) => void {
  const line = createStatusLine();
  return ({ acknowledged, failed, perSecond, askedPerSecond, elapsedMs, inFlight }) => {
    const asked = askedPerSecond === Infinity ? "" : ` of ${number(askedPerSecond)}`;
    const trouble = failed > 0 ? `, ${number(failed)} failed` : "";
    line(
      `${(elapsedMs / 1000).toFixed(0)} s: ${number(acknowledged)} messages, ${number(perSecond)}${asked} msg/s, ${number(inFlight)} in flight${trouble}`,
    );
  };
}

function finish(totals: GeneratorTotals, flags: GenerateFlags, topic: string): void {
  if (flags.json) console.log(JSON.stringify({ topic, ...totals }));
  else if (!flags.quiet) {
    const spoilt = Object.entries(totals.spoiled).filter(([, count]) => count > 0);
    console.log(
      `Sent ${number(totals.sent)} messages to ${topic} in ${(totals.elapsedMs / 1000).toFixed(1)} s: ${number(totals.acknowledged)} acknowledged, ` +
        `${number(totals.failed)} failed, ${number(totals.perSecond)} msg/s, at most ${number(totals.maxInFlight)} in flight.`,
    );
    if (spoilt.length > 0) console.log(`Spoilt: ${spoilt.map(([kind, count]) => `${number(count)} ${kind}`).join(", ")}.`);
  }
  if (totals.failed > 0) {
    throw new StreamlabError("MESSAGES_LOST", {
      failed: `Cannot vouch for ${number(totals.failed)} of ${number(totals.sent)} messages`,
      found: `no acknowledgement: ${totals.firstFailure ?? "unknown"}`,
      remedy: "Look at the broker, then generate again; the same seed gives the same messages.",
    });
  }
  if (totals.interrupted) throw new Interrupted("interrupted");
}

function printRecords(records: readonly GeneratedRecord[]): Promise<void> {
  const lines = records.map(({ value }) =>
    value === null ? "null" : typeof value === "string" ? value : Buffer.from(value).toString("latin1"),
  );
  return new Promise((resolve) => process.stdout.write(`${lines.join("\n")}\n`, () => resolve()));
}

const number = (value: number): string => Math.round(value).toLocaleString("en-US");

function rate(text: string): number {
  if (text === "max") return Infinity;
  return positive(text);
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

function share(text: string): number {
  const value = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("It must be a share such as 5% or 0.05.");
  return value;
}

function duration(text: string): number {
  try {
    return parseDurationMs(text);
  } catch (thrown) {
    throw new InvalidArgumentError((thrown as Error).message);
  }
}
