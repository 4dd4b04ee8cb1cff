import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "vitest";

/** What a suite may be judged by, beyond Node: programs of others that a machine may lack. */
export type OracleName = "java" | "maven" | "kcat" | "chromium" | "python";

const PROGRAMS: Record<OracleName, readonly string[]> = {
  java: ["java"],
  maven: ["mvn"],
  kcat: ["kcat", "kafkacat"],
  chromium: ["chromium", "chromium-browser", "google-chrome"],
  python: ["python3"],
};

/** The path of an oracle's program, or undefined where the machine has none. Chromium may be named by CHROME_PATH. */
export function findOracle(name: OracleName): string | undefined {
  if (name === "chromium" && process.env.CHROME_PATH && existsSync(process.env.CHROME_PATH)) return process.env.CHROME_PATH;
  for (const program of PROGRAMS[name]) {
    const found = spawnSync(process.platform === "win32" ? "where" : "which", [program], { encoding: "utf8" });
    if (found.status === 0) return found.stdout.trim().split("\n")[0];
  }
  return undefined;
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
