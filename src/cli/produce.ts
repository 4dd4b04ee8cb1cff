import { Option, type Command } from "commander";
import { createInterface, type Interface } from "node:readline";
import { COMPRESSIONS, type Compression } from "../kafka-protocol/compression.ts";
import { createProducer, type KafkaDelivery, type KafkaProducer, type ProducerOptions } from "../kafka/producer.ts";
import { withAdminLink, type AdminLink } from "../kafka/admin/admin-link.ts";
import { findTopics } from "../kafka/admin/topic-admin.ts";
import { KafkaError, unknownTopic } from "../kafka/kafka-error.ts";
import { wholeNumber } from "./backend-options.ts";
import { Interrupted } from "./failure.ts";
import { listenForInterruption } from "./interrupt.ts";
import { connectionOf, property, withKafka, type KafkaFlags } from "./kafka-address.ts";
import { createLineReader } from "./line-reader.ts";

interface ProduceFlags extends KafkaFlags {
  readonly topic?: string;
  readonly property?: Readonly<Record<string, string>>;
  readonly readerProperty?: Readonly<Record<string, string>>;
  readonly producerProperty?: Readonly<Record<string, string>>;
  readonly commandProperty?: Readonly<Record<string, string>>;
  readonly compressionCodec?: Compression | true;
  readonly requestRequiredAcks?: string;
  readonly batchSize?: number;
  readonly maxPartitionMemoryBytes?: number;
  readonly maxMemoryBytes?: number;
  readonly messageSendMaxRetries?: number;
  readonly timeout: number;
  readonly sync?: boolean;
  readonly json?: boolean;
}

/** `streamlab produce`: lines of the standard input into a topic, as kafka-console-producer.sh does (labs.md B8). */
export function addProduce(program: Command): void {
  const command = withKafka(program.command("produce"))
    .description("send the lines of the standard input to a topic")
    .argument("[topic]", "the same as --topic")
    .option("-t, --topic <name>", "where to")
    .option(
      "--property <name=value>",
      "parse.key=true, key.separator=: (a tab if not given), parse.headers, null.marker=NULL, ignore.error …; may be repeated",
      property,
    )
    .addOption(new Option("--reader-property <name=value>", "the same, as Kafka's tool calls it since 4.2").argParser(property).hideHelp())
    .addOption(new Option("--compression-codec [name]", "how batches are packed; gzip if only the flag is there").choices(COMPRESSIONS))
    .addOption(new Option("--request-required-acks <n>", "-1 or all if not given").choices(["-1", "all", "0", "1"]))
    .option("--batch-size <bytes>", "bytes of a batch; 16384 if not given", wholeNumber(1))
    .option("--max-partition-memory-bytes <n>", "the same; lines without a key change the partition with each batch", wholeNumber(1))
    .option("--max-memory-bytes <n>", "bytes that wait for an acknowledgement at most", wholeNumber(1))
    .option("--message-send-max-retries <n>", "how often a batch is tried again", wholeNumber(0))
    .option("--timeout <ms>", "a batch that does not fill is sent after so long", wholeNumber(0), 1000)
    .option(
      "--producer-property <name=value>",
      "a setting of a Kafka producer: acks, batch.size, compression.type, linger.ms …; may be repeated",
      property,
    )
    .addOption(new Option("--command-property <name=value>", "the same, as Kafka's tool calls it since 4.2").argParser(property).hideHelp())
    .option("--sync", "wait for the acknowledgement of each line before the next")
    .option("--json", "print the totals as JSON")
    .addHelpText("after", "\nExample:\n  seq 1 100 | streamlab produce --topic test_topic --max-partition-memory-bytes 1");
  command.action(async (name: string | undefined, flags: ProduceFlags) => {
    const topic = flags.topic ?? name;
    if (topic === undefined) return command.help();
    await produce(flags, topic);
  });
}

interface Settings {
  readonly producer: ProducerOptions;
  readonly batchBytes: number;
  readonly lingerMs: number;
}

async function produce(flags: ProduceFlags, topic: string): Promise<void> {
  const parse = createLineReader({ ...flags.property, ...flags.readerProperty });
  const settings = settingsOf(flags);
  const clientId = { ...flags.producerProperty, ...flags.commandProperty }["client.id"];
  const connection = await connectionOf(clientId === undefined ? flags : { ...flags, clientId });
  const partitions = await withAdminLink(connection, (link) => partitionCount(link, topic));
  const producer = await createProducer(connection, settings.producer);
  const interruption = listenForInterruption();
  const isTerminal = process.stdin.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    crlfDelay: Infinity,
    ...(isTerminal ? { output: process.stdout, prompt: ">" } : {}),
  });
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  interruption.signal.addEventListener("abort", () => lines.close(), { once: true });
  const batches = new Batches(producer, topic, partitions, settings, () => {
    lines.close();
    process.stdin.destroy();
  });
  let sent = 0;
  try {
    for await (const line of prompted(lines, isTerminal)) {
      if (batches.failure !== undefined) break;
      const { key, value, headers } = parse(line, sent + 1);
      await batches.add(key, value, headers);
      sent++;
      if (flags.sync || isTerminal) await batches.flush();
    }
  } finally {
    await batches.end();
    await producer.close();
    interruption.release();
  }
  if (batches.failure !== undefined) throw batches.failure;
  if (flags.json) console.log(JSON.stringify({ topic, sent, batches: batches.count, partitions: batches.partitions }));
  else process.stderr.write(`Sent ${sent} messages to ${topic}.\n`);
  if (interruption.signal.aborted) throw new Interrupted("interrupted");
}

