import type { Clock } from "../src/base/clock.ts";
import { createRandom } from "../src/base/random.ts";
import { createPacer } from "../src/generators/pacer.ts";
import { createSensorGenerator, encodeSensorReading, SENSOR_LOCATIONS, SENSOR_TYPES } from "../src/generators/sensors.ts";
import type { KafkaProducer, KafkaRecord } from "../src/kafka/producer.ts";
import { SHAPES } from "./drain-queries.ts";
import { percentilesOf, type Percentiles } from "./percentiles.ts";

/** One reading to send, and the results that it has a part in. */
export interface LatencyReading {
  readonly record: KafkaRecord;
  /** Its group in Q1: window, type, location. */
  readonly group: string;
  /** Its alert in Q3, if it is one: sensor, time and value, which no other alert of the run has together. */
  readonly alert: string | undefined;
}

const JITTER_MS = 2000;

/** Q1's group of a reading or of a result. */
export function groupOf(windowStartMs: number, sensorType: string, location: string): string {
  return `${windowStartMs} ${sensorType} ${location}`;
}

/** Q3's identity of a reading or of a result. */
export function alertOf(sensorId: string, timestampMs: number, value: number): string {
  return `${sensorId} ${timestampMs} ${value}`;
}

/**
 * Workload W with one difference: a reading's partition follows from its type and location, not from its sensor. So all readings of a group lie in
 * one partition in the order in which they were sent, and a count of n covers the first n of them (see Coverage). A reading that could not be told
 * from an earlier alert is drawn again. Event times lie up to 2 s before the given time.
 */
export function createLatencyReadings(seed: number, partitions: number): (eventTimeMs: number) => LatencyReading {
  const generator = createSensorGenerator({ seed });
  const jitter = createRandom(seed).fork("out-of-order");
  const alerts = new Set<string>();
  const { windowMs } = SHAPES.Q1;
  return (eventTimeMs) => {
    for (;;) {
      const atMs = Math.floor(eventTimeMs) - jitter.below(JITTER_MS + 1);
      const reading = generator.next(atMs);
      const { sensor_id, sensor_type, location, value, status } = reading;
      const alert = status === "anomaly" ? alertOf(sensor_id, atMs, value) : undefined;
      if (alert !== undefined && alerts.has(alert)) continue;
      if (alert !== undefined) alerts.add(alert);
      const partition = (SENSOR_TYPES.indexOf(sensor_type) * SENSOR_LOCATIONS.length + SENSOR_LOCATIONS.indexOf(location)) % partitions;
      return {
        record: { key: sensor_id, value: encodeSensorReading(reading), partition, timestampMs: atMs },
        group: groupOf(Math.floor(atMs / windowMs) * windowMs, sensor_type, location),
        alert,
      };
    }
  };
}

export interface LoadOptions {
  readonly producer: Pick<KafkaProducer, "send">;
  readonly topic: string;
  readonly next: (eventTimeMs: number) => LatencyReading;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Hears of every reading before it is handed over, and when it was due by the clock's monotonic time. */
  onReading(reading: LatencyReading, dueMs: number): void;
}

/** What the load generator itself took. Milliseconds. */
export interface LoadFigures {
  readonly sent: number;
  /** From the moment a reading was due to the moment it was handed to the producer: timers of a millisecond, and a measurer that is not let run. */
  readonly handedAfterMs: Percentiles;
  /** From handing a send to the producer to the brokers' acknowledgement, by send. */
  readonly acknowledgedAfterMs: Percentiles;
}

/** Sends under way at a time: far more than a healthy broker ever has, so that a sick one is not buried. */
const UNDER_WAY = 100;

/**
 * An open loop: reading i is due at i / rate after the start, whatever the system does, and latency counts from there, so that a stall of the system
 * is felt by every reading that was due meanwhile. What has become due since the last look goes in one send, whether others are under way or not.
 */
export async function sendAtRate(options: LoadOptions): Promise<LoadFigures> {
  const { producer, topic, clock, signal, ratePerSecond } = options;
  const total = Math.round(ratePerSecond * options.seconds);
  const startWallMs = clock.nowMs();
  const startMs = clock.monotonicMs();
  const pacer = createPacer({ clock, ratePerSecond });
  const handedAfter: number[] = [];
  const acknowledgedAfter: number[] = [];
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  while (pacer.taken < total) {
    signal.throwIfAborted();
    if (failure !== undefined) throw failure;
    const first = pacer.taken;
    const count = pacer.take(total - first);
    if (count === 0) {
      await clock.sleep(pacer.untilNextMs(), signal);
      continue;
    }
    const records: KafkaRecord[] = [];
    const handedMs = clock.monotonicMs();
    for (let i = first; i < first + count; i++) {
      const dueAfterMs = pacer.dueAfterMs(i);
      const reading = options.next(startWallMs + dueAfterMs);
      options.onReading(reading, startMs + dueAfterMs);
      records.push(reading.record);
      handedAfter.push(handedMs - startMs - dueAfterMs);
    }
    const sending = producer
      .send(topic, records)
      .then(
        () => void acknowledgedAfter.push(clock.monotonicMs() - handedMs),
        (thrown: unknown) => void (failure ??= thrown),
      )
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
    if (underWay.size >= UNDER_WAY) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  if (failure !== undefined) throw failure;
  return { sent: total, handedAfterMs: percentilesOf(handedAfter), acknowledgedAfterMs: percentilesOf(acknowledgedAfter) };
}
