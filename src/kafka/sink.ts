import type { Clock } from "../base/clock.ts";
import { failpoint } from "../base/failpoint.ts";
import type { SinkContext } from "../engine/formats.ts";
import type { Sink, SinkBatch } from "../engine/sinks/sink.ts";
import type { DataType, Row, StructType } from "../engine/types/data-type.ts";
import { KafkaError } from "./kafka-error.ts";
import type { HeadersToWrite } from "../kafka-protocol/batch-builder.ts";
import { COMPRESSIONS } from "../kafka-protocol/compression.ts";
import { createProducer, type KafkaDelivery, type KafkaProducer, type ProducerOptions } from "./producer.ts";
import { checkSinkOptions } from "./option-names.ts";
import { flag, optionReader, parseConnection, wholeNumber } from "./source-options.ts";

/** So many rows are sent and acknowledged together. */
const CHUNK_ROWS = 5000;
/** So many chunks are under way at a time: the next one is encoded while brokers store those before it. */
const CHUNKS_UNDER_WAY = 4;

/**
 * Kafka as the engine's sink, with Spark's columns: `value` (string or binary), and where present `key`, `headers` (array of structs of key and value),
 * `partition` (an int; null leaves the choice to the key) and `topic`; the option `topic` stands for every row. **At least once**: a batch that is
 * written again after a crash is in the topic twice; readers that need it once use its keys.
 * @throws KafkaError KAFKA_OPTION for columns that do not fit, KAFKA_UNREACHABLE
 */
export async function openKafkaSink(context: SinkContext): Promise<Sink> {
  checkSinkOptions(context.options);
  const get = optionReader(context.options);
  flag(get, "includeHeaders", false);
  const producer = await createProducer(parseConnection(context.options), producerOptions(get));
  return new KafkaSink(producer, get("topic"), context.queryName, context.clock);
}

function producerOptions(get: ReturnType<typeof optionReader>): ProducerOptions {
  const text = get("kafka.acks");
  const acks = text === undefined || text === "all" || text === "-1" ? -1 : text === "0" ? 0 : text === "1" ? 1 : undefined;
  if (acks === undefined) throw misfit(`kafka.acks is "${text}"`, "Set it to all, 1 or 0.");
  const idempotent = flag(get, "kafka.enable.idempotence", acks === -1);
  if (idempotent && acks !== -1) throw misfit("kafka.enable.idempotence needs kafka.acks all", "Leave one of them out.");
  const type = get("kafka.compression.type");
  const compression = COMPRESSIONS.find((one) => one === (type ?? "none").toLowerCase());
  if (!compression) throw misfit(`kafka.compression.type is "${type}"`, `Set it to ${COMPRESSIONS.join(", ")}.`);
  const retries = wholeNumber(get, "kafka.retries", 0);
  const deliveryTimeoutMs = wholeNumber(get, "kafka.delivery.timeout.ms", 1);
  const batchBytes = wholeNumber(get, "kafka.batch.size", 1);
  const bufferBytes = wholeNumber(get, "kafka.buffer.memory", 1);
  return {
    idempotent,
    acks,
    compression,
    ...(retries === undefined ? {} : { retries }),
    ...(deliveryTimeoutMs === undefined ? {} : { deliveryTimeoutMs }),
    ...(batchBytes === undefined ? {} : { batchBytes }),
    ...(bufferBytes === undefined ? {} : { bufferBytes }),
  };
}

class KafkaSink implements Sink {
  readonly description: string;
  readonly #producer: KafkaProducer;
  readonly #topic: string | undefined;
  readonly #queryName: string | undefined;
  readonly #clock: Clock;
  #written = 0;

  constructor(producer: KafkaProducer, topic: string | undefined, queryName: string | undefined, clock: Clock) {
    this.description = `Kafka[${topic ?? "by the column topic"}]`;
    this.#producer = producer;
    this.#topic = topic;
    this.#queryName = queryName;
    this.#clock = clock;
  }