/** The lines, with a `>` before each where somebody types them. */
async function* prompted(lines: Interface, isTerminal: boolean): AsyncGenerator<string> {
  if (isTerminal) lines.prompt();
  for await (const line of lines) {
    yield line;
    if (isTerminal) lines.prompt();
  }
}

/**
 * Lines on their way. A batch goes out when it is full or has waited for the linger time, and further lines are taken meanwhile; lines without a key
 * go to the next partition with each batch. Batches of one partition arrive in their order.
 */
class Batches {
  count = 0;
  /** What the cluster said of the first batch that it did not take. */
  failure: unknown;
  readonly #producer: KafkaProducer;
  readonly #topic: string;
  readonly #partitionCount: number;
  readonly #settings: Settings;
  readonly #onFailure: () => void;
  readonly #used = new Set<number>();
  readonly #pending = new Set<Promise<void>>();
  #delivery: KafkaDelivery | undefined;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(producer: KafkaProducer, topic: string, partitionCount: number, settings: Settings, onFailure: () => void) {
    this.#producer = producer;
    this.#topic = topic;
    this.#partitionCount = partitionCount;
    this.#settings = settings;
    this.#onFailure = onFailure;
  }

  /** The partitions that got something, in order. */
  get partitions(): number[] {
    return [...this.#used].sort((a, b) => a - b);
  }

  async add(key: string | null, value: string | null, headers: readonly (readonly [string, string | null])[]): Promise<void> {
    this.#delivery ??= this.#producer.begin();
    const partition = key === null ? this.count % this.#partitionCount : null;
    await this.#delivery.add(this.#topic, key, value, Date.now(), partition, headers.length > 0 ? headers : undefined);
    this.#bytes += Buffer.byteLength(value ?? "") + Buffer.byteLength(key ?? "");
    if (this.#bytes >= this.#settings.batchBytes) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), this.#settings.lingerMs);
    if (this.#pending.size > 100) await Promise.race(this.#pending);
  }

  /** Sends what there is and waits for it. */
  async flush(): Promise<void> {
    this.#send();
    await Promise.all(this.#pending);
  }

  /** The same, for the last time. */
  async end(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const delivery = this.#delivery;
    if (!delivery) return;
    this.#delivery = undefined;
    this.#bytes = 0;
    this.count++;
    const sending = delivery
      .end()
      .then((appended) => appended.forEach(({ partition }) => this.#used.add(partition)))
      .catch((thrown: unknown) => {
        if (this.failure !== undefined) return;
        this.failure = thrown;
        this.#onFailure();
      })
      .finally(() => this.#pending.delete(sending));
    this.#pending.add(sending);
  }
}

async function partitionCount(link: AdminLink, topic: string): Promise<number> {
  const [found] = await findTopics(link, [topic]);
  if (found === undefined) throw unknownTopic(topic);
  return found.partitions.length;
}

/** The settings of a producer as flags and properties name them; a flag of its own wins. @throws KafkaError KAFKA_OPTION */
function settingsOf(flags: ProduceFlags): Settings {
  const properties = { ...flags.producerProperty, ...flags.commandProperty };
  const taken = [
    "acks",
    "batch.size",
    "linger.ms",
    "compression.type",
    "retries",
    "buffer.memory",
    "enable.idempotence",
    "delivery.timeout.ms",
    "client.id",
  ];
  const unknown = Object.keys(properties).find((name) => !taken.includes(name));
  if (unknown !== undefined)
    throw badSetting(`--producer-property ${unknown}`, `There are ${taken.join(", ")}; what logs in belongs into --command-config.`);
  const number = (name: string): number | undefined => {
    const text = properties[name];
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text)) throw badSetting(`${name}=${text}`, "Write a whole number.");
    return Number(text);
  };
  const codec = flags.compressionCodec === true ? "gzip" : (flags.compressionCodec ?? properties["compression.type"] ?? "none");
  if (!COMPRESSIONS.includes(codec as Compression))
    throw badSetting(`compression.type=${codec}`, `Choose from ${COMPRESSIONS.join(", ")}.`);
  const acksText = flags.requestRequiredAcks ?? properties.acks ?? "all";
  const acks = ({ all: -1, "-1": -1, "0": 0, "1": 1 } as const)[acksText];
  if (acks === undefined) throw badSetting(`acks=${acksText}`, "Choose from all, -1, 0, 1.");
  const batchBytes = flags.maxPartitionMemoryBytes ?? flags.batchSize ?? number("batch.size") ?? 16_384;
  const retries = flags.messageSendMaxRetries ?? number("retries");
  const bufferBytes = flags.maxMemoryBytes ?? number("buffer.memory");
  const deliveryTimeoutMs = number("delivery.timeout.ms");
  return {
    batchBytes,
    lingerMs: number("linger.ms") ?? flags.timeout,
    producer: {
      acks,
      idempotent: acks === -1 && properties["enable.idempotence"] !== "false",
      compression: codec as Compression,
      ...(retries === undefined ? {} : { retries }),
      ...(bufferBytes === undefined ? {} : { bufferBytes }),
      ...(deliveryTimeoutMs === undefined ? {} : { deliveryTimeoutMs }),
    },
  };
}

function badSetting(found: string, remedy: string): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot set the producer up", found, remedy });
}
