import { KAFKA_VERSION } from "../src/stack/kafka-jvm/kafka-jars.ts";
import { machineLine, millions, spreadText } from "./benchmark.ts";
import type { BrokerReport } from "./broker.ts";
import type { DrainQuery } from "./drain-queries.ts";
import type { DrainReport, QueryFigures } from "./drain.ts";
import type { LatencyFigures, LatencyReport } from "./latency.ts";
import type { LatencyQuery, LatencySink } from "./latency-job.ts";
import type { Machine, Spread } from "./machine.ts";
import { PEER_CLIENTS, PEER_DRAINS, PEER_LATENCIES } from "./peers.ts";
import type { OnBoth, PerformanceFigures } from "./performance-figures.ts";

/** A table of the page, and under it on what its figures were measured. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

export type TableName =
  "targets" | "drain" | "drain-runs" | "latency" | "latency-runs" | "start" | "idle" | "growth" | "broker" | "end-to-end" | "docserver";

const WHERE = { embedded: "development broker", jvm: `Apache Kafka ${KAFKA_VERSION}` } as const;
type Where = keyof typeof WHERE;
const WHERES: readonly Where[] = ["embedded", "jvm"];

/** Every table of the page; rows whose figures are missing are left out. */
export function performanceTables(figures: PerformanceFigures): Record<TableName, Table> {
  return {
    targets: targets(figures),
    drain: drain(figures.drain),
    "drain-runs": drainRuns(figures.drain),
    latency: latency(figures.latency),
    "latency-runs": latencyRuns(figures.latency),
    start: start(figures),
    idle: idle(figures),
    growth: growth(figures),
    broker: broker(figures.broker),
    "end-to-end": endToEnd(figures.broker),
    docserver: docserver(figures),
  };
}

/** "2.45 M", "268 k", "987". */
export function amount(count: number): string {
  if (!Number.isFinite(count)) return "–";
  return count >= 1e6 ? `${(count / 1e6).toFixed(2)} M` : count >= 1e4 ? `${Math.round(count / 1000)} k` : String(Math.round(count));
}

const ms = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
const seconds = (value: number): string => (value / 1000).toFixed(2);
const whole = (value: number): string => value.toFixed(0);
const two = (value: number): string => value.toFixed(2);

function note(what: string, report: { readonly time?: string; readonly machine: Machine } | undefined, runs?: number): string[] {
  if (!report) return [];
  const line = machineLine({ benchmark: "", time: "", faults: [], machine: report.machine });
  return [
    `${what}: ${report.time ? `${report.time.slice(0, 10)}, ` : ""}${line}${runs === undefined ? "" : `, ${runs} ${runs === 1 ? "run" : "runs"}`}.`,
  ];
}

const drainNotes = (both: OnBoth<DrainReport>): string[] =>
  WHERES.flatMap((where) => {
    const report = both[where];
    return note(`${WHERE[where]}, ${millions(report?.messages ?? 0)} readings`, report, report?.queries[0]?.runs.length);
  });

function drain(both: OnBoth<DrainReport>): Table {
  const ours = WHERES.flatMap((where) => {
    const report = both[where];
    if (!report) return [];
    const of = (query: DrainQuery): QueryFigures | undefined => report.queries.find((one) => one.query === query);
    const rates = (query: DrainQuery): string => {
      const one = of(query);
      return one ? `${amount(one.messagesPerSecond.median)} · ${amount(one.messagesPerCpuSecond.median)}` : "–";
    };
    const all = report.queries;
    return [
      [
        `**streamlab**, ${WHERE[where]}`,
        rates("Q1"),
        rates("Q2"),
        rates("Q3"),
        seconds(Math.max(...all.map(({ firstRowMs }) => firstRowMs.median))),
        whole(Math.max(...all.map(({ peakRssMiB }) => peakRssMiB.median))),
      ],
    ];
  });
  return {
    header: ["engine", "Q1 msg/s · per CPU-s", "Q2", "Q3", "first row s", "RSS MiB"],
    rows: [...ours, ...PEER_DRAINS.map(({ engine, q1, q2, q3, start: first, rssMiB }) => [engine, q1, q2, q3, first, rssMiB])],
    notes: drainNotes(both),
  };
}

