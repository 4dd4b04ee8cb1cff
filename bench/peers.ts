/** How an engine drained the same readings from Kafka to Kafka: messages a second, and a second of its CPU, as they were noted. */
export interface PeerDrain {
  readonly engine: string;
  readonly q1: string;
  readonly q2: string;
  readonly q3: string;
  /** Seconds to the first row. */
  readonly start: string;
  readonly rssMiB: string;
}

/** Reading → result in a topic at 1 000 readings a second: p50 / p99 in milliseconds. */
export interface PeerLatency {
  readonly engine: string;
  readonly q1: string;
  readonly q3: string;
}

/**
 * Where the figures of others come from. They are no result of our benchmarks and do not change with them: each was measured once, on a machine of
 * the same kind (2 cores, 24 GiB), with the same readings and queries, on Apache Kafka 4.3.1.
 */
export const PEER_DRAINS: readonly PeerDrain[] = [
  { engine: "Apache Spark 4.2, local[2]", q1: "268 k · 180 k", q2: "280 k · 199 k", q3: "296 k · 210 k", start: "7 – 10", rssMiB: "1500" },
  {
    engine: "Flink SQL 2.2, parallelism 2",
    q1: "447 k · 286 – 310 k",
    q2: "379 k · 266 k",
    q3: "498 k · 370 k",
    start: "6.5",
    rssMiB: "1230 – 1460",
  },
  { engine: "Kafka Streams 4.3", q1: "219 k · 146 k", q2: "227 k · 149 k", q3: "536 k · 389 k", start: "2", rssMiB: "1300" },
  { engine: "Bytewax 0.21", q1: "110 k · 115 k", q2: "14 k · 14 k", q3: "260 k · 324 k", start: "0.7", rssMiB: "200" },
  { engine: "Quix Streams 3", q1: "28 k · 28 k", q2: "21 k · 21 k", q3: "124 k · 117 k", start: "3", rssMiB: "155" },
  { engine: "one Java thread, Jackson and a HashMap, no sink", q1: "1.22 M · 1.11 M", q2: "", q3: "", start: "0.8", rssMiB: "600" },
];

export const PEER_LATENCIES: readonly PeerLatency[] = [
  { engine: "Apache Spark 4.2, local[2]", q1: "491 / 818", q3: "199 / 368" },
  { engine: "Kafka Streams 4.3", q1: "3.3 / 131", q3: "2 / 94 – 141" },
  { engine: "Quix Streams 3 (falls behind at 10 000/s)", q1: "1.0 / 25.6", q3: "2 / 68" },
];

/** Clients of Apache Kafka 4.3.1, messages a second in and out, from the same machine of that kind. */
export const PEER_CLIENTS: readonly { readonly client: string; readonly produced: string; readonly consumed: string }[] = [
  { client: "Kafka's own performance tools, noted elsewhere", produced: "308 k", consumed: "990 k" },
  { client: "kafkajs, noted elsewhere", produced: "168 k", consumed: "629 k" },
  { client: "@platformatic/kafka, noted elsewhere", produced: "313 k", consumed: "454 k" },
];
