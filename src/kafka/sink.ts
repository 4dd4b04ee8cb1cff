import { failpoint } from "../base/failpoint.ts";
import type { SinkContext } from "../engine/formats.ts";
import type { Sink, SinkBatch } from "../engine/sinks/sink.ts";
import type { DataType, StructType } from "../engine/types/data-type.ts";
import { KafkaError } from "./kafka-error.ts";
import { createProducer, type KafkaProducer, type KafkaRecord, type ProducerOptions } from "./producer.ts";
import { checkSinkOptions } from "./option-names.ts";
import { flag, optionReader, parseConnection, wholeNumber } from "./source-options.ts";

const REQUEST_RECORDS = 5000;

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
  return new KafkaSink(producer, get("topic"), context.queryName);
}

function producerOptions(get: ReturnType<typeof optionReader>): ProducerOptions {
  const text = get("kafka.acks");
  const acks = text === undefined || text === "all" || text === "-1" ? -1 : text === "0" ? 0 : text === "1" ? 1 : undefined;
  if (acks === undefined) throw misfit(`kafka.acks is "${text}"`, "Set it to all, 1 or 0.");
  const idempotent = flag(get, "kafka.enable.idempotence", acks === -1);
  if (idempotent && acks !== -1) throw misfit("kafka.enable.idempotence needs kafka.acks all", "Leave one of them out.");
  const retries = wholeNumber(get, "kafka.retries", 0);
  return { idempotent, acks, ...(retries === undefined ? {} : { retries }) };
}

class KafkaSink implements Sink {
  readonly description: string;
  readonly #producer: KafkaProducer;
  readonly #topic: string | undefined;
  readonly #queryName: string | undefined;
  #written = 0;

  constructor(producer: KafkaProducer, topic: string | undefined, queryName: string | undefined) {
    this.description = `Kafka[${topic ?? "by the column topic"}]`;
    this.#producer = producer;
    this.#topic = topic;
    this.#queryName = queryName;
  }

  async write(batch: SinkBatch, signal: AbortSignal): Promise<void> {
    const columns = columnsOf(batch.schema, this.#topic);
    const byTopic = new Map<string, KafkaRecord[]>();
    for (const row of batch.rows) {
      const topic = this.#topic ?? (columns.topic < 0 ? null : (row[columns.topic] as string | null));
      if (topic === null) throw misfit("a row has null in its column topic", 'Fill the column, or set the option "topic".');
      const partition = columns.partition < 0 ? null : (row[columns.partition] as number | null);
      const headers = columns.headers < 0 ? null : (row[columns.headers] as readonly HeaderRow[] | null);
      const key = columns.key < 0 ? null : (row[columns.key] as KafkaRecord["value"]);
      const value = row[columns.value] as KafkaRecord["value"];
      let record: KafkaRecord = partition === null ? { key, value } : { key, value, partition };
      if (headers !== null && headers.length > 0) record = { ...record, headers: headersOf(headers) };
      const records = byTopic.get(topic);
      if (records) records.push(record);
      else byTopic.set(topic, [record]);
    }
    let request = 0;
    for (const [topic, records] of byTopic) {
      for (let at = 0; at < records.length; at += REQUEST_RECORDS) {
        signal.throwIfAborted();
        batch.verify?.();
        await this.#producer.send(topic, records.slice(at, at + REQUEST_RECORDS));
        failpoint("w3.mid", batch.batchId, this.#queryName, ++request);
      }
    }
    this.#written = batch.rows.length;
  }

  metrics(): Readonly<Record<string, string>> {
    return { numOutputRows: String(this.#written) };
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}

type HeaderRow = readonly [key: string | null, value: Uint8Array | null];

function headersOf(rows: readonly HeaderRow[]): NonNullable<KafkaRecord["headers"]> {
  const headers: [string, string | Uint8Array | readonly Uint8Array[]][] = [];
  for (const [key, value] of rows) {
    if (key === null) throw misfit("a header has no key", "Fill the keys of the column headers.");
    const bytes = value ?? new Uint8Array();
    const known = headers.find(([name]) => name === key);
    if (known) known[1] = [...(Array.isArray(known[1]) ? (known[1] as readonly Uint8Array[]) : [known[1] as Uint8Array]), bytes];
    else headers.push([key, bytes]);
  }
  return Object.fromEntries(headers);
}

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
