import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import { type DocumentServer, startDocumentServer } from "../../src/document-server/index.ts";
import { inspectCheckpoint } from "../../src/engine/checkpoint/inspection.ts";
import { CODE_CACHE } from "./storm-harness.ts";

const LIMIT_MS = 20_000;
const STEPS = ["w1", "w2", "w3", "w4"] as const;
const job = path.join(import.meta.dirname, "fault-job.ts");

let folder = "";
let server: DocumentServer;
let mongo: MongoClient;
let whole: Readonly<Record<string, string>> = {};
const running = new Set<ChildProcess>();
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-faults-"));
  server = await startDocumentServer({ dataDir: path.join(folder, "documents"), port: 0 });
  mongo = await MongoClient.connect(server.uri);
  const own = path.join(folder, "whole");
  expect(await start(own, path.join(own, "results"), "none", "w1").ended).toMatchObject({ how: "0", out: "done\n" });
  whole = await results(path.join(own, "results"));
  expect(Object.keys(whole).length).toBeGreaterThan(20);
});
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  await mongo.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function start(...args: string[]) {
  return watch(
    spawn(process.execPath, [job, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...CODE_CACHE, FAULT_MONGO: server.uri },
    }),
  );
}

function watch(child: ChildProcess) {
  running.add(child);
  let out = "";
  child.stdout?.on("data", (text) => (out += String(text)));
  const ended = new Promise<{ how: string; out: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ how: signal ?? String(code), out });
    });
  });
  return { pid: child.pid ?? 0, ended };
}

async function results(of: string): Promise<Record<string, string>> {
  const names = (await readdir(of)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(path.join(of, name), "utf8")] as const)));
}

/** Resolves when the process is stopped, as field 3 of /proc/<pid>/stat says. */
async function stopped(pid: number): Promise<void> {
  for (const deadline = performance.now() + LIMIT_MS; performance.now() < deadline;) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    if (/\) [tT] /.test(stat)) return;
    await systemClock.sleep(10);
  }
  throw new Error(`process ${pid} was not stopped within ${LIMIT_MS / 1000} s`);
}

describe.skipIf(process.platform !== "linux")("F9: an engine that was stopped and wakes up after another has taken its place", () => {
  test.concurrent.each(STEPS)(
    "stopped before %s of batch 2, it writes nothing more: no entry, no state, no result",
    { timeout: 60_000 },
    async (step) => {
      const own = path.join(folder, `zombie-${step}`);
      const zombie = start(own, path.join(own, "results"), "stop", step);
      await stopped(zombie.pid);
      const second = await start(own, path.join(own, "results"), "none", step).ended;
      expect(second).toEqual({ how: "0", out: "done\n" });
      expect(await results(path.join(own, "results"))).toEqual(whole);
      const before = await treeOf(path.join(own, "checkpoint"));
      process.kill(zombie.pid, "SIGCONT");
      const { how, out } = await zombie.ended;
      expect(how).toBe("0");
      expect(out).toContain("CHECKPOINT_LOST");
      expect(out).toContain("This query was taken for dead and stops");
      expect(await results(path.join(own, "results"))).toEqual(whole);
      expect(await treeOf(path.join(own, "checkpoint"))).toEqual(before);
      expect((await inspectCheckpoint(path.join(own, "checkpoint"))).faults).toEqual([]);
    },
  );

  test.concurrent.each(["files", "mongodb"] as const)(
    "stopped between two writes of batch 2 to the sink %s, it writes nothing more: what the second run has made stays as it is",
    { timeout: 60_000 },
    async (target) => {
      const own = path.join(folder, `zombie-${target}`);
      const at = target === "files" ? path.join(own, "results") : "zombie";
      const stored = (name: string): Promise<unknown> =>
        target === "files" ? treeOf(name) : mongo.db("faults").collection(name).find().sort({ _id: 1 }).toArray();
      const zombie = start(own, at, "stop", "w3", target);
      await stopped(zombie.pid);
      const second = start(own, at, "none", "w3", target);
      const plain = start(path.join(folder, `plain-${target}`), `${at}-plain`, "none", "w3", target);
      expect(await second.ended).toEqual({ how: "0", out: "done\n" });
      expect(await plain.ended).toEqual({ how: "0", out: "done\n" });
      const [before, checkpoint] = [await stored(at), await treeOf(path.join(own, "checkpoint"))];
      process.kill(zombie.pid, "SIGCONT");
      expect((await zombie.ended).out).toContain("CHECKPOINT_LOST");
      expect(await stored(at)).toEqual(before);
      expect(await treeOf(path.join(own, "checkpoint"))).toEqual(checkpoint);
      expect(contentOf(before)).toEqual(contentOf(await stored(`${at}-plain`)));
    },
  );
});

/** What is stored, whatever the folder that it lies in is called. */
function contentOf(stored: unknown): unknown {
  if (Array.isArray(stored)) return stored as unknown;
  return Object.entries(stored as Record<string, string>).map(([name, text]) => [path.basename(name), text]);
}

async function treeOf(of: string): Promise<Record<string, string>> {
  const entries = (await readdir(of, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const names = entries.map((entry) => path.join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(name, "latin1")] as const)));
}

const namespaces = process.platform === "linux" && spawnSync("unshare", ["-rm", "true"]).status === 0;

describe.skipIf(!namespaces)("F15: the disk is full", () => {
  test.each([
    ["w1", { begun: 1, committed: 1 }],
    ["w2", { begun: 2, committed: 1 }],
    ["w4", { begun: 2, committed: 1 }],
  ] as const)(
    "at %s of batch 2: the query ends loudly, its checkpoint is sound, and with room again it goes on to the same results",
    { timeout: 60_000 },
    async (step, left) => {
      const own = await mkdtemp(path.join(folder, "full-"));
      const kept = path.join(folder, `full-results-${step}`);
      const script = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" "$3" "$1" "$4" fill "$5"';
      const child = spawn("unshare", ["-rm", "sh", "-c", script, "sh", own, process.execPath, job, kept, step], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, ...CODE_CACHE },
      });
      const { how, out } = await watch(child).ended;
      const [first = "", checkpoint = "", second] = out.split("\n");
      expect(how, out).toBe("0");
      expect(first).toMatch(/DISK_FULL.*Cannot write .*no space is left.*Make room/);
      expect(JSON.parse(checkpoint)).toEqual({ faults: [], ...left });
      expect(second).toBe("done");
      expect(await results(kept)).toEqual(whole);
    },
  );
});
