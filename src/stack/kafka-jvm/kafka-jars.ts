import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { codeOf } from "../../base/errors.ts";
import { StackError } from "../stack-error.ts";

/** The Apache Kafka that `--kafka jvm` starts. */
export const KAFKA_VERSION = "4.3.1";

const SLF4J_VERSION = "1.7.36";
const ATTEMPTS = 3;
const ATTEMPT_MS = 180_000;

const dependency = (group: string, artifact: string, version: string, without: readonly string[] = []): string =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version><exclusions>${without
    .map((one) => `<exclusion><groupId>${group}</groupId><artifactId>${one}</artifactId></exclusion>`)
    .join("")}</exclusions></dependency>`;

/** Server and tools; without Kafka Connect, whose web server is more than half of the bytes. */
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>streamlab</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
${dependency("org.apache.kafka", "kafka_2.13", KAFKA_VERSION)}
${dependency("org.apache.kafka", "kafka-tools", KAFKA_VERSION, ["connect-runtime", "connect-api", "connect-json"])}
${dependency("org.slf4j", "slf4j-simple", SLF4J_VERSION)}
</dependencies></project>
`;

/** The folder of the jars below the folder for caches, whether they are there yet or not. */
export function kafkaJarsFolder(cache: string): string {
  return path.join(cache, `kafka-${KAFKA_VERSION}`);
}

/**
 * The folder with Kafka's jars: 45 MB that Maven fetches from its central repository at the first call; later ones find them. Safe to call from
 * several processes at once: the folder appears whole.
 * @throws StackError MAVEN_MISSING, KAFKA_JARS
 */
export async function fetchKafkaJars(cache: string, signal?: AbortSignal): Promise<string> {
  const folder = kafkaJarsFolder(cache);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(`${folder}.tmp-`);
  try {
    const pom = path.join(unfinished, "pom.xml");
    await writeFile(pom, POM);
    const lib = path.join(unfinished, "lib");
    for (let attempt = 1; ; attempt++) {
      const failure = await runMaven(["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${lib}`], signal);
      signal?.throwIfAborted();
      if (failure === undefined) break;
      if (attempt === ATTEMPTS)
        throw new StackError("KAFKA_JARS", {
          failed: `Cannot fetch Apache Kafka ${KAFKA_VERSION}`,
          found: `Maven has failed ${ATTEMPTS} times, at last with: ${failure}`,
          remedy: "Look at the network and at Maven's settings (a proxy or a mirror may be needed), then try again.",
        });
    }
    await rename(lib, folder).catch((thrown: unknown) => {
      if (!["ENOTEMPTY", "EEXIST", "EPERM"].includes(codeOf(thrown) ?? "") || !existsSync(folder)) throw thrown;
    });
    return folder;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** What Maven complained of, undefined where it did its work. */
function runMaven(args: readonly string[], signal: AbortSignal | undefined): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(ATTEMPT_MS);
    const maven = spawn("mvn", args, {
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    let said = "";
    for (const stream of [maven.stdout, maven.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-20_000);
      });
    maven.once("error", (error) => {
      if (codeOf(error) === "ENOENT")
        reject(
          new StackError("MAVEN_MISSING", {
            failed: `Cannot fetch Apache Kafka ${KAFKA_VERSION}`,
            found: "no Maven (mvn) on PATH",
            remedy: "Install Maven 3.8 or later, or use --kafka embedded, which needs none.",
            cause: error,
          }),
        );
      else resolve(limit.aborted ? `no end after ${ATTEMPT_MS / 1000} s` : error.message);
    });
    maven.once("close", (code, how) =>
      resolve(code === 0 ? undefined : (firstComplaint(said) ?? `the end of its process by ${how ?? code}`)),
    );
  });
}

/** The first line that Maven marks as an error. */
function firstComplaint(said: string): string | undefined {
  return said
    .split("\n")
    .map((line) => line.replace(/\u001b\[[\d;]*m/g, "").trim())
    .find((line) => line.startsWith("[ERROR]"))
    ?.slice("[ERROR] ".length, 400);
}
