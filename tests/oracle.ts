import { spawnSync } from "node:child_process";
import { test } from "vitest";
import { existsSync } from "node:fs";
import { projectRoot } from "../src/base/project.ts";
import { findChromium } from "../src/stack/chromium.ts";
import { findJava, hasMaven, JAVA_NEEDED } from "../src/stack/kafka-jvm/java.ts";
import { kafkaJarsFolder } from "../src/stack/kafka-jvm/kafka-jars.ts";
import { cacheFolder } from "../src/stack/state-folder.ts";
import { fetchSpecificationArchive } from "./conformance/mongodb/specification-archive.ts";
import { findMongosh } from "./mongosh.ts";

/** What a suite may be judged by, beyond Node: programs of others that a machine may lack. */
export type OracleName =
  "java" | "java-kafka" | "maven" | "kcat" | "chromium" | "python" | "duckdb" | "go" | "docker" | "mongosh" | "mongodb-specifications";

const PROGRAMS: Record<Exclude<OracleName, "chromium" | "java-kafka" | "mongosh" | "mongodb-specifications">, readonly string[]> = {
  java: ["java"],
  maven: ["mvn"],
  kcat: ["kcat", "kafkacat"],
  python: ["python3"],
  duckdb: ["python3"],
  go: ["go", "/usr/local/go/bin/go"],
  docker: ["docker"],
};

/**
 * The path of an oracle's program, or undefined where the machine has none. Chromium may be named by CHROME_PATH; DuckDB is a module of Python; of
 * java-kafka, which is Apache Kafka, it is Java's: its jars are there, or Maven can fetch them; of mongodb-specifications it is their archive's, from
 * the cache or through pip. Docker needs Compose, but no engine.
 * mongosh is a package that is fetched once.
 */
export function findOracle(name: OracleName): string | undefined {
  if (name === "chromium") return findChromium();
  if (name === "mongosh") return findMongosh();
  if (name === "mongodb-specifications") {
    const python = findOracle("python");
    return python && fetchSpecificationArchive(python);
  }
  if (name === "java-kafka") {
    const java = findJava();
    const isReady =
      java !== undefined && java.major >= JAVA_NEEDED && (existsSync(kafkaJarsFolder(cacheFolder(projectRoot))) || hasMaven());
    return isReady ? java.program : undefined;
  }
  for (const program of PROGRAMS[name]) {
    const found = spawnSync(process.platform === "win32" ? "where" : "which", [program], { encoding: "utf8" });
    const path = found.status === 0 ? found.stdout.trim().split("\n")[0] : undefined;
    if (path && isWhole(name, path)) return path;
  }
  return undefined;
}

/** Whether a program has beside it what its oracle is made of: a module of Python, the compose plugin. */
function isWhole(name: OracleName, program: string): boolean {
  if (name === "docker") return spawnSync(program, ["compose", "version"]).status === 0;
  return name !== "duckdb" || hasModule(program, name);
}

/** What no package registry installs. */
const BY_HAND: ReadonlySet<OracleName> = new Set(["docker", "go"]);

/** Whether a Python has a module. */
function hasModule(python: string, module: string): boolean {
  return spawnSync(python, ["-c", `import ${module}`]).status === 0;
}

/**
 * The program of an oracle, for a suite that needs it. Where it is missing the suite skips with one visible line, unless STREAMLAB_REQUIRE
 * names it (a comma list, or `all`, which is what the package registries have: all but Docker and Go): then a test fails in its place.
 */
export function requireOracle(name: OracleName, whatFor: string): string | undefined {
  const program = findOracle(name);
  if (!program) reportMissing(name, whatFor);
  return program;
}

/**
 * What takes the place of a suite whose oracle is not to be had: one visible line, or a test that fails where STREAMLAB_REQUIRE names it. For
 * an oracle whose program is there and not enough: one that must be fetched or built first.
 */
export function reportMissing(name: OracleName, whatFor: string): void {
  const required = (process.env.STREAMLAB_REQUIRE ?? "").split(",");
  if (required.includes(name) || (required.includes("all") && !BY_HAND.has(name))) {
    test(`${whatFor} needs ${name}, which STREAMLAB_REQUIRE asks for`, () => {
      throw new Error(`${name} is not installed`);
    });
  } else {
    test.skip(`${whatFor}: skipped, this machine has no ${name}`, () => {});
  }
}
