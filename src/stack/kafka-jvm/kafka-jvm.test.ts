import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { javaMajor, requireJava } from "./java.ts";
import { fetchKafkaJars, kafkaJarsFolder } from "./kafka-jars.ts";
import { type ClusterPlan, propertiesText, serverProperties } from "./server-properties.ts";
import { steadyPorts } from "./steady-ports.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "streamlab-kafka-jvm-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe("Java", () => {
  test.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_402"', 8],
    ['openjdk version "25-ea" 2025-09-16', 25],
    ["zsh: command not found: java", undefined],
  ])("%s is of version %s", (said, major) => {
    expect(javaMajor(said)).toBe(major);
  });

  test("none, or one that is too old, is refused with what was found and what to do", () => {
    vi.stubEnv("PATH", folder);
    vi.stubEnv("JAVA_HOME", "");
    expect(() => requireJava()).toThrow("Cannot start Apache Kafka (no Java on PATH and none in JAVA_HOME). Install a JDK of version 17");
    expect(() => requireJava({ program: "/opt/java/bin/java", major: 11 })).toThrow("(Java 11 at /opt/java/bin/java, Kafka needs 17)");
  });
});

describe.skipIf(process.platform === "win32")("the jars", () => {
  const maven = (script: string): void => {
    const file = path.join(folder, "mvn");
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    vi.stubEnv("PATH", `${folder}${path.delimiter}${process.env.PATH ?? ""}`);
  };

  test("without Maven there is an error that says so, and no half folder", async () => {
    vi.stubEnv("PATH", folder);
    await expect(fetchKafkaJars(path.join(folder, "cache"))).rejects.toMatchObject({ code: "MAVEN_MISSING" });
    expect(readdirSync(path.join(folder, "cache"))).toEqual([]);
  });

  test("a Maven that fails is tried three times, then what it complained of is said", async () => {
    maven(`echo x >> ${path.join(folder, "tries")}; echo "[ERROR] no such host"; exit 1`);
    await expect(fetchKafkaJars(path.join(folder, "cache"))).rejects.toThrow("Maven has failed 3 times, at last with: no such host");
    expect(readdirSync(path.join(folder, "cache"))).toEqual([]);
  });

  test("two that fetch at once both get the one folder", async () => {
    maven('for word in "$@"; do case $word in -DoutputDirectory=*) mkdir -p "${word#*=}"; touch "${word#*=}/kafka.jar";; esac; done');
    const cache = path.join(folder, "cache");
    expect(await Promise.all([fetchKafkaJars(cache), fetchKafkaJars(cache)])).toEqual([kafkaJarsFolder(cache), kafkaJarsFolder(cache)]);
    expect(readdirSync(kafkaJarsFolder(cache))).toEqual(["kafka.jar"]);
    expect(readdirSync(cache)).toHaveLength(1);
  });
});

describe("the settings of a node", () => {
  const nodes = [1, 2, 3].map((id) => ({ id, controller: 20_000 + id, listeners: { PLAINTEXT: 21_000 + id, SASL_SSL: 22_000 + id } }));
  const plan: ClusterPlan = {
    nodes,
    users: [{ name: "alice", password: "secret" }],
    keyStore: { file: "/tmp/k.p12", password: "p" },
    properties: { "num.partitions": "7", "default.replication.factor": "1" },
  };

  test("name every voter, the listeners, who may log in; given settings win", () => {
    const properties = serverProperties(plan, nodes[1] ?? { id: 0, controller: 0, listeners: {} }, "/data");
    expect(properties).toMatchObject({
      "node.id": "2",
      "controller.quorum.voters": "1@127.0.0.1:20001,2@127.0.0.1:20002,3@127.0.0.1:20003",
      listeners: "PLAINTEXT://127.0.0.1:21002,SASL_SSL://127.0.0.1:22002,CONTROLLER://127.0.0.1:20002",
      "advertised.listeners": "PLAINTEXT://127.0.0.1:21002,SASL_SSL://127.0.0.1:22002",
      "offsets.topic.replication.factor": "3",
      "transaction.state.log.min.isr": "2",
      "listener.name.sasl_ssl.plain.sasl.jaas.config":
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="secret";',
      "num.partitions": "7",
      "default.replication.factor": "1",
    });
  });

  test("are written as java.util.Properties reads them", () => {
    expect(propertiesText({ a: "C:\\käse", "b c": "x\ny" })).toBe("a=C:\\\\k\\u00e4se\nb\\ c=x\\ny\n");
  });
});

test("steady ports are different, free, and not those of outgoing connections", async () => {
  const ports = await steadyPorts(12);
  expect(new Set(ports).size).toBe(12);
  for (const port of ports) expect(port).toBeLessThan(32_768);
});
