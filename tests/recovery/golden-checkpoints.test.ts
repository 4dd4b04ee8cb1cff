import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError } from "../../src/engine/checkpoint/checkpoint-error.ts";
import { inspectCheckpoint } from "../../src/engine/checkpoint/inspection.ts";
import type { Row } from "../../src/engine/types/data-type.ts";
import { BatchKeeper, JOBS, type Job, startJob } from "./checkpoint-jobs.ts";

const VERSIONS = path.join(import.meta.dirname, "golden-checkpoints");
/** Every kept checkpoint was left in batch 3: begun, its state written, its results refused by the sink. */
const LEFT_IN = 3;

/** The files that a restart of the windows reads; the others it leaves alone or writes again. */
const READ_AT_START = [
  ...["metadata", "offsets/2", "offsets/3", "commits/2", "sources/0/0"],
  ...["state/0/0/1.delta", "state/0/0/2.delta", "state/0/0/3.delta"],
];

let folder = "";
const expected = new Map<Job, [number, readonly Row[]][]>();
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "streamlab-golden-"));
  for (const job of JOBS) expected.set(job, results(await run(job, path.join(folder, `whole-${job}`)), LEFT_IN));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(job: Job, checkpoint: string): Promise<BatchKeeper> {
  const sink = new BatchKeeper();
  const query = await startJob(job, checkpoint, sink);
  try {
    await query.processAllAvailable();
  } finally {
    await query.stop();
  }
  return sink;
}

/** What the sink holds from a batch on; in which order a batch has its rows is nobody's promise. */
function results(sink: BatchKeeper, from: number = 0): [number, readonly Row[]][] {
  const text = (row: Row): string => JSON.stringify(row);
  return sink.from(from).map(([batch, rows]) => [batch, [...rows].sort((a, b) => (text(a) < text(b) ? -1 : 1))]);
}

async function copyOf(version: string, job: Job): Promise<string> {
  const checkpoint = path.join(await mkdtemp(path.join(folder, "copy-")), job);
  await cp(path.join(VERSIONS, version, job), checkpoint, { recursive: true });
  return checkpoint;
}

async function filesOf(checkpoint: string): Promise<string[]> {
  const entries = await readdir(checkpoint, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.relative(checkpoint, path.join(entry.parentPath, entry.name)));
}

/** Kept checkpoints whose state this release must not read. */
const REFUSED = "v1 join";

const kept = (await readdir(VERSIONS, { recursive: true }))
  .map((name) => name.split(path.sep))
  .flatMap(([version = "", name, ...below]) =>
    /^v\d+$/.test(version) && below.length === 0 ? JOBS.filter((job) => job === name).map((job) => [version, job] as const) : [],
  )
  .filter(([version, job]) => `${version} ${job}` !== REFUSED);

test("every job has a kept checkpoint that this release reads", () => {
  expect(new Set(kept.map(([, job]) => job))).toEqual(new Set(JOBS));
});

test("the state of a join as early releases wrote it is refused, by file, version and remedy, and left as it was; inspect says the same", async () => {
  const checkpoint = await copyOf("v1", "join");
  const file = path.join(checkpoint, "state", "0", "0", "1.delta");
  const starting = run("join", checkpoint);
  await expect(starting).rejects.toMatchObject({ code: "CHECKPOINT_OLDER" });
  await expect(starting).rejects.toThrow(file);
  await expect(starting).rejects.toThrow(/format version 1.*release that wrote the checkpoint.*new checkpointLocation/s);
  for (const name of await filesOf(path.join(VERSIONS, "v1", "join")))
    expect(await readFile(path.join(checkpoint, name)), name).toEqual(await readFile(path.join(VERSIONS, "v1", "join", name)));
  const { faults } = await inspectCheckpoint(checkpoint);
  expect(faults).toContainEqual(expect.objectContaining({ file, code: "CHECKPOINT_OLDER", stops: true }));
});

test.each(kept)(
  "a checkpoint of format %s, %s: a restart runs batch 3 again and ends with the results of a run without a break",
  async (version, job) => {
    const checkpoint = await copyOf(version, job);
    const found = await inspectCheckpoint(checkpoint);
    expect(found.faults).toEqual([]);
    expect(found.restart).toEqual({ action: "repeat", batchId: LEFT_IN, ranges: [{ from: 3, to: 4 }] });
    const { queryId } = found;
    const sink = await run(job, checkpoint);
    expect(results(sink)).toEqual(expected.get(job));
    expect(sink.batches.size).toBeGreaterThanOrEqual(3);
    expect((await inspectCheckpoint(checkpoint)).queryId).toBe(queryId);
  },
);

test.each(kept)("F7: %s, %s: what torn writes of any file have left beside it is swept, and changes nothing", async (version, job) => {
  const checkpoint = await copyOf(version, job);
  for (const file of await filesOf(checkpoint)) {
    const good = await readFile(path.join(checkpoint, file));
    for (const [i, length] of [0, 1, good.length >> 1, good.length].entries()) {
      const torn = path.join(checkpoint, path.dirname(file), `.${path.basename(file)}.47${i}.tmp`);
      if (path.basename(file) !== "lock") await writeFile(torn, good.subarray(0, length));
    }
  }
  for (const log of ["offsets", "commits"]) await writeFile(path.join(checkpoint, log, ".4.4711.tmp"), "v1\n{");
  const sink = await run(job, checkpoint);
  expect(results(sink)).toEqual(expected.get(job));
  expect((await filesOf(checkpoint)).filter((file) => file.endsWith(".tmp"))).toEqual([]);
});

