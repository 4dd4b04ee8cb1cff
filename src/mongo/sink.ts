import type { Collection, Document, MongoClient } from "mongodb";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import type { Format, SinkContext } from "../engine/formats.ts";
import type { Sink, SinkBatch } from "../engine/sinks/sink.ts";
import type { Row, StructType } from "../engine/types/data-type.ts";
import {
  createLatencyHistogram,
  drainLatencyHistogram,
  LATENCY_METRIC,
  recordLatencyUs,
  type LatencyHistogram,
} from "../monitor/latency.ts";
import { writeBulk, type Refused } from "./bulk.ts";
import { connectMongo } from "./connect-mongo.ts";
import { idMaker } from "./document-id.ts";
import { columnReader, documentMaker } from "./documents.ts";
import { isRefusal, loginRefused, MongoError } from "./mongo-error.ts";
import { keepRejected, rejection, type RejectedDocument } from "./rejected.ts";
import { retryWhilePassing } from "./retry.ts";
import { parseSinkOptions, wrong, type MongoSinkOptions } from "./sink-options.ts";

/** `.format("mongodb")`: options as in MongoSinkOptions. */
export const mongodbFormat: Format = { name: "mongodb", openSink: openMongoSink };

/** Connects and gives the sink. @throws MongoError MONGO_OPTION, MONGO_UNREACHABLE, MONGO_LOGIN */
export async function openMongoSink(context: SinkContext): Promise<Sink> {
  const options = parseSinkOptions(context.options);
  const client = await connectMongo(options.uri, { appName: `streamlab ${context.queryName ?? "sink"}`, socketTimeoutMs: 10_000 });
  return new MongoSink(client, options, context);
}

/** What rows of one schema become. */
type RowPlan = {
  readonly schema: StructType;
  readonly makeDocument: (row: Row) => Document;
  readonly eventTimeUs: ((row: Row) => number | null) | undefined;
};

/**
 * MongoDB as the engine's sink (step W3). With `idFields` a batch that is written again leaves the same documents: upsert replaces them,
 * append takes a duplicate of the same `_id` as written; append without `idFields` delivers at least once. A lost server is waited for
 * until the signal aborts, nothing is dropped; a document that the server refuses goes to `<collection>_rejected` and the batch proceeds.
 */
class MongoSink implements Sink {
  readonly description: string;
  readonly #client: MongoClient;
  readonly #options: MongoSinkOptions;
  readonly #clock: Clock;
  readonly #queryName: string | undefined;
  readonly #collection: Collection;
  readonly #rejected: Collection<RejectedDocument>;
  readonly #latency: LatencyHistogram | undefined;
  #plan: RowPlan | undefined;
  #metrics: Readonly<Record<string, string>> = {};

  constructor(client: MongoClient, options: MongoSinkOptions, context: SinkContext) {
    this.description = `MongoDB[${options.database}.${options.collection}]`;
    this.#client = client;
    this.#options = options;
    this.#clock = context.clock;
    this.#queryName = context.queryName;
    this.#collection = client.db(options.database).collection(options.collection);
    this.#rejected = client.db(options.database).collection<RejectedDocument>(`${options.collection}_rejected`);
    this.#latency = options.latencyColumn === undefined ? undefined : createLatencyHistogram();
  }

  async write(batch: SinkBatch, signal: AbortSignal): Promise<void> {
    if (this.#plan?.schema !== batch.schema) this.#plan = planRows(batch.schema, this.#options);
    const { makeDocument, eventTimeUs } = this.#plan;
    const { bulkSize } = this.#options;
    let rejectedRows = 0;
    let retries = 0;
    this.#latency?.reset();
    for (let at = 0, bulk = 1; at < batch.rows.length; at += bulkSize, bulk++) {
      const rows = batch.rows.slice(at, at + bulkSize);
      const documents = rows.map(makeDocument);
      const waiting = { clock: this.#clock, signal, onRetry: () => void retries++ };
      batch.verify?.();
      try {
        const refused = await retryWhilePassing(() => writeBulk(this.#collection, documents, this.#options), waiting);
        if (refused.length > 0) await this.#keep(refused, batch.batchId, waiting);
        rejectedRows += refused.length;
      } catch (thrown) {
        throw signal.aborted ? thrown : this.#failure(thrown);
      }
      if (eventTimeUs) this.#record(rows, eventTimeUs);
      failpoint("w3.mid", batch.batchId, this.#queryName, bulk);
    }
    const latency = this.#latency && drainLatencyHistogram(this.#latency);
    this.#metrics = {
      writtenRows: String(batch.rows.length - rejectedRows),
      ...(rejectedRows > 0 ? { rejectedRows: String(rejectedRows) } : {}),
      ...(retries > 0 ? { retries: String(retries) } : {}),
      ...(latency === undefined ? {} : { [LATENCY_METRIC]: latency }),
    };
  }

  async #keep(refused: readonly Refused[], batchId: number, waiting: Parameters<typeof retryWhilePassing>[1]): Promise<void> {
    const kept = refused.map(({ document, error }) => rejection(document, error, batchId, this.#clock.nowMs()));
    await retryWhilePassing(() => keepRejected(this.#rejected, kept), waiting);
  }

  #record(rows: readonly Row[], eventTimeUs: (row: Row) => number | null): void {
    const nowUs = this.#clock.nowMs() * 1000;
    for (const row of rows) {
      const at = eventTimeUs(row);
      if (at !== null) recordLatencyUs(this.#latency as LatencyHistogram, nowUs - at);
    }
  }

  #failure(thrown: unknown): Error {
    if (thrown instanceof MongoError) return thrown;
    if (isRefusal(thrown)) return loginRefused(this.#options.uri, thrown);
    return new MongoError("MONGO_WRITE", {
      failed: `Cannot write to ${this.description}`,
      found: messageOf(thrown).replace(/\.$/, ""),
      remedy: "The batch was not committed and is written again when the query starts again; mend the cause first.",
      cause: thrown,
    });
  }

  /** `writtenRows`, and where they are not zero `rejectedRows` and `retries`; `latencyHistogramUs` with a latencyColumn (monitor/latency.ts). */
  metrics(): Readonly<Record<string, string>> {
    return this.#metrics;
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

function planRows(schema: StructType, options: MongoSinkOptions): RowPlan {
  const convert = documentMaker(schema);
  const makeId = options.idFields.length > 0 ? idMaker(schema, options.idFields, options.idSeparator) : undefined;
  const makeDocument = makeId ? (row: Row): Document => ({ _id: makeId(row), ...withoutId(convert(row)) }) : convert;
  if (options.latencyColumn === undefined) return { schema, makeDocument, eventTimeUs: undefined };
  const { read, type } = columnReader(schema, options.latencyColumn);
  if (type.type !== "timestamp") throw wrong(`latencyColumn "${options.latencyColumn}" of type ${type.type}`, "Name a timestamp column.");
  return { schema, makeDocument, eventTimeUs: read as (row: Row) => number | null };
}

function withoutId(document: Document): Document {
  if (!("_id" in document)) return document;
  const { _id, ...rest } = document;
  return rest;
}