function drainRuns(both: OnBoth<DrainReport>): Table {
  return {
    header: [
      "broker",
      "query",
      "msg/s",
      "msg per CPU-s",
      "peak RSS MiB",
      "readings in results",
      "expected",
      "× naive",
      "× naive per CPU-s",
    ],
    rows: WHERES.flatMap((where) =>
      (both[where]?.queries ?? []).map((one) => [
        WHERE[where],
        one.query,
        spreadText(one.messagesPerSecond, amount),
        spreadText(one.messagesPerCpuSecond, amount),
        spreadText(one.peakRssMiB, whole),
        [...new Set(one.counted)].join(", "),
        String(one.expected),
        one.naive ? (one.messagesPerSecond.median / one.naive.messagesPerSecond.median).toFixed(1) : "–",
        one.naive ? (one.messagesPerCpuSecond.median / one.naive.messagesPerCpuSecond.median).toFixed(1) : "–",
      ]),
    ),
    notes: drainNotes(both),
  };
}

const latencyNotes = (both: OnBoth<LatencyReport>): string[] =>
  WHERES.flatMap((where) => {
    const report = both[where];
    return note(`${WHERE[where]}, ${report?.seconds} s after ${report?.warmUpSeconds} s of warm-up`, report, report?.cases[0]?.runs.length);
  });

function caseOf(report: LatencyReport | undefined, query: LatencyQuery, sink: LatencySink, rate: number): LatencyFigures | undefined {
  return report?.cases.find((one) => one.query === query && one.sink === sink && one.ratePerSecond === rate && !one.together);
}

function latency(both: OnBoth<LatencyReport>): Table {
  const ours = WHERES.flatMap((where) => {
    const cell = (query: LatencyQuery): string => {
      const one = caseOf(both[where], query, "kafka", 1000);
      return one ? `${ms(one.p50.median)} / ${ms(one.p99.median)}` : "–";
    };
    return both[where] ? [[`**streamlab**, ${WHERE[where]}`, cell("Q1"), cell("Q3")]] : [];
  });
  return {
    header: ["engine", "Q1 p50 / p99 ms", "Q3 p50 / p99 ms"],
    rows: [...ours, ...PEER_LATENCIES.map(({ engine, q1, q3 }) => [engine, q1, q3])],
    notes: latencyNotes(both),
  };
}