  async write(batch: SinkBatch, signal: AbortSignal): Promise<void> {
    const columns = columnsOf(batch.schema, this.#topic);
    if (columns.headers >= 0) for (const row of batch.rows) checkHeaderNames(row[columns.headers] as readonly HeaderRow[] | null);
    if (this.#topic === undefined) for (const row of batch.rows) if (row[columns.topic] === null) throw noTopic();
    const underWay: Promise<unknown>[] = [];
    let request = 0;
    const acknowledged = async (): Promise<void> => {
      await underWay.shift();
      failpoint("w3.mid", batch.batchId, this.#queryName, ++request);
    };
    try {
      for (let at = 0; at < batch.rows.length; at += CHUNK_ROWS) {
        if (underWay.length >= CHUNKS_UNDER_WAY) await acknowledged();
        signal.throwIfAborted();
        batch.verify?.();
        const delivery = this.#producer.begin();
        await this.#add(delivery, batch.rows, at, Math.min(at + CHUNK_ROWS, batch.rows.length), columns);
        const end = delivery.end(signal);
        end.catch(() => undefined);
        underWay.push(end);
      }
      while (underWay.length > 0) await acknowledged();
    } finally {
      await Promise.allSettled(underWay);
    }
    this.#written = batch.rows.length;
  }

  async #add(delivery: KafkaDelivery, rows: readonly Row[], from: number, until: number, columns: MessageColumns): Promise<void> {
    const { key, value, topic, partition, headers } = columns;
    const nowMs = Math.floor(this.#clock.nowMs());
    for (let i = from; i < until; i++) {
      const row = rows[i] as Row;
      const full = delivery.add(
        this.#topic ?? (row[topic] as string),
        key < 0 ? null : (row[key] as Content),
        row[value] as Content,
        nowMs,
        partition < 0 ? null : (row[partition] as number | null),
        headers < 0 ? undefined : ((row[headers] as HeadersToWrite | null) ?? undefined),
      );
      if (full) await full;
    }
  }

  metrics(): Readonly<Record<string, string>> {
    return { numOutputRows: String(this.#written) };
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}

type Content = string | Uint8Array | null;
type HeaderRow = readonly [key: string | null, value: Uint8Array | null];

function checkHeaderNames(headers: readonly HeaderRow[] | null): void {
  if (headers?.some(([key]) => key === null)) throw misfit("a header has no key", "Fill the keys of the column headers.");
}

const noTopic = (): KafkaError => misfit("a row has null in its column topic", 'Fill the column, or set the option "topic".');

/** Where a row has what a message is made of; −1 for what it has not. */
type MessageColumns = Readonly<Record<"key" | "value" | "topic" | "partition" | "headers", number>>;

function columnsOf(schema: StructType, topic: string | undefined): MessageColumns {
  const find = (name: string, types: readonly DataType["type"][]): number => {
    const index = schema.fields.findIndex((field) => field.name === name);
    const type = schema.fields[index]?.dataType.type;
    if (type !== undefined && !types.includes(type))
      throw misfit(`the column ${name} is of type ${type}`, `Cast it to ${types.join(" or ")}.`);
    return index;
  };
  const columns = {
    key: find("key", ["string", "binary", "null"]),
    value: find("value", ["string", "binary", "null"]),
    topic: find("topic", ["string"]),
    partition: find("partition", ["int"]),
    headers: find("headers", ["array"]),
  };
  checkHeaders(schema.fields[columns.headers]?.dataType);
  if (columns.value < 0) throw misfit("there is no column value", "Name what is to be sent value, as in toJson(struct(…)).");
  if (topic === undefined && columns.topic < 0)
    throw misfit("no topic is named", 'Set the option "topic", or give the rows a column topic.');
  return columns;
}

/** Headers are an array of structs of a string and a binary, named key and value as in Spark. */
function checkHeaders(type: DataType | undefined): void {
  if (type?.type !== "array") return;
  const fields = type.element.type === "struct" ? type.element.fields : [];
  const shape = fields.map((field) => `${field.name} ${field.dataType.type}`).join(", ");
  if (shape === "key string, value binary") return;
  throw misfit(`the column headers holds ${shape || type.element.type}`, "Make it an array of structs of key (string) and value (binary).");
}

function misfit(found: string, remedy: string): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot write these rows to Kafka", found, remedy });
}
