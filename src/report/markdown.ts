import type { LatencySnapshot } from "../monitor/snapshot.ts";
import { analyse } from "./analysis.ts";
import type { Criterion, Grade } from "./grade.ts";
import { codeBlock, inlineCode, plainText, table } from "./markdown-text.ts";
import { difference, measure } from "./measures.ts";
import { decimal, duration, percent, whole } from "./numbers.ts";
import type { RunRecord, Sample } from "./run-record.ts";

/** What the report shows beside the record. */
export interface ReportParts {
  readonly record: RunRecord;
  readonly grade: Grade;
  /** Figures by name, with the sentence that says what they show; paths are relative to the report. */
  readonly figures: ReadonlyMap<string, { readonly path: string; readonly description: string }>;
  /** Screenshots, paths relative to the report. */
  readonly screenshots: readonly { readonly path: string; readonly title: string }[];
}

const VERDICT_MARKS: Readonly<Record<Criterion["verdict"], string>> = { met: "✓ met", "not met": "✗ not met", "not shown": "– not shown" };

/** The whole report as Markdown, in the order that the lab asks for (A12). Everything from data is escaped. */
export function reportMarkdown(parts: ReportParts): string {
  const sections = [head, architecture, performance, analysis, samples, screens, completeness, grading];
  return `${sections.map((section) => section(parts)).join("\n\n")}\n`;
}

