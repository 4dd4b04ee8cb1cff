import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSession } from "../engine/api/session.ts";
import type { CheckpointInspection } from "../engine/checkpoint/inspection.ts";
import { inspectCheckpoint } from "../engine/checkpoint/inspection.ts";
import { count } from "../engine/functions/api/aggregates.ts";
import { string, struct } from "../engine/types/schema-builder.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-inspect-"));
  const session = createSession();
  const stream = session.memoryStream(struct({ device: string() }));
  const query = await stream
    .toDF()
    .groupBy((row) => ({ device: row.device }))
    .agg(() => ({ n: count() }))
    .writeStream.outputMode("update")
    .option("checkpointLocation", folder)
    .format("noop")
    .start();
  for (const device of ["a", "b", "c"]) {
    stream.addRows([[device]]);
    await query.processAllAvailable();
  }
  await query.stop();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const main = `const { main } = await import(${JSON.stringify(path.join(import.meta.dirname, "main.ts"))}); await main(process.argv.slice(1));`;
  return new Promise((resolve) => {
    execFile(process.execPath, ["--input-type=module", "-e", main, "checkpoint", ...args], { timeout: 20_000 }, (failure, out, err) =>
      resolve({ code: failure ? Number(failure.code) : 0, out, err }),
    );
  });
}

test("inspect prints what a sound checkpoint says, as text and as JSON, and ends with 0", async () => {
  const text = await run("inspect", folder);
  expect(text).toMatchObject({ code: 0, err: "" });
  expect(text.out).toMatch(/query +[0-9a-f-]{36}/);
  expect(text.out).toContain("batches 0 to 2");
  expect(text.out).toContain("stateStoreSave(device string; count");
  expect(text.out).toContain("A restart begins batch 3 from 3.");
  const json = JSON.parse((await run("inspect", folder, "--json")).out) as CheckpointInspection & { sound: boolean };
  expect(json).toMatchObject({
    sound: true,
    sources: 1,
    begun: { batchId: 2, offsets: [3] },
    committed: { batchId: 2 },
    initialOffsets: [0],
    state: [{ needed: 3, deltas: [1, 2, 3], snapshots: [] }],
    restart: { action: "begin", batchId: 3, from: [3] },
    faults: [],
  });
});

test("verify names a damaged file and the remedy, and ends with 1; it changes nothing", async () => {
  const file = path.join(folder, "state", "0", "0", "2.delta");
  const bytes = await readFile(file);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  await writeFile(file, bytes);
  const { code, out } = await run("verify", folder);
  expect(code).toBe(1);
  expect(out).toContain(`${file}: its checksum does not fit its content [CHECKPOINT_DAMAGED]`);
  expect(out).toContain("Put the file back from a copy");
  expect(out).toContain("A restart is refused");
  expect(await readFile(file)).toEqual(bytes);
});

test("a folder that is not there, and one of somebody else's", async () => {
  expect(await run("verify", path.join(folder, "nowhere"))).toMatchObject({
    code: 1,
    err: expect.stringContaining("there is no such folder") as string,
  });
  const other = path.join(folder, "other");
  await mkdir(other);
  expect((await inspectCheckpoint(other)).faults).toMatchObject([{ code: "CHECKPOINT_FOREIGN", file: path.join(other, "metadata") }]);
});

test.each([
  [
    "a batch without its commit is run again over its range",
    ["commits/2"],
    { restart: { action: "repeat", batchId: 2, ranges: [{ from: 2, to: 3 }] }, faults: [] },
  ],
  ["a missing commit in the middle", ["commits/1"], { faults: [{ file: "commits/1", stops: false }] }],
  [
    "a missing offset that the restart needs",
    ["commits/2", "offsets/1"],
    { restart: undefined, faults: [{ file: "offsets/1", stops: true }] },
  ],
  ["a commit without its offsets", ["offsets/2"], { restart: undefined, faults: [{ file: "offsets/2", stops: true }] }],
  ["a missing link of the state", ["state/0/0/1.delta"], { restart: undefined, faults: [{ file: "state/0/0/1.delta", stops: true }] }],
  [
    "the whole end of both logs, where the state has more",
    ["offsets/2", "commits/2", "commits/1"],
    { faults: [{ file: "offsets/2", stops: true }] },
  ],
  ["the starting offset", ["sources/0/0"], { restart: undefined, faults: [{ file: "sources/0/0", stops: true }] }],
])("%s", async (_, removed, expected) => {
  for (const name of removed) await rm(path.join(folder, name));
  const found = await inspectCheckpoint(folder);
  expect({ ...found, faults: found.faults.map((fault) => ({ ...fault, file: path.relative(folder, fault.file) })) }).toMatchObject(
    expected,
  );
});

test("leftovers of interrupted writes are named and no fault; the lock's holder is told", async () => {
  await writeFile(path.join(folder, "state", "0", "0", ".4.snapshot.1.tmp"), "torn");
  await writeFile(path.join(folder, "lock"), JSON.stringify({ pid: process.pid, bootId: "another boot", processStart: "", token: "x" }));
  const found = await inspectCheckpoint(folder);
  expect(found.leftovers).toEqual([path.join(folder, "state", "0", "0", ".4.snapshot.1.tmp")]);
  expect(found.holder).toEqual({ pid: process.pid, alive: false });
  expect(found.faults).toEqual([]);
});
