import type { SinkContext } from "../engine/formats.ts";
import type { Sink, SinkBatch } from "../engine/sinks/sink.ts";
import type { DataType, StructType } from "../engine/types/data-type.ts";
import { KafkaError } from "./kafka-error.ts";
import { createProducer, type KafkaProducer, type KafkaRecord } from "./producer.ts";
import { optionReader, parseConnection } from "./source-options.ts";

const REQUEST_RECORDS = 5000;

/**
 * Kafka as the engine's sink, with Spark's columns: `value` (string or binary), and where present `key` and `topic`; the option `topic` stands for
 * every row. **At least once**: a batch that is written again after a crash is in the topic twice; readers that need it once use its keys.
 * @throws KafkaError KAFKA_OPTION for columns that do not fit, KAFKA_UNREACHABLE
 */
export async function openKafkaSink(context: SinkContext): Promise<Sink> {
  const topic = optionReader(context.options)("topic");
  const producer = await createProducer(parseConnection(context.options));
  return new KafkaSink(producer, topic);
}

class KafkaSink implements Sink {
  readonly description: string;
  readonly #producer: KafkaProducer;
  readonly #topic: string | undefined;
  #written = 0;

  constructor(producer: KafkaProducer, topic: string | undefined) {
    this.description = `Kafka[${topic ?? "by the column topic"}]`;
    this.#producer = producer;
    this.#topic = topic;
  }

  async write(batch: SinkBatch, signal: AbortSignal): Promise<void> {
    const columns = columnsOf(batch.schema, this.#topic);
    const byTopic = new Map<string, KafkaRecord[]>();
    for (const row of batch.rows) {
      const topic = this.#topic ?? (columns.topic < 0 ? null : (row[columns.topic] as string | null));
      if (topic === null) throw misfit("a row has null in its column topic", 'Fill the column, or set the option "topic".');
      const record = {
        key: columns.key < 0 ? null : (row[columns.key] as KafkaRecord["value"]),
        value: row[columns.value] as KafkaRecord["value"],
      };
      const records = byTopic.get(topic);
      if (records) records.push(record);
      else byTopic.set(topic, [record]);
    }
    for (const [topic, records] of byTopic) {
      for (let at = 0; at < records.length; at += REQUEST_RECORDS) {
        signal.throwIfAborted();
        await this.#producer.send(topic, records.slice(at, at + REQUEST_RECORDS));
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

function columnsOf(
  schema: StructType,
  topic: string | undefined,
): { readonly key: number; readonly value: number; readonly topic: number } {
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
  };
  if (columns.value < 0) throw misfit("there is no column value", "Name what is to be sent value, as in toJson(struct(…)).");
  if (topic === undefined && columns.topic < 0)
    throw misfit("no topic is named", 'Set the option "topic", or give the rows a column topic.');
  return columns;
}

function misfit(found: string, remedy: string): KafkaError {
  return new KafkaError("KAFKA_OPTION", { failed: "Cannot write these rows to Kafka", found, remedy });
}
