import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { projectRoot } from "../src/base/project.ts";
import { connectMongo } from "../src/mongo/connect-mongo.ts";
import { IOT } from "../src/labs/iot/names.ts";

/** From the command to what a user waits for, in milliseconds. */
export interface LabStart {
  /** The dashboard's page was served. */
  readonly dashboardMs: number;
  /** A document of the first query could be read. */
  readonly firstDocumentMs: number;
}

/** What the lab says when all its parts run. */
export interface LabAddresses {
  readonly dashboard: string;
  readonly mongo: string;
}

const POLL_MS = 10;
const PATIENCE_MS = 120_000;
const END_GRACE_MS = 30_000;

/** The addresses in a line that the lab prints, if it is that line. */
export function addressesIn(line: string): LabAddresses | undefined {
  const [, dashboard, mongo] = /^dashboard (http\S+) · kafka \S+ · mongo (mongodb\S+)$/.exec(line.trim()) ?? [];
  return dashboard && mongo ? { dashboard, mongo } : undefined;
}

/** Runs the command of the whole lab as a user does, and ends it with Ctrl+C's signal as soon as its first document is there. */
export async function startLab(kafka: string, signal: AbortSignal): Promise<LabStart> {
  const out = await mkdtemp(path.join(os.tmpdir(), "streamlab-bench-report-"));
  const startedMs = performance.now();
  const args = ["lab", "--kafka", kafka, "--mongo", "embedded", "--port", "0", "--seconds", "600", "--rate", "1000", "--out", out];
  const lab = spawn(process.execPath, [path.join(projectRoot, "bin", "streamlab.mjs"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => lab.once("exit", () => resolve()));
  const waiting = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const { dashboard, mongo } = await addressesOf(lab, ended, waiting);
    const client = await connectMongo(mongo, { appName: "streamlab bench" });
    try {
      const results = client.db(IOT.database).collection(IOT.metricsCollection);
      const [dashboardMs, firstDocumentMs] = await Promise.all([
        until(async () => (await fetch(dashboard, { signal: waiting })).ok, waiting),
        until(async () => (await results.findOne({}, { projection: { _id: 1 } })) !== null, waiting),
      ]);
      return { dashboardMs: dashboardMs - startedMs, firstDocumentMs: firstDocumentMs - startedMs };
    } finally {
      await client.close();
    }
  } finally {
    await endLab(lab, ended);
    await rm(out, { recursive: true, force: true });
  }
}

function addressesOf(lab: ChildProcess, ended: Promise<void>, signal: AbortSignal): Promise<LabAddresses> {
  let stderr = "";
  lab.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    if (lab.stdout)
      createInterface({ input: lab.stdout }).on("line", (line) => {
        const addresses = addressesIn(line);
        if (addresses) resolve(addresses);
      });
    void ended.then(() => reject(new Error(`the lab has ended before it was up${stderr ? `: ${stderr.trim()}` : ""}`)));
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}

/** The moment at which `check` held; it is asked again and again, failures of the asking included. */
async function until(check: () => Promise<boolean>, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    if (await check().catch(() => false)) return performance.now();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function endLab(lab: ChildProcess, ended: Promise<void>): Promise<void> {
  lab.kill("SIGINT");
  const killer = setTimeout(() => lab.kill("SIGKILL"), END_GRACE_MS);
  await ended;
  clearTimeout(killer);
}