function latencyRuns(both: OnBoth<LatencyReport>): Table {
  return {
    header: ["broker", "query", "to", "readings/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "batches/s", "engine CPU %"],
    rows: WHERES.flatMap((where) =>
      (both[where]?.cases ?? []).map((one) => [
        WHERE[where],
        one.together ? `${one.query} (together)` : one.query,
        one.sink === "kafka" ? "topic" : "document",
        String(one.ratePerSecond),
        spreadText(one.p50, ms),
        spreadText(one.p95, ms),
        spreadText(one.p99, ms),
        spreadText(one.max, ms),
        whole(one.batchesPerSecond.median),
        whole(one.processes.engine?.cpuPercent.median ?? Number.NaN),
      ]),
    ),
    notes: latencyNotes(both),
  };
}

function start({ start: report }: PerformanceFigures): Table {
  return {
    header: ["from", "to", "seconds"],
    rows: report
      ? [
          ["query process", "first row committed", spreadText(report.firstRowMs, seconds)],
          ["`streamlab lab`", "dashboard up", spreadText(report.dashboardMs, seconds)],
          ["`streamlab lab`", "first stored document", spreadText(report.firstDocumentMs, seconds)],
        ]
      : [],
    notes: note("Starts", report, report?.repeat),
  };
}

function idle({ start: report }: PerformanceFigures): Table {
  return {
    header: ["process", "CPU % of a core", "RSS MiB"],
    rows: (report?.idle ?? []).map((one) => [one.process, one.cpuPercent.toFixed(1), whole(one.rssMiB)]),
    notes: note(`Idle for ${report?.idleSeconds} s`, report),
  };
}

function growth({ growth: report }: PerformanceFigures): Table {
  return {
    header: ["what grows", "to", "msg/s", "and"],
    rows: [
      ...(report?.figures ?? []).map((one) => [
        "keys",
        amount(one.keys),
        amount(one.messagesPerSecond),
        `${one.liveBytesPerKey} bytes a key, ${Math.round(one.checkpointBytes / one.touchedKeys)} bytes of checkpoint a changed key, restart ${seconds(one.restartMs)} s`,
      ]),
      ...(report?.overlapped ?? []).map((one) => [
        "windows of a message",
        String(one.overlap),
        amount(one.messagesPerSecond),
        `${one.stateRows} groups`,
      ]),
      ...(report?.drained ?? []).map((one) => [
        `log of ${amount(one.messages)}`,
        `${one.partitions} partitions`,
        amount(one.messagesPerSecond),
        `${amount(one.messagesPerCpuSecond)} per CPU-s, ${one.peakRssMiB} MiB`,
      ]),
    ],
    notes: note("Growth", report),
  };
}

const brokerNotes = (both: OnBoth<BrokerReport>): string[] =>
  WHERES.flatMap((where) => {
    const report = both[where];
    if (!report) return [];
    const text = `started in ${spreadText(report.startMs, seconds)} s, idle ${spreadText(report.idle.cpuPercent, ms)} % of a core and ${spreadText(report.idle.rssMiB, whole)} MiB`;
    return note(`${WHERE[where]}, ${text}`, report, report.runs.length);
  });

function broker(both: OnBoth<BrokerReport>): Table {
  return {
    header: ["broker", "client", "in: msg/s", "in: per CPU-s of the broker", "out: msg/s", "out: per CPU-s of the broker"],
    rows: [
      ...WHERES.flatMap((where) =>
        (both[where]?.clients ?? []).map((one) => [
          WHERE[where],
          one.client,
          spreadText(one.produced.perSecond, amount),
          amount(one.produced.perCpuSecond.median),
          spreadText(one.consumed.perSecond, amount),
          amount(one.consumed.perCpuSecond.median),
        ]),
      ),
      ...PEER_CLIENTS.map(({ client, produced, consumed }) => [WHERE.jvm, client, produced, "", consumed, ""]),
    ],
    notes: brokerNotes(both),
  };
}

function endToEnd(both: OnBoth<BrokerReport>): Table {
  return {
    header: ["broker", "messages/s", "p50 ms", "p99 ms", "max ms"],
    rows: WHERES.flatMap((where) =>
      (both[where]?.endToEnd ?? []).map((one) => [
        WHERE[where],
        String(one.ratePerSecond),
        spreadText(one.p50, ms),
        spreadText(one.p99, ms),
        spreadText(one.max, ms),
      ]),
    ),
    notes: brokerNotes(both),
  };
}

function docserver({ docserver: report }: PerformanceFigures): Table {
  if (!report) return { header: ["what", "per second", "p50 ms", "p99 ms"], rows: [], notes: [] };
  const { rates, latenciesMs } = report;
  const times = (name: keyof typeof latenciesMs): string[] => [
    spreadText(latenciesMs[name].p50, two),
    spreadText(latenciesMs[name].p99, two),
  ];
  return {
    header: ["what", "per second", "p50 ms", "p99 ms"],
    rows: [
      [`upserts of new documents, ${report.bulk} a bulk`, spreadText(rates.insertsPerSecond, amount), ...times("insertBulkMs")],
      [`upserts that replace, ${report.bulk} a bulk`, spreadText(rates.replacesPerSecond, amount), ...times("replaceBulkMs")],
      ["finds by an index, 16 at a time", spreadText(rates.findsPerSecond, amount), "", ""],
      ["finds by an index, one by one", "", ...times("findMs")],
      ["upserts one by one", "", ...times("singleMs")],
      ["upserts one by one, with journal", "", ...times("journaledMs")],
    ],
    notes: note(
      `${millions(report.documents)} documents of ${report.documentBytes} bytes, server at ${spreadText(report.rssMiB, whole)} MiB`,
      report,
      report.runs.length,
    ),
  };
}

/** A figure with its verdict: "2.45 M ✓". */
function verdict(figure: number | undefined, text: (value: number) => string, holds: (value: number) => boolean): string {
  return figure === undefined || !Number.isFinite(figure) ? "–" : `${text(figure)} ${holds(figure) ? "✓" : "✗"}`;
}

function targets(figures: PerformanceFigures): Table {
  const least =
    (limit: number) =>
    (value: number): boolean =>
      value >= limit;
  const most =
    (limit: number) =>
    (value: number): boolean =>
      value <= limit;
  const onBoth = (
    what: string,
    target: string,
    figure: (where: Where) => number | undefined,
    text: (value: number) => string,
    holds: (value: number) => boolean,
  ): string[] => [what, target, ...WHERES.map((where) => verdict(figure(where), text, holds))];
  const once = (
    what: string,
    target: string,
    figure: number | undefined,
    text: (value: number) => string,
    holds: (value: number) => boolean,
  ): string[] => [what, target, verdict(figure, text, holds), ""];
  const query = (where: Where, name: DrainQuery): QueryFigures | undefined =>
    figures.drain[where]?.queries.find((one) => one.query === name);
  const worst = (where: Where, sink: LatencySink, rate: number, of: (one: LatencyFigures) => Spread): number | undefined => {
    const one = caseOf(figures.latency[where], "Q1", sink, rate);
    return one && of(one).median;
  };
  const latencies = (["kafka", "mongodb"] as const).flatMap((sink) =>
    [1000, 10_000].flatMap((rate) => {
      const [p50, p99] = sink === "kafka" ? [8, 25] : [15, 60];
      const what = `Q1, reading → ${sink === "kafka" ? "result" : "document"} at ${rate}/s`;
      return [
        onBoth(`${what}, p50`, `≤ ${p50} ms`, (where) => worst(where, sink, rate, (one) => one.p50), ms, most(p50)),
        onBoth(`${what}, p99`, `≤ ${p99} ms`, (where) => worst(where, sink, rate, (one) => one.p99), ms, most(p99)),
      ];
    }),
  );
  const drained = (where: Where): number | undefined => {
    const peaks = figures.drain[where]?.queries.map(({ peakRssMiB }) => peakRssMiB.median) ?? [];
    return peaks.length > 0 ? Math.max(...peaks) : undefined;
  };
  const largest = [...(figures.growth?.figures ?? [])].sort((a, b) => b.keys - a.keys)[0];
  return {
    header: ["what", "target", WHERE.embedded, WHERE.jvm],
    rows: [
      onBoth("Q1 drain, msg/s", "≥ 2.4 M", (where) => query(where, "Q1")?.messagesPerSecond.median, amount, least(2.4e6)),
      onBoth("Q1 drain, msg per CPU-s", "≥ 2.4 M", (where) => query(where, "Q1")?.messagesPerCpuSecond.median, amount, least(2.4e6)),
      onBoth("Q2 drain, msg/s", "≥ 2.0 M", (where) => query(where, "Q2")?.messagesPerSecond.median, amount, least(2e6)),
      onBoth("Q3 drain, msg/s", "≥ 2.4 M", (where) => query(where, "Q3")?.messagesPerSecond.median, amount, least(2.4e6)),
      onBoth("memory during a drain", "≤ 150 MiB", drained, whole, most(150)),
      ...latencies,
      onBoth(
        "producing, msg/s",
        "≥ 200 k",
        (where) => figures.broker[where]?.clients.find(({ client }) => client === "streamlab")?.produced.perSecond.median,
        amount,
        least(200_000),
      ),
      once(`state of ${largest ? amount(largest.keys) : "1 M"} keys, bytes a key`, "≤ 400", largest?.liveBytesPerKey, whole, most(400)),
      once("query process to first row", "≤ 0.7 s", figures.start?.firstRowMs.median, seconds, most(700)),
      once("whole lab to first document", "≤ 3 s", figures.start?.firstDocumentMs.median, seconds, most(3000)),
    ],
    notes: [],
  };
}
