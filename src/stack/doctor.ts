import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "../base/errors.ts";
import { portHolder } from "../base/port-holder.ts";
import type { Backends } from "./backends.ts";
import { findChromium } from "./chromium.ts";
import { accepts, runningDaemons } from "./daemon.ts";
import { findJava, hasMaven, JAVA_NEEDED } from "./kafka-jvm/java.ts";
import { KAFKA_VERSION, kafkaJarsFolder } from "./kafka-jvm/kafka-jars.ts";
import { isPortFree } from "./port.ts";
import { requireDocker } from "./docker/compose.ts";
import { EMBEDDED } from "./servers.ts";
import { StackError } from "./stack-error.ts";
import { cacheFolder } from "./state-folder.ts";

/** One line of the doctor's answer. `missing` harms nothing: `detail` says what it would add. */
export interface Finding {
  readonly subject: string;
  readonly verdict: "ok" | "missing" | "problem";
  readonly detail: string;
}

const DISK_NEEDED_GB = 1;

/** Looks at everything that the lab needs, and at what would add to it. Starts nothing, changes nothing. */
export async function examine(root: string, backends: Backends): Promise<Finding[]> {
  return [
    runtime(),
    await disk(root),
    ...(await ports(root)),
    ...(await reachability(backends)),
    kernel(root),
    chromium(root),
    ...apacheKafka(root, backends),
    await docker(backends),
  ];
}

function runtime(): Finding {
  const major = Number(process.versions.node.split(".")[0]);
  return { subject: "runtime", verdict: major >= 24 ? "ok" : "problem", detail: `Node ${process.versions.node}` };
}

async function disk(root: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(root);
  const freeGb = (bavail * bsize) / 2 ** 30;
  if (freeGb >= DISK_NEEDED_GB) return { subject: "disk", verdict: "ok", detail: `${freeGb.toFixed(1)} GB free` };
  return {
    subject: "disk",
    verdict: "problem",
    detail: `${freeGb.toFixed(1)} GB free; a minute at 20 000 messages/s needs ${DISK_NEEDED_GB} GB. Free some space.`,
  };
}

async function ports(root: string): Promise<Finding[]> {
  const ours = new Map((await runningDaemons(root)).map((daemon) => [daemon.port, daemon]));
  const wanted = [
    [EMBEDDED.kafka.service, EMBEDDED.kafka.defaultPort],
    [EMBEDDED.mongo.service, EMBEDDED.mongo.defaultPort],
    ["dashboard", 8050],
  ] as const;
  return Promise.all(
    wanted.map(async ([name, port]): Promise<Finding> => {
      if (ours.has(port)) return { subject: `port ${port}`, verdict: "ok", detail: `our ${name} runs there` };
      if (await isPortFree(port)) return { subject: `port ${port}`, verdict: "ok", detail: `free for the ${name}` };
      return {
        subject: `port ${port}`,
        verdict: "missing",
        detail: `in use by ${portHolder(port) ?? "another program"}; the ${name} will take a free port instead`,
      };
    }),
  );
}

async function reachability(backends: Backends): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const name of ["kafka", "mongo"] as const) {
    const backend = backends[name];
    if (backend.kind !== "external") continue;
    for (const [host, port] of endpoints(backend.address)) {
      const open = await accepts(port, host);
      findings.push({
        subject: `${name} ${host}:${port}`,
        verdict: open ? "ok" : "problem",
        detail: open ? "accepts connections" : `cannot be reached; it was chosen by the ${backend.origin}`,
      });
    }
  }
  return findings;
}

function endpoints(address: string): [string, number][] {
  const hosts = address.replace(/^mongodb(\+srv)?:\/\/([^@/]*@)?/, "").replace(/\/.*$/, "");
  return hosts.split(",").map((host) => {
    const [name = "", port] = host.split(/:(?=\d+$)/);
    return [name, Number(port ?? 27017)];
  });
}

function kernel(root: string): Finding {
  const installed = existsSync(path.join(root, "node_modules", "tslab"));
  return {
    subject: "notebook kernel",
    verdict: installed ? "ok" : "problem",
    detail: installed ? "tslab is installed" : 'not installed. Run "npm ci" again.',
  };
}

function chromium(root: string): Finding {
  const found = findChromium();
  const driver = existsSync(path.join(root, "node_modules", "playwright-core"));
  if (found && driver) return { subject: "Chromium", verdict: "ok", detail: found };
  return { subject: "Chromium", verdict: "missing", detail: "would add screenshots of the dashboard to the report" };
}

/** What --kafka jvm needs. Where it was chosen, what is missing is a problem. */
function apacheKafka(root: string, backends: Backends): Finding[] {
  const verdict = backends.kafka.kind === "jvm" ? "problem" : "missing";
  const java = findJava();
  const adds = "would add a real Apache Kafka to compare with (--kafka jvm)";
  const subject = "Java";
  const isThere = existsSync(kafkaJarsFolder(cacheFolder(root)));
  return [
    java === undefined
      ? { subject, verdict, detail: `none; version ${JAVA_NEEDED} or later ${adds}` }
      : java.major < JAVA_NEEDED
        ? { subject, verdict, detail: `version ${java.major}; ${JAVA_NEEDED} or later ${adds}` }
        : { subject, verdict: "ok", detail: `version ${java.major}, for --kafka jvm` },
    isThere
      ? { subject: "Apache Kafka", verdict: "ok", detail: `the jars of ${KAFKA_VERSION} are there` }
      : hasMaven()
        ? { subject: "Apache Kafka", verdict: "ok", detail: `Maven will fetch ${KAFKA_VERSION} when --kafka jvm is first used` }
        : { subject: "Apache Kafka", verdict, detail: `no Maven (mvn) on PATH to fetch it; it ${adds}` },
  ];
}

/** What --kafka docker and --mongo docker need. Where one was chosen, what is missing is a problem. */
async function docker(backends: Backends): Promise<Finding> {
  const subject = "Docker";
  const isChosen = backends.kafka.kind === "docker" || backends.mongo.kind === "docker";
  try {
    const { engine, compose } = await requireDocker();
    return { subject, verdict: "ok", detail: `engine ${engine}, Compose ${compose}, for --kafka docker and --mongo docker` };
  } catch (thrown) {
    const found = thrown instanceof StackError ? thrown.problem.found : messageOf(thrown);
    if (!isChosen) return { subject, verdict: "missing", detail: `${found}; it would add real Kafka and MongoDB servers in containers` };
    return { subject, verdict: "problem", detail: thrown instanceof StackError ? `${found}. ${thrown.problem.remedy}` : found };
  }
}
