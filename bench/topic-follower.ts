import { decodeRecords } from "../src/kafka-protocol/record-iteration.ts";
import { Cluster } from "../src/kafka/wire/cluster.ts";
import { PartitionReader } from "../src/kafka/reader/partition-reader.ts";
import { sharedClock } from "./shared-clock.ts";

/** A message, and when the bytes with it were here. */
export interface Arrival {
  readonly value: string;
  readonly atMs: number;
}

/** Follows a topic of one partition from its beginning with our own reader: a fetch always waits at the broker, which answers as soon as there is something. */
export interface TopicFollower {
  /** All messages up to `end`, waited for. */
  upTo(end: number): Promise<readonly Arrival[]>;
  close(): Promise<void>;
}

/** Keeps the bytes as they come and reads nothing in them until they are asked for, so that the measurer takes little from what it measures. */
export function followTopic(brokers: readonly string[], topic: string, signal: AbortSignal): TopicFollower {
  const cluster = new Cluster({ brokers }, sharedClock);
  const reader = new PartitionReader({ cluster, clock: sharedClock });
  const stop = new AbortController();
  const stopped = AbortSignal.any([signal, stop.signal]);
  const kept: { readonly atMs: number; readonly bytes: Buffer; readonly from: number }[] = [];
  const wanted = [{ topic, partition: 0 }];
  let next = 0;
  let failure: unknown;
  let wake: (() => void) | undefined;
  const following = (async () => {
    reader.seek(topic, 0, 0);
    while (!stopped.aborted) {
      await reader.wait(() => reader.peek(topic, 0) !== undefined, wanted, stopped);
      const atMs = sharedClock.monotonicMs();
      for (let fetched = reader.peek(topic, 0); fetched; fetched = reader.peek(topic, 0)) {
        kept.push({ atMs, bytes: Buffer.from(fetched.bytes), from: fetched.from });
        next = fetched.next;
        reader.shift(topic, 0);
      }
      wake?.();
    }
  })().catch((thrown: unknown) => {
    if (!stop.signal.aborted) failure = thrown;
    wake?.();
  });
  return {
    upTo: async (end) => {
      while (next < end && failure === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if (failure !== undefined) throw failure;
      return kept.flatMap(({ atMs, bytes, from }) =>
        decodeRecords(bytes, { fromOffset: from }).map(({ value }) => ({ value: String(value), atMs })),
      );
    },
    close: async () => {
      stop.abort();
      await following;
      reader.close();
      await cluster.close();
    },
  };
}
