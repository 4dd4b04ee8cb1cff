import { beforeAll, describe, expect, test } from "vitest";
import { requireOracle } from "../oracle.ts";
import { declaredDifferences } from "./declared-differences.ts";
import { runConformance, type ConformanceRun } from "./harness/run.ts";
import { apiName } from "./page.ts";
import { START_MS } from "./real-kafka.ts";
import { committedRecord, findingsOf, recordOf, type ConformanceRecord, type Findings } from "./record.ts";
import { themes } from "./scenario/themes.ts";

const java = requireOracle("java-kafka", "the scenario against a real Kafka");
const kcat = requireOracle("kcat", "the scenario through librdkafka");

/** How often a member's heartbeat is sent depends on time. */
const HEARTBEAT = "12";

const withoutHeartbeats = (sent: ConformanceRecord["sent"][string] | undefined): unknown =>
  Object.fromEntries(Object.entries(sent ?? {}).filter(([key]) => key !== HEARTBEAT));

describe.runIf(java !== undefined && kcat !== undefined)("one scenario, the embedded broker and Apache Kafka", () => {
  const recorded = committedRecord();
  let run: ConformanceRun;
  let findings: Findings;
  let record: ConformanceRecord;
  beforeAll(async () => {
    run = await runConformance({ themes });
    findings = findingsOf(run, declaredDifferences, apiName);
    record = recordOf(run, declaredDifferences);
  }, START_MS);

  test("no step goes wrong", () => {
    expect(findings.failures).toEqual([]);
  });

  test("every difference is declared", () => {
    expect(findings.undeclared).toEqual([]);
  });

  test("every declared difference occurs", () => {
    expect(findings.gone).toEqual([]);
  });

  test("every version that both brokers serve is asked for", () => {
    expect(findings.unasked).toEqual([]);
  });

  test.each(themes)("$title: the run is the one that docs/kafka-compatibility.md shows", ({ name }) => {
    expect(record.steps[name]).toEqual(recorded.steps[name]);
  });

  test("the APIs and versions are those of the page", () => {
    expect(run.served).toEqual(recorded.served);
  });

  test.each(["kafkajs", "kcat", "java"])("%s sends what the page says, where it is of the same version", (client) => {
    const program = client === "java" ? "Apache Kafka" : client;
    if (run.ranOn[program] !== recorded.ranOn[program]) return;
    expect(withoutHeartbeats(run.sent[client])).toEqual(withoutHeartbeats(recorded.sent[client]));
  });
});
