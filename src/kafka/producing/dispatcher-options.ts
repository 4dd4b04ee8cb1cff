import type { Clock } from "../../base/clock.ts";
import type { Compression } from "../../kafka-protocol/compression.ts";
import type { Cluster } from "../wire/cluster.ts";
import type { ProducerIdentity } from "./partition-queue.ts";

/** What records are sent with. */
export type DispatcherOptions = {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Uniform in [0, 1), for the length of pauses. */
  readonly random: () => number;
  /** Absent without idempotence. */
  readonly identity: ProducerIdentity | undefined;
  readonly acks: -1 | 0 | 1;
  readonly compression: Compression;
  /** A batch is cut before it gets larger, before compression. */
  readonly batchBytes: number;
  /** More than this is not kept: who sends has to wait. */
  readonly bufferBytes: number;
  /** How often a batch is tried again. */
  readonly retries: number;
  /** From the first record of a batch on. */
  readonly deliveryTimeoutMs: number;
};
