import { spawnSync } from "node:child_process";
import { test } from "vitest";
import { existsSync } from "node:fs";
import { projectRoot } from "../src/base/project.ts";
import { findChromium } from "../src/stack/chromium.ts";
import { findJava, hasMaven, JAVA_NEEDED } from "../src/stack/kafka-jvm/java.ts";
import { kafkaJarsFolder } from "../src/stack/kafka-jvm/kafka-jars.ts";
import { cacheFolder } from "../src/stack/state-folder.ts";

/** What a suite may be judged by, beyond Node: programs of others that a machine may lack. */
export type OracleName = "java" | "java-kafka" | "maven" | "kcat" | "chromium" | "python" | "duckdb";

const PROGRAMS: Record<Exclude<OracleName, "chromium" | "java-kafka">, readonly string[]> = {
  java: ["java"],
  maven: ["mvn"],
  kcat: ["kcat", "kafkacat"],
  python: ["python3"],
  duckdb: ["python3"],
};

/**
 * The path of an oracle's program, or undefined where the machine has none. Chromium may be named by CHROME_PATH; DuckDB is a module of Python; of
 * java-kafka, which is Apache Kafka, it is Java's: its jars are there, or Maven can fetch them.
 */
export function findOracle(name: OracleName): string | undefined {
  if (name === "chromium") return findChromium();
  if (name === "java-kafka") {
    const java = findJava();
    const isReady =
      java !== undefined && java.major >= JAVA_NEEDED && (existsSync(kafkaJarsFolder(cacheFolder(projectRoot))) || hasMaven());
    return isReady ? java.program : undefined;
  }
  for (const program of PROGRAMS[name]) {
    const found = spawnSync(process.platform === "win32" ? "where" : "which", [program], { encoding: "utf8" });
    const path = found.status === 0 ? found.stdout.trim().split("\n")[0] : undefined;
    if (path && (name !== "duckdb" || hasModule(path, name))) return path;
  }
  return undefined;
}

/** Whether a Python has a module. */
function hasModule(python: string, module: string): boolean {
  return spawnSync(python, ["-c", `import ${module}`]).status === 0;
}

/**
 * The program of an oracle, for a suite that needs it. Where it is missing the suite skips with one visible line, unless STREAMLAB_REQUIRE
 * names it (a comma list, or `all`): then a test fails in its place.
 */
export function requireOracle(name: OracleName, whatFor: string): string | undefined {
  const program = findOracle(name);
  if (program) return program;
  const required = (process.env.STREAMLAB_REQUIRE ?? "").split(",");
  if (required.includes("all") || required.includes(name)) {
    test(`${whatFor} needs ${name}, which STREAMLAB_REQUIRE asks for`, () => {
      throw new Error(`${name} is not installed`);
    });
  } else {
    test.skip(`${whatFor}: skipped, this machine has no ${name}`, () => {});
  }
  return undefined;
}