/** A start after `spoil`, by its outcome: the results of a whole run, or an error that names the file and the remedy. Anything else fails. */
async function outcome(job: Job, checkpoint: string, file: string, what: string): Promise<"same" | "refused"> {
  try {
    const sink = await run(job, checkpoint);
    expect(results(sink), what).toEqual(expected.get(job));
    return "same";
  } catch (thrown) {
    expect(thrown, what).toBeInstanceOf(CheckpointError);
    expect(String(thrown), what).toContain(path.join(checkpoint, file));
    expect((thrown as CheckpointError).problem.remedy, what).toMatch(/Put the file back|release that wrote|checkpointLocation/);
    return "refused";
  }
}

/** Puts the whole checkpoint back as it was kept. */
async function putBack(version: string, job: Job, checkpoint: string): Promise<void> {
  await rm(checkpoint, { recursive: true, force: true });
  await cp(path.join(VERSIONS, version, job), checkpoint, { recursive: true });
}

describe("F25: every byte of a kept checkpoint", () => {
  test.each(kept.filter(([, job]) => job === "windows" || job === "join"))(
    "%s, %s: flipped or cut off, the answer is the same or the start is refused",
    { timeout: 60_000 },
    async (version, job) => {
      const checkpoint = await copyOf(version, job);
      const refused = new Set<string>();
      for (const file of await filesOf(checkpoint)) {
        const full = path.join(checkpoint, file);
        const good = await readFile(full);
        const starts = READ_AT_START.map((name) => path.normalize(name)).includes(file) ? 16 : 1;
        for (let sample = 0; sample < starts; sample++) {
          const at = Math.floor((sample / starts) * good.length);
          const flipped = Buffer.from(good);
          flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
          for (const [what, bytes] of [
            [`${file}, byte ${at} flipped`, flipped],
            [`${file}, cut off at ${at}`, good.subarray(0, at)],
          ] as const) {
            await writeFile(full, bytes);
            if ((await outcome(job, checkpoint, file, what)) === "refused") refused.add(file);
            else await putBack(version, job, checkpoint);
          }
        }
        await writeFile(full, good);
      }
      expect([...refused].sort()).toEqual(READ_AT_START.map((name) => path.normalize(name)).sort());
    },
  );

  test.each(kept.filter(([, job]) => job === "windows" || job === "join"))(
    "%s, %s: verify finds every flipped byte and every cut in every file",
    { timeout: 60_000 },
    async (version, job) => {
      const checkpoint = await copyOf(version, job);
      for (const file of await filesOf(checkpoint)) {
        const full = path.join(checkpoint, file);
        const good = await readFile(full);
        for (let at = 0; at < good.length; at += good.length > 100 ? 7 : 2) {
          const flipped = Buffer.from(good);
          flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
          for (const bytes of [flipped, good.subarray(0, at)]) {
            await writeFile(full, bytes);
            const { faults } = await inspectCheckpoint(checkpoint);
            expect(
              faults.map((fault) => fault.file),
              `${file}, byte ${at}`,
            ).toContain(full);
          }
        }
        await writeFile(full, good);
      }
      expect((await inspectCheckpoint(checkpoint)).faults).toEqual([]);
    },
  );

  test.each(kept)("%s, %s: every missing file gives the same answer or is named", async (version, job) => {
    const checkpoint = await copyOf(version, job);
    const outcomes = new Map<string, string>();
    for (const file of await filesOf(checkpoint)) {
      await rm(path.join(checkpoint, file));
      outcomes.set(file, await missing(job, checkpoint, file));
      await putBack(version, job, checkpoint);
    }
    for (const file of ["metadata", "commits/2", "offsets/2", "sources/0/0"])
      expect(outcomes.get(path.normalize(file)), file).toBe("refused");
  });

  test.each(kept)("%s, %s: a newer format version is refused and says so", async (version, job) => {
    const checkpoint = await copyOf(version, job);
    for (const file of await filesOf(checkpoint)) {
      const full = path.join(checkpoint, file);
      const good = await readFile(full);
      const newer = Buffer.from(good);
      const isState = file.startsWith("state");
      if (isState) newer.writeUInt32LE(3, 4);
      else newer[1] = "2".charCodeAt(0);
      await writeFile(full, newer);
      if ((await outcome(job, checkpoint, file, `${file} of version 2`)) === "refused") {
        await expect(run(job, checkpoint)).rejects.toMatchObject({ code: "CHECKPOINT_NEWER" });
      }
      await putBack(version, job, checkpoint);
    }
  });

  test.each(kept)("%s, %s: no other query starts from it", async (version, job) => {
    const checkpoint = await copyOf(version, job);
    for (const other of JOBS) {
      if (other === job) continue;
      await expect(run(other, checkpoint)).rejects.toMatchObject({ code: "CHECKPOINT_OTHER_QUERY" });
      await expect(run(other, checkpoint)).rejects.toThrow(checkpoint);
    }
  });
});

/** A missing file that the start does not need may be missing; the newest batch's entry makes its predecessor the last one. */
async function missing(job: Job, checkpoint: string, file: string): Promise<string> {
  if (file === path.join("offsets", "3") && job === "stateless") {
    const sink = await run(job, checkpoint);
    expect(results(sink)).toEqual(expected.get(job));
    return "same";
  }
  return outcome(job, checkpoint, file, `${file} is missing`);
}
