import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { StackError } from "../stack-error.ts";

/** The oldest Java that Kafka 4's servers run on (KIP-1013). */
export const JAVA_NEEDED = 17;

/** A Java of this machine. */
export interface Java {
  /** The program, by path where JAVA_HOME says so. */
  readonly program: string;
  /** Of the version: 17, 21 … */
  readonly major: number;
}

/** A program of the Java that JAVA_HOME or PATH gives: "java", "keytool". */
export function javaProgram(name: string): string {
  const home = process.env.JAVA_HOME;
  const named = home ? path.join(home, "bin", process.platform === "win32" ? `${name}.exe` : name) : undefined;
  return named && existsSync(named) ? named : name;
}

/** The Java of JAVA_HOME, else of PATH, of whatever version; undefined where there is none. */
export function findJava(): Java | undefined {
  const program = javaProgram("java");
  const asked = spawnSync(program, ["-version"], { encoding: "utf8", timeout: 10_000 });
  const major = asked.status === 0 ? javaMajor(asked.stderr + asked.stdout) : undefined;
  return major === undefined ? undefined : { program, major };
}

/** The major version in what `java -version` says: 8 of `"1.8.0_402"`, 17 of `"17.0.15"`. */
export function javaMajor(said: string): number | undefined {
  const version = /version "(?:1\.)?(\d+)/.exec(said)?.[1];
  return version === undefined ? undefined : Number(version);
}

/** A Java that runs Kafka. @throws StackError JAVA_MISSING without one, or with one that is too old */
export function requireJava(found: Java | undefined = findJava()): Java {
  if (found && found.major >= JAVA_NEEDED) return found;
  throw new StackError("JAVA_MISSING", {
    failed: "Cannot start Apache Kafka",
    found: found ? `Java ${found.major} at ${found.program}, Kafka needs ${JAVA_NEEDED}` : "no Java on PATH and none in JAVA_HOME",
    remedy: `Install a JDK of version ${JAVA_NEEDED} or later, or use --kafka embedded, which needs none.`,
  });
}

/** Whether Maven is there, which fetches Kafka. */
export function hasMaven(): boolean {
  return spawnSync("mvn", ["-v"], { timeout: 20_000, shell: process.platform === "win32" }).status === 0;
}
