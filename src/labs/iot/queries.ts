import path from "node:path";
import type { DataFrame } from "../../engine/api/data-frame.ts";
import type { Session } from "../../engine/api/session.ts";
import { avg, count, max, min } from "../../engine/functions/api/aggregates.ts";
import { when } from "../../engine/functions/api/conditionals.ts";
import { fromJson } from "../../engine/functions/api/json.ts";
import { window } from "../../engine/functions/api/windows.ts";
import type { StreamingQuery } from "../../engine/query/streaming-query.ts";
import { type Long, type Schema, type Timestamp, double, string, struct, timestamp } from "../../engine/types/schema-builder.ts";
import { IOT } from "./names.ts";

/** A reading as the lab's schema has it (A6). */
export type SensorReadingRow = {
  readonly sensor_id: string;
  readonly sensor_type: string;
  readonly value: number;
  readonly location: string;
  readonly timestamp: Timestamp;
  readonly status: string;
};

/** The lab's schema (A6): four strings, a double and a timestamp. */
export const sensorReading: Schema<SensorReadingRow> = struct({
  sensor_id: string(),
  sensor_type: string(),
  value: double(),
  location: string(),
  timestamp: timestamp(),
  status: string(),
});

/** A reading and where it came from; topic, partition and offset together name one message for ever. */
export type LocatedReading = SensorReadingRow & { readonly topic: string; readonly partition: number; readonly offset: Long };

/** A window of A7. */
export type SensorMetricRow = {
  readonly window: { readonly start: Timestamp; readonly end: Timestamp };
  readonly sensor_type: string;
  readonly location: string;
  readonly avg_value: number;
  readonly max_value: number;
  readonly min_value: number;
  readonly message_count: Long;
};

/** An alert of A8. */
export type AnomalyAlertRow = LocatedReading & { readonly alert_type: string };

/** Where readings are read from. */
export interface ReadingsOptions {
  readonly brokers: string;
  readonly topic?: string;
  /** "latest" (the lab's), "earliest", or JSON by partition. */
  readonly startingOffsets?: string;
  readonly maxOffsetsPerTrigger?: number;
  /** The consumer group that shows progress to lag tools; a checkpoint stays the truth. */
  readonly groupId?: string;
}

/** The readings of the topic, parsed by the lab's schema (A6); a value that is no number, such as NaN, makes no reading. */
export function readSensorData(session: Session, options: ReadingsOptions): DataFrame<LocatedReading> {
  return session.readStream
    .format("kafka")
    .options({
      "kafka.bootstrap.servers": options.brokers,
      subscribe: options.topic ?? IOT.topic,
      startingOffsets: options.startingOffsets ?? "latest",
      ...(options.maxOffsetsPerTrigger === undefined ? {} : { maxOffsetsPerTrigger: options.maxOffsetsPerTrigger }),
      ...(options.groupId === undefined ? {} : { groupId: options.groupId }),
    })
    .load()
    .select((m) => ({
      reading: fromJson(m.value.cast("string"), sensorReading, { allowNonNumericNumbers: "false" }),
      topic: m.topic,
      partition: m.partition,
      offset: m.offset,
    }))
    .select(({ reading, topic, partition, offset }) => ({
      sensor_id: reading.sensor_id,
      sensor_type: reading.sensor_type,
      value: reading.value,
      location: reading.location,
      timestamp: reading.timestamp,
      status: reading.status,
      topic,
      partition,
      offset,
    }));
}

/** Sliding windows by type and location (A7). */
export function sensorMetrics<R extends SensorReadingRow>(readings: DataFrame<R>): DataFrame<SensorMetricRow> {
  return (readings as unknown as DataFrame<SensorReadingRow>)
    .withWatermark("timestamp", IOT.watermark)
    .groupBy((r) => ({
      window: window(r.timestamp, IOT.windowSize, IOT.windowSlide),
      sensor_type: r.sensor_type,
      location: r.location,
    }))
    .agg((r) => ({ avg_value: avg(r.value), max_value: max(r.value), min_value: min(r.value), message_count: count() }));
}

/** Readings with status anomaly, graded by their value (A8): above 90 CRITICAL, above 80 WARNING, else INFO. */
export function anomalyAlerts(readings: DataFrame<LocatedReading>): DataFrame<AnomalyAlertRow> {
  return readings
    .filter((r) => r.status.eq("anomaly"))
    .withColumn("alert_type", (r) => when(r.value.gt(90), "CRITICAL").when(r.value.gt(80), "WARNING").otherwise("INFO"));
}

/** Where results go. */
export interface LabSinkOptions {
  readonly mongoUri: string;
  readonly database?: string;
  /** Below it lie `metrics` and `anomalies`, and the dead letters of each. */
  readonly checkpointDir: string;
  /** Documents in one request. */
  readonly bulkSize?: number;
}

/** What both sinks are told alike. */
function mongoOptions(options: LabSinkOptions): Readonly<Record<string, string | number>> {
  return {
    uri: options.mongoUri,
    database: options.database ?? IOT.database,
    ...(options.bulkSize === undefined ? {} : { bulkSize: options.bulkSize }),
  };
}

/**
 * Starts the query that keeps `sensor_metrics` (A9): update mode, because append would hold each window back for the watermark's five minutes, and
 * upserts by window, type and location, because update mode sends the same window again and again.
 */
export function writeSensorMetrics(metrics: DataFrame<SensorMetricRow>, options: LabSinkOptions): Promise<StreamingQuery> {
  return metrics.writeStream
    .queryName(IOT.metricsQuery)
    .outputMode("update")
    .option("checkpointLocation", path.join(options.checkpointDir, IOT.metricsQuery))
    .deadLetter(path.join(options.checkpointDir, `${IOT.metricsQuery}-dead-letters`))
    .format("mongodb")
    .options({
      ...mongoOptions(options),
      collection: IOT.metricsCollection,
      idFields: ["window.start", "sensor_type", "location"],
    })
    .start();
}

/** Starts the query that keeps `anomaly_alerts` (A9): append mode, one document a message, whose id is topic-partition-offset. */
export function writeAnomalyAlerts(alerts: DataFrame<AnomalyAlertRow>, options: LabSinkOptions): Promise<StreamingQuery> {
  return alerts.writeStream
    .queryName(IOT.alertsQuery)
    .outputMode("append")
    .option("checkpointLocation", path.join(options.checkpointDir, IOT.alertsQuery))
    .deadLetter(path.join(options.checkpointDir, `${IOT.alertsQuery}-dead-letters`))
    .format("mongodb")
    .options({
      ...mongoOptions(options),
      collection: IOT.alertsCollection,
      idFields: ["topic", "partition", "offset"],
      idSeparator: "-",
      latencyColumn: "timestamp",
    })
    .start();
}