function head({ record, grade }: ReportParts): string {
  const { machine, backends, parameters } = record;
  const others = Object.entries(parameters.others).map(([name, value]) => `${plainText(name)}: ${inlineCode(String(value))}`);
  const rows: [string, string][] = [
    ["Run", `${plainText(record.startedAt)} to ${plainText(record.endedAt)}${record.interrupted ? ", broken off by its user" : ""}`],
    [
      "Parameters",
      [
        `${whole(parameters.rate)} messages/s for ${decimal(parameters.seconds, 0)} s`,
        `seed ${parameters.seed}`,
        `topic ${inlineCode(parameters.topic)} with ${parameters.partitions} partitions`,
        ...others,
      ].join(", "),
    ],
    [
      "Machine",
      plainText(
        `${machine.cpu}, ${machine.cores} cores, ${whole(machine.memoryMb)} MB, ${machine.os} (${machine.arch}), Node ${machine.node}`,
      ),
    ],
    ["Messages", `${plainText(backends.kafka.name)}, ${inlineCode(backends.kafka.address)}`],
    ["Processing", `${plainText(backends.engine.name)}, ${inlineCode(backends.engine.address)}`],
    ["Store", `${plainText(backends.mongo.name)}, ${inlineCode(backends.mongo.address)}`],
    ["Dashboard", backends.dashboard ? inlineCode(backends.dashboard.address) : "none ran"],
    [
      "Versions",
      plainText(
        Object.entries(record.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(", "),
      ),
    ],
  ];
  return `# Lab report: a real-time pipeline for IoT sensors\n\n**${plainText(grade.summary)}**\n\n${table(["", ""], rows)}`;
}

function architecture({ record, figures }: ReportParts): string {
  const { backends, parameters } = record;
  const parts = [
    [
      "Generator",
      "Sends readings of 1,000 sensors: seeded, paced by a catch-up scheduler, acknowledged by all replicas, stored once after retries, keyed by sensor.",
    ],
    [
      plainText(backends.kafka.name),
      `Keeps the messages of topic ${inlineCode(parameters.topic)} in order within each of ${parameters.partitions} partitions, on disk, for any number of readers.`,
    ],
    [
      plainText(backends.engine.name),
      "Reads ranges of offsets in micro-batches, parses, assigns event-time windows, folds, and remembers in a checkpoint what it has done, so that a restart repeats exactly the same range.",
    ],
    [
      plainText(backends.mongo.name),
      "Keeps one document for each window, type and location, and one for each alert, under identifiers that a repeated write finds again.",
    ],
    ["Dashboard", "Shows windows, alerts and the pipeline's health; told of changes, it does not ask every few seconds."],
    ["Monitor", "Hears the queries' progress events and the processes' CPU and memory each second; the engine does not know it."],
  ];
  return `## 1. Architecture\n\n${figure(figures, "architecture")}\n\n${table(["Component", "What it does"], parts)}`;
}

function performance({ record, figures }: ReportParts): string {
  const measures = measure(record);
  const latencyRow = (name: string, latency: LatencySnapshot | null): string[] =>
    latency
      ? [name, whole(latency.count), ...[latency.p50, latency.p95, latency.p99, latency.max].map(duration)]
      : [name, "not measured", "", "", "", ""];
  const rates = [
    ...(measures.producing
      ? [
          [
            "acknowledged by the broker",
            whole(record.totals.acknowledged),
            decimal(measures.producing.seconds),
            decimal(measures.producing.mean),
          ],
        ]
      : []),
    ...measures.queries.map((query) => [
      `read by ${plainText(query.query)}`,
      whole(query.rows),
      decimal(query.seconds),
      decimal(query.perSecond),
    ]),
  ];
  const processes = (measures.resources?.processes ?? []).map((one) => [
    plainText(one.process),
    `${decimal(one.meanCpu)} %`,
    `${decimal(one.peakCpu)} %`,
    `${decimal(one.peakRssMb)} MB`,
  ]);
  return [
    "## 2. Performance",
    "### Throughput",
    table(["Flow", "Messages", "Seconds", "Per second"], rates),
    figure(figures, "throughput"),
    "### Latency",
    table(
      ["From → to", "Count", "p50", "p95", "p99", "Worst"],
      [
        latencyRow("event → stored document, measured", measures.stored),
        latencyRow("event → stored in a window, estimated", measures.estimate),
        latencyRow("event → screen, measured apart", measures.screen),
      ],
    ),
    figure(figures, "latency"),
    figure(figures, "latency-distribution"),
    figure(figures, "batch-duration"),
    "### Resources",
    processes.length > 0 ? table(["Process", "CPU, mean", "CPU, peak", "Memory, peak"], processes) : "No process was watched.",
    figure(figures, "resources"),
    figure(figures, "state"),
  ]
    .filter(Boolean)
    .join("\n\n");
}

function analysis({ record }: ReportParts): string {
  const findings = analyse(record).map((finding) => `**${finding.topic}.** ${plainText(finding.text)}`);
  return `## 3. Analysis at ${whole(record.parameters.rate)} messages/s\n\n${findings.join("\n\n")}`;
}

function samples({ record }: ReportParts): string {
  const one = (sample: Sample): string => {
    const json = /^\s*[{[]/.test(sample.text);
    return `**${plainText(sample.title)}** (${sample.stage})\n\n${codeBlock(sample.text, json ? "json" : "")}`;
  };
  const shown = record.samples.length > 0 ? record.samples.map(one).join("\n\n") : "The run kept no samples.";
  return `## 4. Data at every stage\n\n${shown}`;
}

function screens({ figures, screenshots }: ReportParts): string {
  const shown =
    screenshots.length > 0
      ? screenshots.map((screenshot) => `![${plainText(screenshot.title)}](${screenshot.path})`).join("\n\n")
      : "This run left no screenshots: taking them needs a Chromium, installed or named by `CHROME_PATH`. The data that the dashboard showed are drawn here instead.";
  return ["## 5. Visualisation and monitoring", shown, figure(figures, "windows"), figure(figures, "alerts")].filter(Boolean).join("\n\n");
}

function completeness({ record }: ReportParts): string {
  const lines = record.accounting.map((line) => {
    const left = difference(line);
    const numbers = [line.acknowledged, line.counted, line.filtered, line.late, line.deadLettered].map(whole);
    return [plainText(line.query), ...numbers, left === 0 ? "balanced" : `**${whole(left)} off**`];
  });
  const counting = record.accounting.map((line) => `Counted for ${plainText(line.query)}: ${plainText(line.how)}.`);
  const checks = record.checks.map((check) => [check.stage, plainText(check.name), check.passed ? "✓" : "✗", plainText(check.evidence)]);
  const late = record.totals.acknowledged > 0 ? percent(record.totals.late / record.totals.acknowledged, 2) : "0 %";
  return [
    "## 6. Nothing lost: accounting and checks",
    `Late messages: ${whole(record.totals.late)} (${late}). Dead letters: ${whole(record.totals.deadLetters)}. ` +
      `Stored: ${whole(record.totals.windowsStored)} windows, ${whole(record.totals.alertsStored)} alerts.`,
    table(["Query", "Acknowledged", "Counted", "Filtered", "Late", "Dead letters", ""], lines),
    counting.join(" "),
    table(["Stage", "Check", "", "Evidence"], checks),
  ].join("\n\n");
}

function grading({ grade }: ReportParts): string {
  const rows = grade.criteria.map((one) => [
    String(one.neededFor),
    plainText(one.name),
    VERDICT_MARKS[one.verdict],
    plainText(one.evidence),
  ]);
  return `## 7. Grade: ${grade.mark}\n\n${plainText(grade.summary)}\n\n${table(["For", "Criterion", "Verdict", "Evidence"], rows)}`;
}

function figure(figures: ReportParts["figures"], name: string): string {
  const found = figures.get(name);
  return found ? `![${plainText(found.description)}](${found.path})` : "";
}
